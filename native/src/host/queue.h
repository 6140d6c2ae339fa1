/* Encoded lines that wait, in batches of about what one `write` takes: an event's line is copied
 * once, and a batch is written as it is. Nothing here locks, allocates under a lock, or waits. */
#ifndef SCOPEFLOW__QUEUE_H
#define SCOPEFLOW__QUEUE_H

#include "base/base.h"

typedef struct scopeflow__batch scopeflow__batch;

struct scopeflow__batch {
    scopeflow__batch *next;
    size_t capacity;
    size_t len;
    size_t at; /* How much is in the file. */
    uint64_t line_count;
    uint64_t settled_count; /* Of them, how many are in the file. */
};

static inline char *scopeflow__batch_bytes(scopeflow__batch *self) {
    return (char *)(self + 1);
}

typedef struct scopeflow__queue {
    scopeflow__batch *first;
    scopeflow__batch *last;
    scopeflow__batch *spare; /* Empty ones. */
    uint32_t spare_count;
    uint64_t bytes; /* Of all lines that wait, also those that are just being written. */
    uint64_t line_count;
    uint64_t limit_bytes;
    uint64_t limit_count;
} scopeflow__queue;

/* An empty batch with room for `bytes`, at least. Null when memory ran out. */
scopeflow__batch *scopeflow__batch_new(size_t bytes);
/* Frees a row of batches. */
void scopeflow__batch_free(scopeflow__batch *first);
void scopeflow__batch_put(scopeflow__batch *self, scopeflow_bytes line);

/* Whether the limits allow for `count` more lines of together `bytes`. Alone any line is allowed.
 */
bool scopeflow__queue_has_room(const scopeflow__queue *self, uint64_t bytes, uint64_t count);
/* Whether lines of together `bytes` can be put without another batch. */
bool scopeflow__queue_has_batch(const scopeflow__queue *self, size_t bytes);
/* Gives it an empty batch. */
void scopeflow__queue_lend(scopeflow__queue *self, scopeflow__batch *batch);
/* Needs a batch, see above. */
void scopeflow__queue_put(scopeflow__queue *self, scopeflow_bytes line);

/* The oldest batch, whose lines go on counting as waiting until it is given back; null if none. */
scopeflow__batch *scopeflow__queue_take(scopeflow__queue *self);
/* A batch that came from elsewhere counts too. */
void scopeflow__queue_count(scopeflow__queue *self, const scopeflow__batch *batch);
/* Takes back a batch that is done with; returns it if it is to be freed. */
scopeflow__batch *scopeflow__queue_return(scopeflow__queue *self, scopeflow__batch *batch);
/* Everything that it holds, in one row, to be freed. */
scopeflow__batch *scopeflow__queue_clear(scopeflow__queue *self);

#endif
