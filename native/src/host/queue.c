#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1
#endif
#include "host/queue.h"

#include "host/file.h"

#if SCOPEFLOW_HOSTED

#include <stdlib.h>

/* One to write, one to fill; further ones are given back when a burst is over. */
#define QUEUE_SPARE_LIMIT 2

/* --- A block --- */

scopeflow__block *scopeflow__block_new(size_t bytes) {
    size_t const capacity =
        bytes > SCOPEFLOW__FILE_BATCH_BYTES ? bytes : SCOPEFLOW__FILE_BATCH_BYTES;
    scopeflow__block *const made = (scopeflow__block *)malloc(sizeof *made + capacity);
    if (made == NULL) return NULL;
    memset(made, 0, sizeof *made);
    made->capacity = capacity;
    return made;
}

void scopeflow__block_free(scopeflow__block *first) {
    while (first != NULL) {
        scopeflow__block *const next = first->next;
        free(first);
        first = next;
    }
}

void scopeflow__block_put(scopeflow__block *self, scopeflow_bytes line) {
    scopeflow__copy(scopeflow__block_bytes(self) + self->len, line.ptr, line.len);
    self->len += line.len;
    self->line_count++;
}

/* --- The queue --- */

bool scopeflow__queue_has_room(const scopeflow__queue *self, uint64_t bytes, uint64_t count) {
    if (self->line_count == 0) return true;
    return self->bytes + bytes <= self->limit_bytes &&
           self->line_count + count <= self->limit_count;
}

static bool block_fits(const scopeflow__block *block, size_t bytes) {
    return block != NULL && block->capacity - block->len >= bytes;
}

bool scopeflow__queue_has_block(const scopeflow__queue *self, size_t bytes) {
    return block_fits(self->last, bytes) || block_fits(self->spare, bytes);
}

void scopeflow__queue_lend(scopeflow__queue *self, scopeflow__block *block) {
    block->next = self->spare;
    self->spare = block;
    self->spare_count++;
}

static void append_spare(scopeflow__queue *self) {
    scopeflow__block *const block = self->spare;
    self->spare = block->next;
    self->spare_count--;
    block->next = NULL;
    if (self->last != NULL)
        self->last->next = block;
    else
        self->first = block;
    self->last = block;
}

void scopeflow__queue_put(scopeflow__queue *self, scopeflow_bytes line) {
    if (!block_fits(self->last, line.len)) append_spare(self);
    scopeflow__block_put(self->last, line);
    self->bytes += line.len;
    self->line_count++;
}

scopeflow__block *scopeflow__queue_take(scopeflow__queue *self) {
    scopeflow__block *const block = self->first;
    if (block == NULL) return NULL;
    self->first = block->next;
    if (self->first == NULL) self->last = NULL;
    block->next = NULL;
    return block;
}

void scopeflow__queue_count(scopeflow__queue *self, const scopeflow__block *block) {
    self->bytes += block->len;
    self->line_count += block->line_count;
}

scopeflow__block *scopeflow__queue_return(scopeflow__queue *self, scopeflow__block *block) {
    self->bytes -= block->len;
    self->line_count -= block->line_count;
    if (self->spare_count >= QUEUE_SPARE_LIMIT || block->capacity > SCOPEFLOW__FILE_BATCH_BYTES)
        return block;
    block->len = 0;
    block->at = 0;
    block->line_count = 0;
    block->settled_count = 0;
    scopeflow__queue_lend(self, block);
    return NULL;
}

scopeflow__block *scopeflow__queue_clear(scopeflow__queue *self) {
    scopeflow__block *all = self->spare;
    scopeflow__block *block;
    while ((block = scopeflow__queue_take(self)) != NULL) {
        block->next = all;
        all = block;
    }
    self->spare = NULL;
    self->spare_count = 0;
    self->bytes = 0;
    self->line_count = 0;
    return all;
}
#endif
