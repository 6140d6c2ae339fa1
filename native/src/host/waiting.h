/* Waiting for another thread, by a clock that nobody sets. */
#ifndef SCOPEFLOW__WAITING_H
#define SCOPEFLOW__WAITING_H

#include "base/base.h"

#if SCOPEFLOW_HOSTED
#include <pthread.h>

/* Nanoseconds since some moment in the past. */
int64_t scopeflow__monotonic_ns(void);

/* The moment that lies `timeout_ns` ahead; one that is too far off to be told is never. */
int64_t scopeflow__deadline_after(uint64_t timeout_ns);

/* Fails only where the system is out of memory. */
bool scopeflow__condition_init(pthread_cond_t *condition);

/* False once the deadline has passed. */
bool scopeflow__wait_until(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t deadline_ns);
#endif

#endif
