/* Encoded lines that wait, in blocks of about what one `write` takes: an event's line is copied
 * once, and a block is written as it is. Nothing here locks, allocates under a lock, or waits. */
#ifndef SCOPEFLOW__QUEUE_H
#define SCOPEFLOW__QUEUE_H

#include "base/base.h"

typedef struct scopeflow__block scopeflow__block;

struct scopeflow__block {
    scopeflow__block *next;
    size_t capacity;
    size_t len;
    size_t at; /* How much is in the file. */
    uint64_t line_count;
    uint64_t settled_count; /* Of them, how many are in the file. */
};

static inline char *scopeflow__block_bytes(scopeflow__block *self) {
    return (char *)(self + 1);
}

typedef struct scopeflow__queue {
    scopeflow__block *first;
    scopeflow__block *last;
    scopeflow__block *spare; /* Empty ones. */
    uint32_t spare_count;
    uint64_t bytes; /* Of all lines that wait, also those that are just being written. */
    uint64_t line_count;
    uint64_t limit_bytes;
    uint64_t limit_count;
} scopeflow__queue;

/* An empty block with room for `bytes`, at least. Null when memory ran out. */
scopeflow__block *scopeflow__block_new(size_t bytes);
/* Frees a row of blocks. */
void scopeflow__block_free(scopeflow__block *first);
void scopeflow__block_put(scopeflow__block *self, scopeflow_bytes line);

/* Whether the limits allow for `count` more lines of together `bytes`. Alone any line is allowed.
 */
bool scopeflow__queue_has_room(const scopeflow__queue *self, uint64_t bytes, uint64_t count);
/* Whether lines of together `bytes` can be put without another block. */
bool scopeflow__queue_has_block(const scopeflow__queue *self, size_t bytes);
/* Gives it an empty block. */
void scopeflow__queue_lend(scopeflow__queue *self, scopeflow__block *block);
/* Needs a block, see above. */
void scopeflow__queue_put(scopeflow__queue *self, scopeflow_bytes line);

/* The oldest block, whose lines go on counting as waiting until it is given back; null if none. */
scopeflow__block *scopeflow__queue_take(scopeflow__queue *self);
/* A block that came from elsewhere counts too. */
void scopeflow__queue_count(scopeflow__queue *self, const scopeflow__block *block);
/* Takes back a block that is done with; returns it if it is to be freed. */
scopeflow__block *scopeflow__queue_return(scopeflow__queue *self, scopeflow__block *block);
/* Everything that it holds, in one row, to be freed. */
scopeflow__block *scopeflow__queue_clear(scopeflow__queue *self);

#endif
