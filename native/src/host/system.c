/* Clock and entropy of a POSIX system. */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1
#endif
#include "base/system.h"

#if SCOPEFLOW_HOSTED
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SYSTEM_NS_PER_SECOND 1000000000

int64_t scopeflow__system_clock(void *context) {
    (void)context;
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return 0;
    return (int64_t)now.tv_sec * SYSTEM_NS_PER_SECOND + now.tv_nsec;
}

void scopeflow__system_entropy(void *context, uint8_t *out, size_t out_len_bytes) {
    (void)context;
    /* Ids that could repeat would be worse than none; it fails only on a kernel without it. */
    if (getentropy(out, out_len_bytes) != 0) abort();
}
#endif
