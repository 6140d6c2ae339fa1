/* Tokens as JSON text: escapes, numbers, budget, sets and canonical form (S2.6, S2.7). */
#ifndef SCOPEFLOW__JSON_WRITE_H
#define SCOPEFLOW__JSON_WRITE_H

#include "value/tape.h"

typedef struct scopeflow__json_writer {
    scopeflow__buffer *out;
    uint32_t budget_bytes;
    size_t left_bytes; /* Of the budget; markers and closers are free. */
    bool canonical;
    bool truncated; /* The budget is spent: nothing more is visited. */
    bool is_marked; /* And the reader has been told so. */
} scopeflow__json_writer;

void scopeflow__json_writer_init(scopeflow__json_writer *self, scopeflow__buffer *out,
                                 uint32_t budget_bytes, bool canonical);

/* Writes one value. */
void scopeflow__json_write(scopeflow__json_writer *self, scopeflow__cursor value);

/* A member of an object that is put together from several sources. */
typedef struct scopeflow__member {
    scopeflow_bytes key;
    scopeflow__cursor value;
    bool is_free; /* The runtime's own: written also when the budget is spent. */
} scopeflow__member;

/* Writes an object of these members; in canonical form they are sorted in place. */
void scopeflow__json_write_members(scopeflow__json_writer *self, scopeflow__member *members,
                                   size_t count);

/* Writes bytes as base64 with padding (RFC 4648, section 4), outside any budget. */
void scopeflow__write_base64(scopeflow__buffer *out, scopeflow_bytes bytes);

/* Writes a text in quotes, outside any budget. */
void scopeflow__json_write_string(scopeflow__buffer *out, scopeflow_bytes text);

#endif
