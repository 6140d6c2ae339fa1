/* How wide vectors are: what every machine of the kind has, or 256 bits where it is asked at run
 * time. 64 is a word, and always right. The tests ask for less than there is. */
#ifndef SCOPEFLOW__VECTOR_H
#define SCOPEFLOW__VECTOR_H

#if !defined(SCOPEFLOW__VECTOR_BITS)
#if defined(__x86_64__) && defined(__GNUC__)
#define SCOPEFLOW__VECTOR_BITS 256
#elif defined(__SSE2__) && defined(__GNUC__)
#define SCOPEFLOW__VECTOR_BITS 128
#else
#define SCOPEFLOW__VECTOR_BITS 64
#endif
#endif

#if SCOPEFLOW__VECTOR_BITS == 256
#include <immintrin.h>
#elif SCOPEFLOW__VECTOR_BITS == 128
#include <emmintrin.h>
#endif

#include "base/base.h"

/* Copies a text. The C library's copies of a few hundred bytes and more are made for memory that is
 * not in the cache; a text is: it was just made, and is about to be read. */
static inline void scopeflow__copy_text(char *to, const char *from, size_t len) {
#if SCOPEFLOW__VECTOR_BITS >= 128
    for (; len >= 64; len -= 64, from += 64, to += 64) {
        __m128i const a = _mm_loadu_si128((const __m128i *)(const void *)from);
        __m128i const b = _mm_loadu_si128((const __m128i *)(const void *)(from + 16));
        __m128i const c = _mm_loadu_si128((const __m128i *)(const void *)(from + 32));
        __m128i const d = _mm_loadu_si128((const __m128i *)(const void *)(from + 48));
        _mm_storeu_si128((__m128i *)(void *)to, a);
        _mm_storeu_si128((__m128i *)(void *)(to + 16), b);
        _mm_storeu_si128((__m128i *)(void *)(to + 32), c);
        _mm_storeu_si128((__m128i *)(void *)(to + 48), d);
    }
#endif
    scopeflow__copy(to, from, len);
}

#endif
