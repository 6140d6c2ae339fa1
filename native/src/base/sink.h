/* What a sink of the host layer needs of the core: to be registered, an event's line, and the log.
 * Defined in registry/, event/ and scope/. */
#ifndef SCOPEFLOW__SINK_H
#define SCOPEFLOW__SINK_H

#include "base/base.h"

scopeflow_status scopeflow__sink_register(scopeflow_runtime *runtime, scopeflow_bytes name,
                                          void (*deliver)(void *context, scopeflow_event *event),
                                          void (*free_context)(void *context), void *context,
                                          scopeflow_error *out_error);

/* The encoded event with a line end. False when memory ran out. */
bool scopeflow__event_line_with_end(scopeflow_event *event, scopeflow_bytes *out_line);

/* Says in the runtime's log that the sink of this path fails (S5.7). Runs host code. */
void scopeflow__sink_log_failure(scopeflow_runtime *runtime, scopeflow_bytes path,
                                 scopeflow_bytes reason);

#endif
