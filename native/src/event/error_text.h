/* What observers may read of an error or of the reason of a refusal (S3.6). */
#ifndef SCOPEFLOW__ERROR_TEXT_H
#define SCOPEFLOW__ERROR_TEXT_H

#include "event/event.h"
#include "value/tape.h"

typedef struct scopeflow__error_view {
    scopeflow_tape described; /* What the host says of the error; texts below point into it, */
    scopeflow_tape sanitized; /* or into this. */
    scopeflow_bytes type;
    scopeflow_bytes message;
    scopeflow_bytes status; /* Of the runtime's own errors, as the host knows them; else empty. */
    bool has_message;       /* False: it is withheld. */
} scopeflow__error_view;

/* Looks at an error object, or at a reason. To be given back whatever came out. */
void scopeflow__error_view_init(scopeflow__error_view *self, const scopeflow_event *event,
                                scopeflow_ref error, bool is_reason);
/* `out` is the tape that its texts went into: what memory was missing for fails that too. */
void scopeflow__error_view_deinit(scopeflow__error_view *self, scopeflow_tape *out);

#endif
