/* The part of a text that stands for itself between the quotes of a JSON string: the loop that the
 * writer, the parser and the scanner of JSON spend their time in, a block of bytes at a time. */
#ifndef SCOPEFLOW__PLAIN_H
#define SCOPEFLOW__PLAIN_H

#include "base/base.h"
#include "base/vector.h"

/* A control character, a quote and a backslash do not stand for themselves. Bytes above 0x7F do
 * when the caller says so: it has checked them, or will. */
static inline bool scopeflow__is_plain(unsigned char byte, bool high_is_plain) {
    return byte >= 0x20 && byte != '"' && byte != '\\' && (high_is_plain || byte < 0x80);
}

static inline uint64_t scopeflow__load_eight(const char *from) {
    uint64_t word;
    memcpy(&word, from, sizeof word);
    return word;
}

/* --- Blocks: what a vector register holds, or a word --- */

/* A mask has one bit for each byte of a block that is plain, the lowest for the first. */
#if SCOPEFLOW__VECTOR_BITS >= 128
enum { SCOPEFLOW__PLAIN_BLOCK = 16, SCOPEFLOW__ALL_PLAIN = 0xFFFF };
typedef __m128i scopeflow__block;

static inline scopeflow__block scopeflow__load_block(const char *from) {
    return _mm_loadu_si128((const __m128i *)(const void *)from);
}
static inline void scopeflow__store_block(char *to, scopeflow__block bytes) {
    _mm_storeu_si128((__m128i *)(void *)to, bytes);
}
static inline uint32_t scopeflow__plain_mask(scopeflow__block bytes, bool high_is_plain) {
    /* As signed bytes, 0x80 and above are below a space. */
    __m128i const text = high_is_plain
                             ? _mm_cmpeq_epi8(_mm_max_epu8(bytes, _mm_set1_epi8(0x20)), bytes)
                             : _mm_cmpgt_epi8(bytes, _mm_set1_epi8(0x1F));
    __m128i const quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i const slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    return (uint32_t)_mm_movemask_epi8(_mm_andnot_si128(_mm_or_si128(quote, slash), text));
}
static inline bool scopeflow__has_high(scopeflow__block bytes) {
    return _mm_movemask_epi8(bytes) != 0;
}
#else
enum { SCOPEFLOW__PLAIN_BLOCK = 8, SCOPEFLOW__ALL_PLAIN = 0xFF };
typedef uint64_t scopeflow__block;

/* Not 0 if any byte of the word is not plain: its high bit is set already, or subtracting or
 * cancelling makes it borrow (Mycroft's zero-byte trick). The order of bytes plays no part. */
static inline uint64_t scopeflow__special_bytes(uint64_t word, bool high_is_plain) {
    uint64_t const ones = 0x0101010101010101ull;
    uint64_t const quote = word ^ (ones * '"');
    uint64_t const slash = word ^ (ones * '\\');
    uint64_t const low = (word - ones * 0x20) & ~word;
    uint64_t const special = low | ((quote - ones) & ~quote) | ((slash - ones) & ~slash);
    return (high_is_plain ? special : special | word) & (ones * 0x80);
}

static inline scopeflow__block scopeflow__load_block(const char *from) {
    return scopeflow__load_eight(from);
}
static inline void scopeflow__store_block(char *to, scopeflow__block bytes) {
    memcpy(to, &bytes, sizeof bytes);
}
static inline uint32_t scopeflow__plain_mask(scopeflow__block bytes, bool high_is_plain) {
    if (scopeflow__special_bytes(bytes, high_is_plain) == 0) return SCOPEFLOW__ALL_PLAIN;
    unsigned char row[sizeof bytes]; /* In the order of memory, whatever that of the machine is. */
    uint32_t mask = 0;
    memcpy(row, &bytes, sizeof row);
    for (size_t i = 0; i < sizeof row; i++)
        mask |= (uint32_t)scopeflow__is_plain(row[i], high_is_plain) << i;
    return mask;
}
static inline bool scopeflow__has_high(scopeflow__block bytes) {
    return (bytes & 0x8080808080808080ull) != 0;
}
#endif

