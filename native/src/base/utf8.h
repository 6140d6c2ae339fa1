/* UTF-8 by Unicode 15, table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef SCOPEFLOW__UTF8_H
#define SCOPEFLOW__UTF8_H

#include "base/base.h"

/* Reads one code point at `text.ptr[at]`, returns its length in bytes. An ill-formed sequence
 * gives U+FFFD and the length of its maximal well-formed beginning, at least 1, as the WHATWG
 * decoder does. `at` is below `text.len`. */
size_t scopeflow__utf8_decode(scopeflow_bytes text, size_t at, uint32_t *out_code_point,
                              bool *out_valid);

/* Writes one code point, returns its length: 1 to 4. */
size_t scopeflow__utf8_encode(uint32_t code_point, char out[4]);

/* How many bytes are well-formed: all of them, or up to the first that is not. */
size_t scopeflow__utf8_valid_length(scopeflow_bytes text);

/* Nearly every text that is asked for is a short name in ASCII, told without a call. */
static inline bool scopeflow__utf8_is_valid(scopeflow_bytes text) {
    size_t at = 0;
    uint64_t eight;
    for (; text.len - at >= sizeof eight; at += sizeof eight) {
        memcpy(&eight, text.ptr + at, sizeof eight);
        if ((eight & 0x8080808080808080ull) != 0) break;
    }
    while (at < text.len && (unsigned char)text.ptr[at] < 0x80) at++;
    if (at == text.len) return true;
    scopeflow_bytes const rest = scopeflow__text(text.ptr + at, text.len - at);
    return scopeflow__utf8_valid_length(rest) == rest.len;
}

/* How many of the text's bytes fit into `room_bytes` without ending inside a code point. */
static inline size_t scopeflow__utf8_cut(scopeflow_bytes text, size_t room_bytes) {
    size_t len = text.len;
    if (len <= room_bytes) return len;
    len = room_bytes;
    while (len > 0 && ((unsigned char)text.ptr[len] & 0xC0u) == 0x80u) len--;
    return len;
}

/* Order of two well-formed texts by UTF-16 code units, as RFC 8785 sorts keys: <0, 0, >0. */
int scopeflow__utf8_compare_as_utf16(scopeflow_bytes a, scopeflow_bytes b);

#endif
