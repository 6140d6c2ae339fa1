/* A value as a row of tokens (spec/api/payload.yaml). Hosts append to it, json/write.c reads it.
 *
 * Invariant: nothing that a host appends can make a reader leave the row; a row that is not exactly
 * one well-formed value is found out by `scopeflow__tape_value` and written as null. */
#ifndef SCOPEFLOW__TAPE_H
#define SCOPEFLOW__TAPE_H

#include "base/buffer.h"

typedef struct scopeflow__token scopeflow__token;

/* A token says how long its text is in 32 bits, and has a head of its own. */
#define SCOPEFLOW__TEXT_LIMIT_BYTES (UINT32_MAX - 5)

/* Who takes tokens as they come. */
typedef struct scopeflow__tape_sink scopeflow__tape_sink;
struct scopeflow__tape_sink {
    void (*put)(scopeflow__tape_sink *self, const scopeflow__token *token);
    /* What most tokens are: strings, members that are strings, and what opens and closes. A text
     * that is longer than one may be is null. */
    void (*put_string)(scopeflow__tape_sink *self, scopeflow_bytes text);
    void (*put_member)(scopeflow__tape_sink *self, scopeflow_bytes key, scopeflow_bytes text);
    void (*put_mark)(scopeflow__tape_sink *self, scopeflow_token kind);
    bool is_full; /* What follows will not be looked at. */
};

struct scopeflow_tape {
    scopeflow__buffer bytes;
    scopeflow__tape_sink *sink; /* Null: the tokens are kept, which the rest is about. */
    uint32_t depth;             /* Containers open now. */
    uint32_t skipped_depth; /* Containers open beyond the depth limit: their content is dropped. */
    bool has_set;           /* A set may be there, whose elements are in the host's order. */
    size_t least_output;    /* The JSON text has at least so many bytes. */
    size_t full_at;         /* `is_full` from there on. */
};

void scopeflow__tape_init(scopeflow_tape *self, const scopeflow__memory *memory, size_t full_at);
void scopeflow__tape_deinit(scopeflow_tape *self);

/* What no token is. */
enum { SCOPEFLOW__TOKEN_NONE = SCOPEFLOW_TOKEN_END + 1 };

static inline bool scopeflow__is_container(scopeflow_token kind) {
    return kind >= SCOPEFLOW_TOKEN_OBJECT && kind <= SCOPEFLOW_TOKEN_SET;
}

/* --- Appending --- */

/* Numbers are little-endian whatever the machine is; compilers make one access of it. */
static inline void scopeflow__put_u32(char *at, uint32_t value) {
    unsigned char bytes[4];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(value >> (8 * i));
    memcpy(at, bytes, sizeof bytes);
}
static inline void scopeflow__put_u64(char *at, uint64_t value) {
    unsigned char bytes[8];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)(value >> (8 * i));
    memcpy(at, bytes, sizeof bytes);
}

/* Begins a token and returns where its content goes, for which there is room; NULL if it is dropped
 * because it stands too deep or there is no memory. `end` takes it into the row. */
static inline char *scopeflow__tape_begin(scopeflow_tape *self, scopeflow_token kind,
                                          size_t content_bytes) {
    if (self->skipped_depth > 0) return NULL;
    if (!scopeflow__buffer_reserve(&self->bytes, 1 + content_bytes)) return NULL;
    self->bytes.ptr[self->bytes.len] = (char)kind;
    return self->bytes.ptr + self->bytes.len + 1;
}
static inline void scopeflow__tape_end(scopeflow_tape *self, size_t content_bytes,
                                       size_t text_bytes) {
    self->bytes.len += 1 + content_bytes;
    self->least_output += 1 + text_bytes;
}

static inline void scopeflow__tape_put_token(scopeflow_tape *self, scopeflow_token kind) {
    if (scopeflow__tape_begin(self, kind, 0) != NULL) scopeflow__tape_end(self, 0, 0);
}
static inline void scopeflow__tape_put_number(scopeflow_tape *self, scopeflow_token kind,
                                              uint64_t bits) {
    char *const at = scopeflow__tape_begin(self, kind, 8);
    if (at == NULL) return;
    scopeflow__put_u64(at, bits);
    scopeflow__tape_end(self, 8, 0);
}

