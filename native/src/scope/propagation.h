/* The portable form of a context (S1.10), on ids alone: as JSON and as W3C `traceparent`. */
#ifndef SCOPEFLOW__PROPAGATION_H
#define SCOPEFLOW__PROPAGATION_H

#include "base/base.h"

typedef struct scopeflow__propagation {
    scopeflow_uuid root_uuid;
    scopeflow_uuid parent_uuid;
} scopeflow__propagation;

enum {
    SCOPEFLOW__PROPAGATION_JSON_BYTES = 117,
    SCOPEFLOW__TRACEPARENT_BYTES = 55,
    /* Of a text that comes from elsewhere (S7.4). Ours are far shorter. */
    SCOPEFLOW__PROPAGATION_LIMIT_BYTES = 4096
};

/* Both ids must name something: one that is all zeros is `invalid_argument`. What is written is
 * the whole of a text of that length, without a NUL. */
scopeflow_status scopeflow__propagation_write_json(const scopeflow__propagation *self,
                                                   char out[SCOPEFLOW__PROPAGATION_JSON_BYTES],
                                                   scopeflow_error *out_error);

/* The trace id is the root's, the span id the low 8 bytes of the parent's, the flags are `01`. */
scopeflow_status scopeflow__propagation_write_traceparent(const scopeflow__propagation *self,
                                                          char out[SCOPEFLOW__TRACEPARENT_BYTES],
                                                          scopeflow_error *out_error);

/* Unknown keys are passed over, another version is refused. Needs a little memory, which is given
 * back. On failure `out` is as it was (S7.3). */
scopeflow_status scopeflow__propagation_read_json(const scopeflow__memory *memory,
                                                  scopeflow_bytes json, scopeflow__propagation *out,
                                                  scopeflow_error *out_error);

/* By the rules of W3C Trace Context, 3.2, whose later versions may only append. The parent's id is
 * 8 zero bytes and the span id. On failure `out` is as it was. */
scopeflow_status scopeflow__propagation_read_traceparent(scopeflow_bytes text,
                                                         scopeflow__propagation *out,
                                                         scopeflow_error *out_error);

#endif
