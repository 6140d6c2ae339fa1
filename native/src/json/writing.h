/* Inside of the writer: what is written piece by piece. Only json/ includes this.
 *
 * `from` is where a value began in the output, with what stands before it: a comma, and a key. */
#ifndef SCOPEFLOW__JSON_WRITING_H
#define SCOPEFLOW__JSON_WRITING_H

#include "json/plain.h"
#include "json/write.h"

/* Beyond this a text is likely to have a special byte somewhere, and what was copied is lost. */
enum { SCOPEFLOW__SHORT_STRING_BYTES = 512 };

/* Copies all of a text that is nothing but plain bytes; false if it is not. What most keys and
 * values are is copied in place, longer ones out of line. */
bool scopeflow__json_copy_longer(char *to, scopeflow_bytes text);
static inline bool scopeflow__json_copy_all(char *to, scopeflow_bytes text) {
    if (text.len >= SCOPEFLOW__PLAIN_BLOCK) return scopeflow__json_copy_longer(to, text);
    return scopeflow__copy_short(to, text.ptr, text.len, false) == text.len;
}

/* A short text of nothing but plain bytes, in quotes; all of it or nothing. */
static inline bool scopeflow__json_write_short_string(scopeflow__buffer *out,
                                                      scopeflow_bytes text) {
    if (text.len > SCOPEFLOW__SHORT_STRING_BYTES || !scopeflow__buffer_reserve(out, text.len + 2))
        return false;
    char *const to = out->ptr + out->len;
    if (!scopeflow__json_copy_all(to + 1, text)) return false;
    to[0] = '"';
    to[text.len + 1] = '"';
    out->len += text.len + 2;
    return true;
}

/* The rest of the next value; false if it was dropped, from its beginning, for want of budget. */
bool scopeflow__json_write_from(scopeflow__json_writer *self, size_t from, scopeflow__cursor *next);

/* As that, of a string. The first one that does not fit is cut; if not even its quotes fit, it is
 * dropped. */
bool scopeflow__json_write_string_from(scopeflow__json_writer *self, size_t from,
                                       scopeflow_bytes text);

/* Anything but a string or a container. */
void scopeflow__json_write_scalar(scopeflow__buffer *out, const scopeflow__token *token);

/* Takes what was written since `from` out of the budget, or takes it back: false. */
bool scopeflow__json_charge(scopeflow__json_writer *self, size_t from);

/* S2.6: one marker, in the innermost container; those around it only close. */
void scopeflow__json_write_truncation(scopeflow__json_writer *self, bool comma, bool in_object);

#endif
