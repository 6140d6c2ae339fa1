/* Payloads as events have them: with the budget of their runtime and in its form (S2.6, S2.7). */
#ifndef SCOPEFLOW__PAYLOAD_H
#define SCOPEFLOW__PAYLOAD_H

#include "json/write.h"
#include "scope/runtime.h"

void scopeflow__payload_writer_init(const scopeflow_runtime *runtime, scopeflow__buffer *out,
                                    scopeflow__json_writer *writer);

/* Writes the host's object; returns whether it is null. */
bool scopeflow__payload_write(scopeflow_runtime *runtime, scopeflow_ref payload,
                              scopeflow__buffer *out);

/* The same of an LLM request, without its credential headers, which observers never see (S3.6). */
bool scopeflow__payload_write_request(scopeflow_runtime *runtime, scopeflow_ref request,
                                      scopeflow__buffer *out);

#endif
