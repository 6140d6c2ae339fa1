/* What tells readers of the file that events are missing: a mark in their place. */
#ifndef SCOPEFLOW__DROPPED_H
#define SCOPEFLOW__DROPPED_H

#include "base/base.h"

/* A mark is never longer, and a uuid as text is as long as this. */
enum { SCOPEFLOW__DROPPED_LINE_BYTES = 384, SCOPEFLOW__DROPPED_UUID_BYTES = 36 };

/* How many events are missing since the last mark, and the root of the runtime whose they were. */
typedef struct scopeflow__dropped {
    uint64_t count;
    scopeflow_uuid root;
} scopeflow__dropped;

static inline void scopeflow__dropped_add(scopeflow__dropped *self, const scopeflow_uuid *root) {
    self->count++;
    self->root = *root;
}

/* Writes the mark, with its line end, and returns its length. */
size_t scopeflow__dropped_line(const scopeflow__dropped *self,
                               char out[SCOPEFLOW__DROPPED_LINE_BYTES]);

#endif