/* The place of the first byte that is not plain; the mask has one. */
static inline size_t scopeflow__first_special(uint32_t mask) {
#if defined(__GNUC__)
    return (size_t)__builtin_ctz(~mask);
#else
    size_t at = 0;
    while ((mask >> at & 1) != 0) at++;
    return at;
#endif
}

/* Copies a block, whatever is in it, and returns how many of its bytes are plain before the first
 * that is not. */
static inline size_t scopeflow__copy_block(char *to, const char *from, bool high_is_plain) {
    scopeflow__block const bytes = scopeflow__load_block(from);
    scopeflow__store_block(to, bytes);
    uint32_t const mask = scopeflow__plain_mask(bytes, high_is_plain);
    if (mask == SCOPEFLOW__ALL_PLAIN) return SCOPEFLOW__PLAIN_BLOCK;
    return scopeflow__first_special(mask);
}

/* --- Runs --- */

enum { SCOPEFLOW__PLAIN_GROUP = 64, SCOPEFLOW__LONG_RUN = 256 };

#if SCOPEFLOW__VECTOR_BITS == 256
/* As below, in half as many steps. With the highest bits flipped, signed bytes have the order of
 * unsigned ones. */
__attribute__((target("avx2"))) static inline size_t
scopeflow__copy_groups_avx2(char *to, const char *from, size_t len, bool high_is_plain) {
    __m256i const quote = _mm256_set1_epi8('"');
    __m256i const slash = _mm256_set1_epi8('\\');
    __m256i const flip = _mm256_set1_epi8(high_is_plain ? (char)0x80 : 0);
    __m256i const low = _mm256_xor_si256(_mm256_set1_epi8(0x1F), flip);
    size_t at = 0;
    for (; len - at >= SCOPEFLOW__PLAIN_GROUP; at += SCOPEFLOW__PLAIN_GROUP) {
        __m256i plain = _mm256_set1_epi8(-1);
        for (size_t i = at; i < at + SCOPEFLOW__PLAIN_GROUP; i += sizeof plain) {
            __m256i const bytes = _mm256_loadu_si256((const __m256i *)(const void *)(from + i));
            _mm256_storeu_si256((__m256i *)(void *)(to + i), bytes);
            __m256i const text = _mm256_cmpgt_epi8(_mm256_xor_si256(bytes, flip), low);
            __m256i const marks =
                _mm256_or_si256(_mm256_cmpeq_epi8(bytes, quote), _mm256_cmpeq_epi8(bytes, slash));
            plain = _mm256_and_si256(plain, _mm256_andnot_si256(marks, text));
        }
        if (_mm256_movemask_epi8(plain) != -1) break;
    }
    return at;
}
#endif

/* Copies groups of blocks that are plain and returns how many bytes they have: one branch a group.
 * `to` has room for `len` bytes. */
static inline size_t scopeflow__copy_groups(char *to, const char *from, size_t len,
                                            bool high_is_plain) {
#if SCOPEFLOW__VECTOR_BITS == 256
    if (len >= SCOPEFLOW__LONG_RUN && __builtin_cpu_supports("avx2"))
        return scopeflow__copy_groups_avx2(to, from, len, high_is_plain);
#endif
    size_t at = 0;
    for (; len - at >= SCOPEFLOW__PLAIN_GROUP; at += SCOPEFLOW__PLAIN_GROUP) {
        uint32_t mask = SCOPEFLOW__ALL_PLAIN;
        for (size_t i = at; i < at + SCOPEFLOW__PLAIN_GROUP; i += SCOPEFLOW__PLAIN_BLOCK) {
            scopeflow__block const bytes = scopeflow__load_block(from + i);
            scopeflow__store_block(to + i, bytes);
            mask &= scopeflow__plain_mask(bytes, high_is_plain);
        }
        if (mask != SCOPEFLOW__ALL_PLAIN) break;
    }
    return at;
}

