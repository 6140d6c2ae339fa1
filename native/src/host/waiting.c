#if !defined(_DEFAULT_SOURCE)
#define _DEFAULT_SOURCE 1
#endif
#include "host/waiting.h"

#if SCOPEFLOW_HOSTED
#include <errno.h>
#include <time.h>

#define WAITING_NS_PER_SECOND 1000000000
/* A century: far enough, and no sum with it overflows. */
#define WAITING_NEVER_NS (100ll * 366 * 86400 * WAITING_NS_PER_SECOND)

int64_t scopeflow__monotonic_ns(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) return 0;
    return (int64_t)now.tv_sec * WAITING_NS_PER_SECOND + now.tv_nsec;
}

int64_t scopeflow__deadline_after(uint64_t timeout_ns) {
    uint64_t const longest = (uint64_t)WAITING_NEVER_NS;
    return scopeflow__monotonic_ns() + (int64_t)(timeout_ns < longest ? timeout_ns : longest);
}

static struct timespec timespec_of(int64_t ns) {
    struct timespec moment;
    moment.tv_sec = (time_t)(ns / WAITING_NS_PER_SECOND);
    moment.tv_nsec = (long)(ns % WAITING_NS_PER_SECOND);
    return moment;
}

#if defined(__APPLE__)
/* There a condition has no clock, but can wait for a length of time. */
bool scopeflow__condition_init(pthread_cond_t *condition) {
    return pthread_cond_init(condition, NULL) == 0;
}

bool scopeflow__wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t deadline_ns) {
    int64_t const left_ns = deadline_ns - scopeflow__monotonic_ns();
    if (left_ns <= 0) return false;
    struct timespec const left = timespec_of(left_ns);
    return pthread_cond_timedwait_relative_np(condition, lock, &left) != ETIMEDOUT;
}
#elif defined(_WIN32)
/* There a condition waits by the time of day. */
bool scopeflow__condition_init(pthread_cond_t *condition) {
    return pthread_cond_init(condition, NULL) == 0;
}

bool scopeflow__wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t deadline_ns) {
    int64_t const left_ns = deadline_ns - scopeflow__monotonic_ns();
    struct timespec now;
    if (left_ns <= 0 || clock_gettime(CLOCK_REALTIME, &now) != 0) return false;
    struct timespec deadline = timespec_of(left_ns + now.tv_nsec);
    deadline.tv_sec += now.tv_sec;
    return pthread_cond_timedwait(condition, lock, &deadline) != ETIMEDOUT;
}
#else
bool scopeflow__condition_init(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) return false;
    bool const is_made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                         pthread_cond_init(condition, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    return is_made;
}

bool scopeflow__wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t deadline_ns) {
    struct timespec const deadline = timespec_of(deadline_ns);
    return pthread_cond_timedwait(condition, lock, &deadline) != ETIMEDOUT;
}
#endif
#endif
