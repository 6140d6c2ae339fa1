/* A value as a row of tokens (spec/api/payload.yaml). Hosts append to it, json/write.c reads it.
 *
 * Invariant: nothing that a host appends can make a reader leave the row; a row that is not exactly
 * one well-formed value is found out by `scopeflow__tape_value` and written as null. */
#ifndef SCOPEFLOW__TAPE_H
#define SCOPEFLOW__TAPE_H

#include "base/buffer.h"

struct scopeflow_tape {
    scopeflow__buffer bytes;
    uint32_t depth;         /* Containers open now. */
    uint32_t skipped_depth; /* Containers open beyond the depth limit: their content is dropped. */
    size_t least_output;    /* The JSON text has at least so many bytes. */
    size_t full_at;         /* `is_full` from there on. */
};

void scopeflow__tape_init(scopeflow_tape *self, const scopeflow__memory *memory, size_t full_at);
void scopeflow__tape_deinit(scopeflow_tape *self);

/* One token, read. */
typedef struct scopeflow__token {
    scopeflow_token kind;
    scopeflow_bytes text; /* string, bytes, big_integer, unserializable */
    union {
        int64_t as_int;
        uint64_t as_uint;
        double as_double;
        uint32_t as_levels;
    } number;
} scopeflow__token;

/* A place in a row of tokens that is known to be well-formed. */
typedef struct scopeflow__cursor {
    const unsigned char *at;
    const unsigned char *end;
} scopeflow__cursor;

/* The tokens of the tape if they make exactly one value, else those of null. */
scopeflow__cursor scopeflow__tape_value(const scopeflow_tape *self);

static inline bool scopeflow__cursor_is_done(const scopeflow__cursor *self) {
    return self->at == self->end;
}
scopeflow_token scopeflow__cursor_peek(const scopeflow__cursor *self);
scopeflow__token scopeflow__cursor_read(scopeflow__cursor *self);
/* Passes over one whole value and returns its tokens. */
scopeflow__cursor scopeflow__cursor_take(scopeflow__cursor *self);

static inline bool scopeflow__is_container(scopeflow_token kind) {
    return kind >= SCOPEFLOW_TOKEN_OBJECT && kind <= SCOPEFLOW_TOKEN_SET;
}

/* Appends tokens that were read from another tape. */
void scopeflow__tape_put_value(scopeflow_tape *self, scopeflow__cursor value);
void scopeflow__tape_put_string(scopeflow_tape *self, scopeflow_bytes text);

#endif
