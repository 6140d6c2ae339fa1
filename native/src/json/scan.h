/* Passes over JSON text (RFC 8259) and says where its values stand, without keeping any of them:
 * for whoever needs a few slices of a text that may be large. Strict as json/parse.c is, needs no
 * memory, and its depth is bounded whatever the text says. */
#ifndef SCOPEFLOW__JSON_SCAN_H
#define SCOPEFLOW__JSON_SCAN_H

#include "base/base.h"

typedef struct scopeflow__scanner {
    scopeflow_bytes text;
    size_t at; /* After a failure: the first byte that cannot be right. */
    uint32_t depth;
    uint32_t depth_limit;    /* At most SCOPEFLOW_JSON_DEPTH_LIMIT. */
    scopeflow_status status; /* After a failure: what kind, and what is wrong as a text. */
    const char *problem;
    unsigned char is_object[SCOPEFLOW_JSON_DEPTH_LIMIT / 8]; /* One bit for each open container. */
} scopeflow__scanner;

void scopeflow__scanner_init(scopeflow__scanner *self, scopeflow_bytes text, uint32_t depth_limit);

/* Remembers what is wrong at the current place; false, for the caller to return. */
bool scopeflow__scan_fail(scopeflow__scanner *self, scopeflow_status status, const char *problem);

void scopeflow__scan_space(scopeflow__scanner *self);

/* The byte at the current place, or NUL at the end of the text; NUL itself is never right. */
static inline char scopeflow__scan_peek(const scopeflow__scanner *self) {
    return self->at < self->text.len ? self->text.ptr[self->at] : '\0';
}

/* Passes over an opening or closing bracket that the caller has looked at. */
bool scopeflow__scan_open(scopeflow__scanner *self);
static inline void scopeflow__scan_close(scopeflow__scanner *self) {
    self->at++;
    self->depth--;
}

/* At the opening quote: passes over the string and gives it with its quotes, unescaped. */
bool scopeflow__scan_string(scopeflow__scanner *self, scopeflow_bytes *out_json);

/* Passes over a key and its colon, with the blanks around them. */
bool scopeflow__scan_key(scopeflow__scanner *self, scopeflow_bytes *out_json);

/* Passes over one value and the blanks before it, and gives it as it stands. */
bool scopeflow__scan_value(scopeflow__scanner *self, scopeflow_bytes *out_json);

/* Why the parser refuses a text: what is wrong, and at which byte. False if it does not. */
typedef struct scopeflow__json_fault {
    scopeflow_status status;
    size_t at;
    const char *problem;
} scopeflow__json_fault;

bool scopeflow__json_find_fault(scopeflow_bytes text, scopeflow__json_fault *out);

#endif
