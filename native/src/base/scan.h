/* Copying the part of a text that stands for itself between the quotes of a JSON string: the one
 * loop that both the writer and the reader of JSON spend their time in. One pass for the look and
 * the copy, a block at a time. */
#ifndef SCOPEFLOW__SCAN_H
#define SCOPEFLOW__SCAN_H

#include "base/base.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* A control character, a quote and a backslash do not stand for themselves. Bytes above 0x7F do
 * when the caller says so: it has checked them, or will. */
static inline bool scopeflow__is_plain(unsigned char byte, bool high_is_plain) {
    return byte >= 0x20 && byte != '"' && byte != '\\' && (high_is_plain || byte < 0x80);
}

/* Not 0 if any byte of the word is not plain: its high bit is set already, or subtracting or
 * cancelling makes it borrow (Mycroft's zero-byte trick). */
static inline uint64_t scopeflow__special_bytes(uint64_t word, bool high_is_plain) {
    uint64_t const ones = 0x0101010101010101ull;
    uint64_t const quote = word ^ (ones * '"');
    uint64_t const slash = word ^ (ones * '\\');
    uint64_t const low = (word - ones * 0x20) & ~word;
    uint64_t const special = low | ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
    return (high_is_plain ? special : special | word) & (ones * 0x80);
}

static inline uint64_t scopeflow__load_eight(const char *from) {
    uint64_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

#if defined(__SSE2__)
enum { SCOPEFLOW__SCAN_BLOCK = 16 };

/* Copies a block and returns how many of its bytes are plain before the first that is not. */
static inline size_t scopeflow__copy_block(char *to, const char *from, bool high_is_plain) {
    __m128i const bytes = _mm_loadu_si128((const __m128i *)(const void *)from);
    _mm_storeu_si128((__m128i *)(void *)to, bytes);
    /* As signed bytes, 0x80 and above are below a space. */
    __m128i const low = high_is_plain
                            ? _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes)
                            : _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
    __m128i const quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i const slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    unsigned const special =
        (unsigned)_mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quote, slash)));
    return special == 0 ? SCOPEFLOW__SCAN_BLOCK : (size_t)__builtin_ctz(special);
}
#else
enum { SCOPEFLOW__SCAN_BLOCK = 8 };

static inline size_t scopeflow__copy_block(char *to, const char *from, bool high_is_plain) {
    uint64_t const word = scopeflow__load_eight(from);
    memcpy(to, &word, sizeof word);
    if (scopeflow__special_bytes(word, high_is_plain) == 0) return SCOPEFLOW__SCAN_BLOCK;
    size_t plain = 0;
    while (scopeflow__is_plain((unsigned char)from[plain], high_is_plain)) plain++;
    return plain;
}
#endif

/* Fewer bytes than a block: two words that overlap where that is possible. */
static inline size_t scopeflow__copy_short(char *to, const char *from, size_t len,
                                           bool high_is_plain) {
    if (len >= 8) {
        uint64_t const first = scopeflow__load_eight(from);
        uint64_t const last = scopeflow__load_eight(from + len - 8);
        if ((scopeflow__special_bytes(first, high_is_plain) |
             scopeflow__special_bytes(last, high_is_plain)) == 0) {
            memcpy(to, &first, sizeof first);
            memcpy(to + len - 8, &last, sizeof last);
            return len;
        }
    } else if (len >= 4) {
        uint32_t halves[2];
        memcpy(&halves[0], from, 4);
        memcpy(&halves[1], from + len - 4, 4);
        uint64_t const both = halves[0] | (uint64_t)halves[1] << 32;
        if (scopeflow__special_bytes(both, high_is_plain) == 0) {
            memcpy(to, &halves[0], 4);
            memcpy(to + len - 4, &halves[1], 4);
            return len;
        }
    }
    size_t at = 0;
    for (; at < len && scopeflow__is_plain((unsigned char)from[at], high_is_plain); at++)
        to[at] = from[at];
    return at;
}

/* Copies while bytes are plain and returns how many were. `to` has room for `len` bytes, all of
 * which may be written. */
static inline size_t scopeflow__copy_plain(char *to, const char *from, size_t len,
                                           bool high_is_plain) {
    size_t const block = SCOPEFLOW__SCAN_BLOCK;
    size_t at = 0;
    for (; len - at >= block; at += block) {
        size_t const plain = scopeflow__copy_block(to + at, from + at, high_is_plain);
        if (plain < block) return at + plain;
    }
    if (at == len) return len;
    if (at == 0) return scopeflow__copy_short(to, from, len, high_is_plain);
    at = len - block; /* The last block overlaps the one before, which was plain. */
    return at + scopeflow__copy_block(to + at, from + at, high_is_plain);
}

#endif
