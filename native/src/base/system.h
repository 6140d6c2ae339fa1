/* What the core asks of the operating system when the host lends nothing better. Defined in host/,
 * which is left out of builds without an operating system. */
#ifndef SCOPEFLOW__SYSTEM_H
#define SCOPEFLOW__SYSTEM_H

#include "base/base.h"

#if SCOPEFLOW_HOSTED
/* Nanoseconds since 1970-01-01 UTC. */
int64_t scopeflow__system_clock(void);
/* Nanoseconds since some moment; it never goes back, on whatever processor. */
int64_t scopeflow__system_uptime(void);
void scopeflow__system_entropy(void *context, uint8_t *out, size_t out_len_bytes);
#endif

#endif
