/* The spill file: lines that found no room in the queue, until they are read back in their order.
 * It is made when it is first needed, beside the event file, under a name that no other process
 * uses, and removed when it has been read to its end. */
#ifndef SCOPEFLOW__SPILL_H
#define SCOPEFLOW__SPILL_H

#include "host/queue.h"

typedef struct scopeflow__spill {
    char *path; /* With room for a number behind it. */
    size_t path_len;
    int descriptor; /* -1 when there is none. */
    uint64_t read_at;
    uint64_t write_at;
    uint64_t limit_bytes;
} scopeflow__spill;

/* `<path>.spill`. False when memory ran out. */
bool scopeflow__spill_init(scopeflow__spill *self, const char *path, uint64_t limit_bytes);

/* Whether lines wait in it. As long as they do, later ones have to follow them. */
static inline bool scopeflow__spill_is_used(const scopeflow__spill *self) {
    return self->read_at < self->write_at;
}
static inline bool scopeflow__spill_has_room(const scopeflow__spill *self, uint64_t bytes) {
    return self->write_at + bytes <= self->limit_bytes;
}

/* These return 0 or an errno. */

/* Appends a line; a failure leaves the file as it was. */
int scopeflow__spill_put(scopeflow__spill *self, scopeflow_bytes line);

/* The oldest lines in a new batch. They stay in the file until `scopeflow__spill_taken`, and may be
 * read while others are put. */
int scopeflow__spill_read(const scopeflow__spill *self, scopeflow__batch **out_batch);
void scopeflow__spill_taken(scopeflow__spill *self, const scopeflow__batch *batch);

/* In the child after a fork: the file is the parent's. */
void scopeflow__spill_leave(scopeflow__spill *self);

/* Removes the file, unless lines wait in it, and is done with it. */
void scopeflow__spill_remove(scopeflow__spill *self);
void scopeflow__spill_deinit(scopeflow__spill *self);

#endif