/* A token without content; containers are counted. */
static inline void scopeflow__tape_put_mark(scopeflow_tape *self, scopeflow_token token) {
    if (scopeflow__is_container(token)) {
        if (self->skipped_depth > 0 || self->depth == SCOPEFLOW_PAYLOAD_DEPTH_LIMIT) {
            scopeflow__tape_put_token(self, SCOPEFLOW_TOKEN_TOO_DEEP);
            self->skipped_depth++;
            return;
        }
        self->depth++;
        self->has_set |= token == SCOPEFLOW_TOKEN_SET;
    } else if (token == SCOPEFLOW_TOKEN_END) {
        if (self->skipped_depth > 0) {
            self->skipped_depth--;
            return;
        }
        if (self->depth > 0) self->depth--;
    }
    scopeflow__tape_put_token(self, token);
}

/* --- Reading --- */

static inline uint32_t scopeflow__get_u32(const unsigned char *at) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}
static inline uint64_t scopeflow__get_u64(const unsigned char *at) {
    return scopeflow__get_u32(at) | (uint64_t)scopeflow__get_u32(at + 4) << 32;
}

/* Bytes that follow the first byte of a token, before its text. */
static inline size_t scopeflow__token_head_bytes(scopeflow_token kind) {
    static const unsigned char sizes[SCOPEFLOW_TOKEN_END + 1] = {0, 0, 0, 8, 8, 8, 4, 4,
                                                                 4, 4, 0, 4, 0, 0, 0, 0};
    return sizes[kind];
}

/* One that has content, or is none, makes the row ill-formed. */
static inline scopeflow_token scopeflow__mark_of(scopeflow_token token) {
    bool const is_token = token >= SCOPEFLOW_TOKEN_NULL && token <= SCOPEFLOW_TOKEN_END;
    bool const is_mark = is_token && scopeflow__token_head_bytes(token) == 0;
    return is_mark ? token : (scopeflow_token)SCOPEFLOW__TOKEN_NONE;
}

/* One token, read or about to be put. */
struct scopeflow__token {
    scopeflow_token kind;
    scopeflow_bytes text; /* string, bytes, big_integer, unserializable */
    union {
        int64_t as_int;
        uint64_t as_uint;
        double as_double;
        uint64_t as_levels; /* As wide as the others, whatever the order of bytes. */
    } number;
};

/* A place in a row of tokens that is known to be well-formed. */
typedef struct scopeflow__cursor {
    const unsigned char *at;
    const unsigned char *end;
} scopeflow__cursor;

/* Whether the tokens make exactly one value, and if so whether a set is in it. */
bool scopeflow__is_one_value(const unsigned char *at, const unsigned char *end, bool *out_has_set);

/* The tokens of the tape if they make exactly one value, else those of null. */
scopeflow__cursor scopeflow__tape_value(const scopeflow_tape *self);

static inline bool scopeflow__cursor_is_done(const scopeflow__cursor *self) {
    return self->at == self->end;
}
static inline scopeflow_token scopeflow__cursor_peek(const scopeflow__cursor *self) {
    return self->at[0];
}
static inline scopeflow__token scopeflow__cursor_read(scopeflow__cursor *self) {
    const unsigned char *const content = self->at + 1;
    size_t const head = scopeflow__token_head_bytes(self->at[0]);
    scopeflow__token token;
    token.kind = self->at[0];
    token.text = scopeflow__text("", 0);
    token.number.as_uint = 0;
    self->at = content + head;
    if (head == 8) {
        uint64_t const bits = scopeflow__get_u64(content);
        memcpy(&token.number, &bits, sizeof bits);
    } else if (head == 4 && token.kind == SCOPEFLOW_TOKEN_CYCLE) {
        token.number.as_levels = scopeflow__get_u32(content);
    } else if (head == 4) {
        token.text = scopeflow__text((const char *)self->at, scopeflow__get_u32(content));
        self->at += token.text.len;
    }
    return token;
}
/* Passes over one whole value and returns its tokens. */
scopeflow__cursor scopeflow__cursor_take(scopeflow__cursor *self);

/* Keeps a token, whatever the tape's sink is. */
void scopeflow__tape_put(scopeflow_tape *self, const scopeflow__token *token);

/* Appends tokens that were read from another tape. */
void scopeflow__tape_put_value(scopeflow_tape *self, scopeflow__cursor value);
void scopeflow__tape_put_string(scopeflow_tape *self, scopeflow_bytes text);

#endif
