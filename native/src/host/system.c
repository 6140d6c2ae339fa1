/* Clock and entropy of a POSIX system. */
#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1
#endif
#include "base/system.h"

#if SCOPEFLOW_HOSTED
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#if defined(_WIN32)
#include "host/windows.h"
#endif

#define SYSTEM_NS_PER_SECOND 1000000000

static int64_t read_clock(clockid_t clock) {
    struct timespec now;
    if (clock_gettime(clock, &now) != 0) return 0;
    return (int64_t)now.tv_sec * SYSTEM_NS_PER_SECOND + now.tv_nsec;
}

int64_t scopeflow__system_clock(void) {
    return read_clock(CLOCK_REALTIME);
}

int64_t scopeflow__system_uptime(void) {
    return read_clock(CLOCK_MONOTONIC);
}

void scopeflow__system_entropy(void *context, uint8_t *out, size_t out_len_bytes) {
    (void)context;
    /* Ids that could repeat would be worse than none; it fails only on a kernel without it. */
    if (getentropy(out, out_len_bytes) != 0) abort();
}
#endif
