/* What every file of the core stands on: the public types, memory, atomics and error texts.
 *
 * Nothing here touches the operating system. Memory comes from the host's `reallocate`; the
 * C library is only its default (see base/memory.c). The code is C11 that also compiles as C++17,
 * so that the amalgamation can be dropped into either.
 */
#ifndef SCOPEFLOW__BASE_H
#define SCOPEFLOW__BASE_H

#include "scopeflow/scopeflow.h"

#include <stdbool.h>
#include <string.h>

/* A platform without an operating system (WebAssembly) leaves native/src/host out. */
#ifndef SCOPEFLOW_HOSTED
#define SCOPEFLOW_HOSTED 1
#endif

#if defined(__GNUC__) || defined(__clang__)
#define SCOPEFLOW__LIKELY(condition) (__builtin_expect(!!(condition), 1))
#define SCOPEFLOW__NOINLINE __attribute__((noinline))
#define SCOPEFLOW__COLD __attribute__((cold, noinline))
#else
#define SCOPEFLOW__LIKELY(condition) (condition)
#define SCOPEFLOW__NOINLINE
#define SCOPEFLOW__COLD
#endif

/* For what is on the way of each step or of each text, and called from more than one place. The
 * WebAssembly build has to be small, and leaves it to the compiler. */
#if (defined(__GNUC__) || defined(__clang__)) && SCOPEFLOW_HOSTED
#define SCOPEFLOW__INLINE static inline __attribute__((always_inline))
#else
#define SCOPEFLOW__INLINE static inline
#endif

/* Zeroes what has a size that the compiler knows, some hundred bytes, in pieces: of one memset it
 * makes a string instruction, which is slow to start. */
SCOPEFLOW__INLINE void scopeflow__clear(void *ptr, size_t size) {
    size_t const piece = size / 64 * 8;
    char *const bytes = (char *)ptr;
    memset(bytes, 0, piece);
    memset(bytes + piece, 0, piece);
    memset(bytes + 2 * piece, 0, piece);
    memset(bytes + 3 * piece, 0, piece);
    memset(bytes + 4 * piece, 0, piece);
    memset(bytes + 5 * piece, 0, piece);
    memset(bytes + 6 * piece, 0, piece);
    memset(bytes + 7 * piece, 0, piece);
    memset(bytes + 8 * piece, 0, size - 8 * piece);
}

/* --- Atomics. The compiler's builtins serve C and C++ alike; <stdatomic.h> does not. --- */

static inline uint32_t scopeflow__load_u32(const uint32_t *at) {
    return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}
