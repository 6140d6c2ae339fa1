#include "base/fed.h"

void scopeflow__fed_init(scopeflow__fed *self, const scopeflow__memory *memory) {
    memset(self, 0, sizeof *self);
    scopeflow__buffer_init(&self->bytes, memory);
    self->is_hungry = true;
}

void scopeflow__fed_deinit(scopeflow__fed *self) {
    scopeflow__buffer_deinit(&self->bytes);
}

static void drop_read(scopeflow__fed *self) {
    size_t const left = scopeflow__fed_left(self);
    if (self->at == 0) return;
    if (left > 0) memmove(self->bytes.ptr, self->bytes.ptr + self->at, left);
    self->bytes.len = left;
    self->searched -= self->at;
    self->at = 0;
}

scopeflow_status scopeflow__fed_put(scopeflow__fed *self, scopeflow_bytes piece, const char *unread,
                                    scopeflow_error *out_error) {
    if (self->is_finished)
        return scopeflow__fail_text(out_error, SCOPEFLOW_STATUS_INVALID_STATE,
                                    "the input was finished");
    if (!self->is_hungry)
        return scopeflow__fail_text(out_error, SCOPEFLOW_STATUS_INVALID_STATE, unread);
    drop_read(self);
    if (!scopeflow__buffer_reserve(&self->bytes, piece.len)) {
        self->bytes.failed = false; /* It is as it was, and memory may come back. */
        return scopeflow__fail_memory(out_error);
    }
    scopeflow__buffer_put_text(&self->bytes, piece);
    self->is_hungry = piece.len == 0;
    return SCOPEFLOW_STATUS_OK;
}

void scopeflow__fed_pass(scopeflow__fed *self, size_t len) {
    self->at += len;
    self->offset += len;
    if (self->searched < self->at) self->searched = self->at;
}
