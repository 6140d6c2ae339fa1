/* What a reader of event files makes of an input, as a text that tests compare. */
#ifndef SCOPEFLOW_TESTS_READING_H
#define SCOPEFLOW_TESTS_READING_H

#include "session.h"

/* Limits of 0 are the defaults. */
typedef struct reading {
    scopeflow_runtime *runtime;
    uint32_t line_limit_bytes;
    uint32_t depth_limit;
    scopeflow_status status; /* The first failure; what was read before it is kept. */
    char *log;               /* A line for each item, in full; NUL-terminated. */
    size_t len;
    size_t event_count;
    size_t bad_line_count;
} reading;

void reading_init(reading *self, scopeflow_runtime *runtime);
void reading_deinit(reading *self);

/* Reads an input that comes in pieces; sizes beyond the input's end are cut. The log is begun anew.
 * False if an operation failed. */
bool reading_of_pieces(reading *self, scopeflow_bytes input, const size_t *sizes, size_t count);
bool reading_of_equal_pieces(reading *self, scopeflow_bytes input, size_t size);

#endif