static inline void scopeflow__store_u32(uint32_t *at, uint32_t value) {
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
}
static inline uint64_t scopeflow__load_u64(const uint64_t *at) {
    return __atomic_load_n(at, __ATOMIC_RELAXED);
}
static inline void scopeflow__store_u64(uint64_t *at, uint64_t value) {
    __atomic_store_n(at, value, __ATOMIC_RELAXED);
}
static inline uint64_t scopeflow__fetch_add_u64(uint64_t *at, uint64_t step) {
    return __atomic_fetch_add(at, step, __ATOMIC_RELAXED);
}
static inline bool scopeflow__swap_u32(uint32_t *at, uint32_t expected, uint32_t desired) {
    return __atomic_compare_exchange_n(at, &expected, desired, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}
static inline void scopeflow__ref_up(uint32_t *refs) {
    (void)__atomic_fetch_add(refs, 1, __ATOMIC_RELAXED);
}
/* True when the last reference has gone; what the other owners wrote is then visible. */
static inline bool scopeflow__ref_down(uint32_t *refs) {
    return __atomic_fetch_sub(refs, 1, __ATOMIC_ACQ_REL) == 1;
}
/* The same for what nobody finds who has no reference to it. Its last owner is alone with it, which
 * a look tells for less than a subtraction that others see. */
static inline bool scopeflow__sole_ref_down(uint32_t *refs) {
    return __atomic_load_n(refs, __ATOMIC_ACQUIRE) == 1 || scopeflow__ref_down(refs);
}

/* A lock for a few dozen instructions, never held while host code runs (S6.2). */
typedef struct scopeflow__spinlock {
    uint8_t held;
} scopeflow__spinlock;

static inline void scopeflow__lock(scopeflow__spinlock *lock) {
    while (__atomic_test_and_set(&lock->held, __ATOMIC_ACQUIRE)) {
        while (__atomic_load_n(&lock->held, __ATOMIC_RELAXED)) {
        }
    }
}
static inline void scopeflow__unlock(scopeflow__spinlock *lock) {
    __atomic_clear(&lock->held, __ATOMIC_RELEASE);
}

/* --- Texts --- */

#define SCOPEFLOW__TEXT(literal) (scopeflow__text("" literal, sizeof(literal) - 1))

static inline scopeflow_bytes scopeflow__text(const char *ptr, size_t len) {
    scopeflow_bytes text;
    text.ptr = ptr;
    text.len = len;
    return text;
}
static inline scopeflow_bytes scopeflow__c_text(const char *text) {
    return scopeflow__text(text, strlen(text));
}
static inline bool scopeflow__same_text(scopeflow_bytes a, scopeflow_bytes b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
/* FNV-1a, started from a seed so that nobody can choose colliding keys. */
static inline uint64_t scopeflow__hash(scopeflow_bytes key, uint64_t seed) {
    uint64_t hash = 0xCBF29CE484222325ull ^ seed;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.ptr[i]) * 0x100000001B3ull;
    return hash ^ (hash >> 32);
}
static inline bool scopeflow__starts_with(scopeflow_bytes text, scopeflow_bytes start) {
    return text.len >= start.len &&
           scopeflow__same_text(start, scopeflow__text(text.ptr, start.len));
}
static inline char scopeflow__upper(char c) {
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}
static inline char scopeflow__lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}
/* Whether `name`, in any case of letters, is `lower`, which is in lower case. */
static inline bool scopeflow__same_lower(scopeflow_bytes lower, scopeflow_bytes name) {
    if (lower.len != name.len) return false;
    for (size_t i = 0; i < name.len; i++)
        if (scopeflow__lower(name.ptr[i]) != lower.ptr[i]) return false;
    return true;
}
/* memcpy with a null source is undefined even for no bytes. */
static inline void scopeflow__copy(void *to, const void *from, size_t size_bytes) {
    if (size_bytes > 0) memcpy(to, from, size_bytes);
}
static inline bool scopeflow__is_zero_uuid(const scopeflow_uuid *uuid) {
    for (size_t i = 0; i < sizeof uuid->bytes; i++)
        if (uuid->bytes[i] != 0) return false;
    return true;
}

/* --- Memory --- */

typedef struct scopeflow__memory {
    void *(*reallocate)(void *context, void *block, size_t old_size_bytes, size_t new_size_bytes);
    void *context;
} scopeflow__memory;

/* The C library's allocator, or null functions where there is none. */
scopeflow__memory scopeflow__memory_default(void);

static inline void *scopeflow__allocate(const scopeflow__memory *memory, size_t size_bytes) {
    return memory->reallocate(memory->context, NULL, 0, size_bytes);
}
static inline void scopeflow__deallocate(const scopeflow__memory *memory, void *block,
                                         size_t size_bytes) {
    if (block != NULL) (void)memory->reallocate(memory->context, block, size_bytes, 0);
}

/* --- Errors --- */

/* Fills `out_error` (null allowed) with "<prefix of the status>: <parts>" and returns the status.
 * A quoted part longer than a line is shortened, so that the end of the sentence survives. */
SCOPEFLOW__COLD scopeflow_status scopeflow__fail(scopeflow_error *out_error,
                                                 scopeflow_status status, scopeflow_bytes a,
                                                 scopeflow_bytes b, scopeflow_bytes c);
SCOPEFLOW__COLD scopeflow_status scopeflow__fail_text(scopeflow_error *out_error,
                                                      scopeflow_status status, const char *text);
SCOPEFLOW__COLD scopeflow_status scopeflow__fail_memory(scopeflow_error *out_error);

/* An argument must hold; otherwise the operation fails before it changes anything (S7.3). */
#define SCOPEFLOW__REQUIRE(condition, out_error, text)                                             \
    do {                                                                                           \
        if (!SCOPEFLOW__LIKELY(condition))                                                         \
            return scopeflow__fail_text(out_error, SCOPEFLOW_STATUS_INVALID_ARGUMENT, text);       \
    } while (0)

#endif
