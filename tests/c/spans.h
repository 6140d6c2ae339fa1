/* Which scopes an observer has seen start and not yet end (S4.3). */
#ifndef SCOPEFLOW_TESTS_SPANS_H
#define SCOPEFLOW_TESTS_SPANS_H

#include "scopeflow/scopeflow.h"

#include <stdbool.h>

enum { SPANS = 4096 };

typedef struct spans {
    scopeflow_uuid open[SPANS]; /* Started, or ended, but not both. */
    bool has_ended[SPANS];
    size_t open_count;
    uint64_t odd_count;  /* What has started twice, or ended twice. */
    uint64_t late_count; /* Starts that came after their ends. */
} spans;

/* Notes an event. */
void spans_see(spans *self, scopeflow_event *event);

/* What has to be accounted for by dropped events, once nothing is open any more. */
static inline uint64_t spans_missing(const spans *self) {
    return self->open_count + self->odd_count;
}

/* Forgets what was missed. */
void spans_reset(spans *self);

#endif
