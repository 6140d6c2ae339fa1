#include "base/buffer.h"

/* Most lines fit. */
#define FIRST_CAPACITY_BYTES 512u

void scopeflow__buffer_deinit(scopeflow__buffer *self) {
    if (!self->is_lent) scopeflow__deallocate(self->memory, self->ptr, self->capacity);
    scopeflow__buffer_init(self, self->memory);
}

static char *move_out(scopeflow__buffer *self, size_t capacity) {
    char *const made = (char *)self->memory->reallocate(self->memory->context, NULL, 0, capacity);
    if (made == NULL) return NULL;
    scopeflow__copy(made, self->ptr, self->len);
    self->is_lent = false;
    return made;
}

SCOPEFLOW__NOINLINE bool scopeflow__buffer_grow(scopeflow__buffer *self, size_t more_bytes) {
    if (self->failed) return false;

    if (more_bytes > SIZE_MAX / 2 - self->len) {
        self->failed = true;
        return false;
    }
    size_t capacity = self->capacity > 0 ? self->capacity : FIRST_CAPACITY_BYTES;
    while (capacity - self->len < more_bytes) capacity *= 2;
    if (capacity == self->capacity) return true;

    char *const ptr = self->is_lent
                          ? move_out(self, capacity)
                          : (char *)self->memory->reallocate(self->memory->context, self->ptr,
                                                             self->capacity, capacity);
    if (ptr == NULL) {
        self->failed = true;
        return false;
    }
    self->ptr = ptr;
    self->capacity = capacity;
    return true;
}
