/* The functions of <string.h> that the core uses.
 *
 * Bulk-memory instructions stay off: not every engine and tool has them. The compiler must not see
 * a memcpy in these loops and call what it is compiling. */
#include <string.h>

#include <stdint.h>

#define OWN __attribute__((no_builtin, noinline))

/* Unaligned access is allowed in WebAssembly; the type says so to the compiler. */
typedef uint64_t __attribute__((aligned(1), may_alias)) word;

OWN void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    unsigned char *out = to;
    const unsigned char *in = from;
    for (; size >= sizeof(word); size -= sizeof(word), out += sizeof(word), in += sizeof(word))
        *(word *)(void *)out = *(const word *)(const void *)in;
    while (size-- > 0) *out++ = *in++;
    return to;
}

OWN void *memmove(void *to, const void *from, size_t size) {
    unsigned char *const out = to;
    const unsigned char *const in = from;
    if ((uintptr_t)out - (uintptr_t)in >= size) return memcpy(to, from, size);
    while (size-- > 0) out[size] = in[size];
    return to;
}

OWN void *memset(void *to, int value, size_t size) {
    unsigned char *out = to;
    word const filling = 0x0101010101010101u * (unsigned char)value;
    for (; size >= sizeof filling; size -= sizeof filling, out += sizeof filling)
        *(word *)(void *)out = filling;
    while (size-- > 0) *out++ = (unsigned char)value;
    return to;
}

OWN int memcmp(const void *a, const void *b, size_t size) {
    const unsigned char *left = a;
    const unsigned char *right = b;
    for (; size > 0; size--, left++, right++)
        if (*left != *right) return *left < *right ? -1 : 1;
    return 0;
}

OWN void *memchr(const void *in, int value, size_t size) {
    const unsigned char *at = in;
    for (; size > 0; size--, at++)
        if (*at == (unsigned char)value) return (void *)(uintptr_t)at;
    return NULL;
}

OWN size_t strlen(const char *text) {
    const char *end = text;
    while (*end != '\0') end++;
    return (size_t)(end - text);
}
