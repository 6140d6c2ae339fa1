#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1
#endif
#include "host/queue.h"

#include "base/vector.h"
#include "host/file.h"

#if SCOPEFLOW_HOSTED

#include <stdlib.h>

/* One to write, one to fill; further ones are given back when a burst is over. */
#define QUEUE_SPARE_LIMIT 2
/* One for long lines is kept, too: memory that is new costs more than to write it. */
#define QUEUE_SPARE_LIMIT_BYTES 1048576

/* --- A batch --- */

scopeflow__batch *scopeflow__batch_new(size_t bytes) {
    size_t const capacity =
        bytes > SCOPEFLOW__FILE_BATCH_BYTES ? bytes : SCOPEFLOW__FILE_BATCH_BYTES;
    scopeflow__batch *const made = (scopeflow__batch *)malloc(sizeof *made + capacity);
    if (made == NULL) return NULL;
    memset(made, 0, sizeof *made);
    made->capacity = capacity;
    return made;
}

void scopeflow__batch_free(scopeflow__batch *first) {
    while (first != NULL) {
        scopeflow__batch *const next = first->next;
        free(first);
        first = next;
    }
}

void scopeflow__batch_put(scopeflow__batch *self, scopeflow_bytes line) {
    scopeflow__copy_text(scopeflow__batch_bytes(self) + self->len, line.ptr, line.len);
    self->len += line.len;
    self->line_count++;
}

/* --- The queue --- */

bool scopeflow__queue_has_room(const scopeflow__queue *self, uint64_t bytes, uint64_t count) {
    if (self->line_count == 0) return true;
    return self->bytes + bytes <= self->limit_bytes &&
           self->line_count + count <= self->limit_count;
}

static bool batch_fits(const scopeflow__batch *batch, size_t bytes) {
    return batch != NULL && batch->capacity - batch->len >= bytes;
}

bool scopeflow__queue_has_batch(const scopeflow__queue *self, size_t bytes) {
    return batch_fits(self->last, bytes) || batch_fits(self->spare, bytes);
}

void scopeflow__queue_lend(scopeflow__queue *self, scopeflow__batch *batch) {
    batch->next = self->spare;
    self->spare = batch;
    self->spare_count++;
}

static void append_spare(scopeflow__queue *self) {
    scopeflow__batch *const batch = self->spare;
    self->spare = batch->next;
    self->spare_count--;
    batch->next = NULL;
    if (self->last != NULL)
        self->last->next = batch;
    else
        self->first = batch;
    self->last = batch;
}

void scopeflow__queue_put(scopeflow__queue *self, scopeflow_bytes line) {
    if (!batch_fits(self->last, line.len)) append_spare(self);
    scopeflow__batch_put(self->last, line);
    self->bytes += line.len;
    self->line_count++;
}

scopeflow__batch *scopeflow__queue_take(scopeflow__queue *self) {
    scopeflow__batch *const batch = self->first;
    if (batch == NULL) return NULL;
    self->first = batch->next;
    if (self->first == NULL) self->last = NULL;
    batch->next = NULL;
    return batch;
}

void scopeflow__queue_count(scopeflow__queue *self, const scopeflow__batch *batch) {
    self->bytes += batch->len;
    self->line_count += batch->line_count;
}

scopeflow__batch *scopeflow__queue_return(scopeflow__queue *self, scopeflow__batch *batch) {
    self->bytes -= batch->len;
    self->line_count -= batch->line_count;
    if (self->spare_count >= QUEUE_SPARE_LIMIT || batch->capacity > QUEUE_SPARE_LIMIT_BYTES)
        return batch;
    batch->len = 0;
    batch->at = 0;
    batch->line_count = 0;
    batch->settled_count = 0;
    scopeflow__queue_lend(self, batch);
    return NULL;
}

scopeflow__batch *scopeflow__queue_clear(scopeflow__queue *self) {
    scopeflow__batch *all = self->spare;
    scopeflow__batch *batch;
    while ((batch = scopeflow__queue_take(self)) != NULL) {
        batch->next = all;
        all = batch;
    }
    self->spare = NULL;
    self->spare_count = 0;
    self->bytes = 0;
    self->line_count = 0;
    return all;
}
#endif
