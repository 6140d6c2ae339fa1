/* What goes wrong without anybody being told by other means (S5.7): the last messages are kept, and
 * the host's log hook gets each. */
#ifndef SCOPEFLOW__LOG_H
#define SCOPEFLOW__LOG_H

#include "scope/runtime.h"

/* "<title> '<name>' failed: <type>: <message>"; the error may be 0. Runs host code. */
SCOPEFLOW__COLD void scopeflow__log_failure(scopeflow_runtime *runtime, scopeflow_log_level level,
                                            scopeflow_bytes title, scopeflow_bytes name,
                                            scopeflow_ref error);

/* "<title> '<name>' failed: <fault>", where the core itself has found it. Runs host code. */
SCOPEFLOW__COLD void scopeflow__log_fault(scopeflow_runtime *runtime, scopeflow_log_level level,
                                          scopeflow_bytes title, scopeflow_bytes name,
                                          const char *fault);

#endif
