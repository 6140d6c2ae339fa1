/* Credential headers of an LLM request, which observers never see (S3.6). */
#ifndef SCOPEFLOW__CREDENTIALS_H
#define SCOPEFLOW__CREDENTIALS_H

#include "scope/runtime.h"
#include "value/tape.h"

/* Takes them out of the `headers` of the request that the tape holds. */
void scopeflow__credentials_remove(const scopeflow_runtime *runtime, scopeflow_tape *tape);

#endif
