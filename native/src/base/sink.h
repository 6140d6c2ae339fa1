/* What a sink of the host layer needs of the core: to be registered, and an event's line. The first
 * is defined in registry/, the second in event/. */
#ifndef SCOPEFLOW__SINK_H
#define SCOPEFLOW__SINK_H

#include "base/base.h"

scopeflow_status scopeflow__sink_register(scopeflow_runtime *runtime, scopeflow_bytes name,
                                          void (*deliver)(void *context, scopeflow_event *event),
                                          void (*free_context)(void *context), void *context,
                                          scopeflow_error *out_error);

/* The encoded event with a line end. False when memory ran out. */
bool scopeflow__event_line_with_end(scopeflow_event *event, scopeflow_bytes *out_line);

#endif
