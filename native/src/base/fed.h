/* Bytes that a caller feeds in pieces, cut anywhere, and that are read from the front. What was
 * read is dropped when more is fed, so that no more is held than what was not read and one piece.
 */
#ifndef SCOPEFLOW__FED_H
#define SCOPEFLOW__FED_H

#include "base/buffer.h"

typedef struct scopeflow__fed {
    scopeflow__buffer bytes; /* Fed and not yet dropped. */
    size_t at;               /* The first byte that was not read. */
    size_t searched;         /* Between `at` and here is no line end: no byte is searched twice. */
    uint64_t offset;         /* Of `at` in the whole input. */
    bool is_hungry;          /* All that is whole was read; the owner says when. */
    bool is_finished;
} scopeflow__fed;

void scopeflow__fed_init(scopeflow__fed *self, const scopeflow__memory *memory);
void scopeflow__fed_deinit(scopeflow__fed *self);

/* Takes the next piece. Fails with `unread` where the piece before was not read to its end, with
 * invalid_state when the input was finished, and with no_memory, all as if nothing had been fed. */
scopeflow_status scopeflow__fed_put(scopeflow__fed *self, scopeflow_bytes piece, const char *unread,
                                    scopeflow_error *out_error);

/* Goes on behind so many bytes. */
void scopeflow__fed_pass(scopeflow__fed *self, size_t len);

static inline const char *scopeflow__fed_start(const scopeflow__fed *self) {
    return self->bytes.ptr + self->at;
}
static inline size_t scopeflow__fed_left(const scopeflow__fed *self) {
    return self->bytes.len - self->at;
}

/* Whether a byte order mark stands before everything. */
static inline bool scopeflow__fed_has_mark(const scopeflow__fed *self) {
    return self->offset == 0 && scopeflow__fed_left(self) >= 3 &&
           memcmp(scopeflow__fed_start(self), "\xEF\xBB\xBF", 3) == 0;
}

#endif
