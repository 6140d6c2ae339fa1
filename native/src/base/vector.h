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

#endif
