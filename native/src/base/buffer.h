/* A growing row of bytes. When memory runs out it stays valid, keeps what it has and remembers
 * `failed`: callers check once at the end instead of after every byte. */
#ifndef SCOPEFLOW__BUFFER_H
#define SCOPEFLOW__BUFFER_H

#include "base/base.h"

typedef struct scopeflow__buffer {
    char *ptr;
    size_t len;
    size_t capacity;
    const scopeflow__memory *memory;
    bool failed;
    bool is_lent; /* `ptr` is somebody else's memory, until more is needed than there is. */
} scopeflow__buffer;

static inline void scopeflow__buffer_init(scopeflow__buffer *self,
                                          const scopeflow__memory *memory) {
    self->ptr = NULL;
    self->len = 0;
    self->capacity = 0;
    self->memory = memory;
    self->failed = false;
    self->is_lent = false;
}
/* Begins in the memory at `ptr`, which has to stay until it is deinitialized. */
static inline void scopeflow__buffer_init_in(scopeflow__buffer *self,
                                             const scopeflow__memory *memory, char *ptr,
                                             size_t capacity) {
    scopeflow__buffer_init(self, memory);
    self->ptr = ptr;
    self->capacity = capacity;
    self->is_lent = true;
}
void scopeflow__buffer_deinit(scopeflow__buffer *self);

/* Makes room for `more` bytes; false once the buffer has failed. */
bool scopeflow__buffer_grow(scopeflow__buffer *self, size_t more_bytes);

static inline bool scopeflow__buffer_reserve(scopeflow__buffer *self, size_t more_bytes) {
    if (SCOPEFLOW__LIKELY(self->capacity - self->len >= more_bytes && !self->failed)) return true;
    return scopeflow__buffer_grow(self, more_bytes);
}
static inline void scopeflow__buffer_put(scopeflow__buffer *self, const void *ptr, size_t len) {
    /* Not even no bytes may be put at a null pointer. */
    if (len == 0 || !scopeflow__buffer_reserve(self, len)) return;
    memcpy(self->ptr + self->len, ptr, len);
    self->len += len;
}
static inline void scopeflow__buffer_put_byte(scopeflow__buffer *self, char byte) {
    if (!scopeflow__buffer_reserve(self, 1)) return;
    self->ptr[self->len++] = byte;
}
static inline void scopeflow__buffer_put_text(scopeflow__buffer *self, scopeflow_bytes text) {
    scopeflow__buffer_put(self, text.ptr, text.len);
}

#endif