/* Two words of a text that overlap, or are one, where it has fewer bytes than they. */
typedef struct scopeflow__word_pair {
    uint64_t first;
    uint64_t last;
} scopeflow__word_pair;

#if SCOPEFLOW__VECTOR_BITS >= 128
static inline bool scopeflow__pair_is_plain(scopeflow__word_pair pair, bool high_is_plain) {
    __m128i const both = _mm_set_epi64x((long long)pair.last, (long long)pair.first);
    return scopeflow__plain_mask(both, high_is_plain) == SCOPEFLOW__ALL_PLAIN;
}
#else
static inline bool scopeflow__pair_is_plain(scopeflow__word_pair pair, bool high_is_plain) {
    return (scopeflow__special_bytes(pair.first, high_is_plain) |
            scopeflow__special_bytes(pair.last, high_is_plain)) == 0;
}
#endif

/* Fewer bytes than a block, and at least four: true if all are plain, and copied. */
SCOPEFLOW__INLINE bool scopeflow__copy_pair(char *to, const char *from, size_t len,
                                            bool high_is_plain) {
    scopeflow__word_pair pair;
    if (len >= 8) {
        pair.first = scopeflow__load_eight(from);
        pair.last = scopeflow__load_eight(from + len - 8);
        if (!scopeflow__pair_is_plain(pair, high_is_plain)) return false;
        memcpy(to, &pair.first, sizeof pair.first);
        memcpy(to + len - 8, &pair.last, sizeof pair.last);
        return true;
    }
    uint32_t halves[2];
    memcpy(&halves[0], from, 4);
    memcpy(&halves[1], from + len - 4, 4);
    pair.first = halves[0] | (uint64_t)halves[1] << 32;
    pair.last = pair.first;
    if (!scopeflow__pair_is_plain(pair, high_is_plain)) return false;
    memcpy(to, &halves[0], 4);
    memcpy(to + len - 4, &halves[1], 4);
    return true;
}

/* Fewer bytes than a block. */
SCOPEFLOW__INLINE size_t scopeflow__copy_short(char *to, const char *from, size_t len,
                                               bool high_is_plain) {
    if (len >= 4 && scopeflow__copy_pair(to, from, len, high_is_plain)) return len;
    size_t at = 0;
    for (; at < len && scopeflow__is_plain((unsigned char)from[at], high_is_plain); at++)
        to[at] = from[at];
    return at;
}

/* Copies while bytes are plain and returns how many were. `to` has room for `len` bytes, all of
 * which may be written. */
static inline size_t scopeflow__copy_plain(char *to, const char *from, size_t len,
                                           bool high_is_plain) {
    size_t const block = SCOPEFLOW__PLAIN_BLOCK;
    if (len < block) return scopeflow__copy_short(to, from, len, high_is_plain);
    size_t at = scopeflow__copy_block(to, from, high_is_plain);
    if (at < block) return at;
    at += scopeflow__copy_groups(to + at, from + at, len - at, high_is_plain);
    for (; len - at >= block; at += block) {
        size_t const plain = scopeflow__copy_block(to + at, from + at, high_is_plain);
        if (plain < block) return at + plain;
    }
    if (at == len) return len;
    at = len - block; /* The last block overlaps the one before, which was plain. */
    return at + scopeflow__copy_block(to + at, from + at, high_is_plain);
}

/* How many bytes are plain before the first that is not. */
static inline size_t scopeflow__plain_length(const char *from, size_t len, bool high_is_plain) {
    size_t at = 0;
    for (; len - at >= SCOPEFLOW__PLAIN_BLOCK; at += SCOPEFLOW__PLAIN_BLOCK) {
        uint32_t const mask =
            scopeflow__plain_mask(scopeflow__load_block(from + at), high_is_plain);
        if (mask != SCOPEFLOW__ALL_PLAIN) return at + scopeflow__first_special(mask);
    }
    while (at < len && scopeflow__is_plain((unsigned char)from[at], high_is_plain)) at++;
    return at;
}

#endif
