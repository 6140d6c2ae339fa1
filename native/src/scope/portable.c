/* A context in its portable form, and a context that goes on under one (S1.10). */
#include "base/checks.gen.h"
#include "scope/propagation.h"
#include "scope/scope.h"

/* --- Out --- */

/* The trace: what was propagated to the root, else the outermost scope that was opened under it. */
static bool find_trace(const scopeflow_scope *scope, scopeflow_uuid *out_root) {
    const scopeflow_scope *outermost = NULL;
    for (; !scopeflow__scope_is_any_root(scope); scope = scope->parent) outermost = scope;
    if (!scopeflow__is_zero_uuid(&scope->detached_from)) {
        *out_root = scope->detached_from;
        return true;
    }
    if (outermost != NULL) *out_root = outermost->uuid;
    return outermost != NULL;
}

static void write_texts(const scopeflow__propagation *ids, scopeflow_propagation *out) {
    (void)scopeflow__propagation_write_json(ids, out->json, NULL);
    (void)scopeflow__propagation_write_traceparent(ids, out->traceparent, NULL);
    out->json[SCOPEFLOW__PROPAGATION_JSON_BYTES] = '\0';
    out->traceparent[SCOPEFLOW__TRACEPARENT_BYTES] = '\0';
}

scopeflow_status scopeflow_propagation_capture(scopeflow_runtime *runtime, scopeflow_scope *current,
                                               scopeflow_propagation *out_propagation,
                                               scopeflow_error *out_error) {
    if (current == NULL && runtime != NULL) current = runtime->root;
    scopeflow_status const status =
        scopeflow__check_propagation_capture(runtime, current, out_propagation, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    SCOPEFLOW__REQUIRE(current->runtime == runtime, out_error,
                       "the current scope belongs to another runtime");
    const scopeflow_scope *const open = scopeflow__scope_nearest_open(current);
    scopeflow__propagation ids;
    if (!find_trace(open, &ids.root_uuid))
        return scopeflow__fail_text(out_error, SCOPEFLOW_STATUS_INVALID_STATE,
                                    "no scope is open in this context, so there is no trace");
    ids.parent_uuid = open->uuid;
    memset(out_propagation, 0, sizeof *out_propagation);
    out_propagation->root_uuid = ids.root_uuid;
    out_propagation->parent_uuid = ids.parent_uuid;
    write_texts(&ids, out_propagation);
    return SCOPEFLOW_STATUS_OK;
}

/* --- In --- */

/* A `traceparent` begins with its version, two hexadecimal digits; JSON never does. */
static scopeflow_status read_portable(const scopeflow_runtime *runtime, scopeflow_bytes text,
                                      scopeflow__propagation *out, scopeflow_error *out_error) {
    char const first = text.len > 0 ? text.ptr[0] : '\0';
    bool const is_hexadecimal = (first >= '0' && first <= '9') || (first >= 'a' && first <= 'f');
    return is_hexadecimal
               ? scopeflow__propagation_read_traceparent(text, out, out_error)
               : scopeflow__propagation_read_json(&runtime->memory, text, out, out_error);
}

scopeflow_status scopeflow_propagation_adopt(scopeflow_runtime *runtime, scopeflow_bytes text,
                                             scopeflow_scope **out_scope,
                                             scopeflow_error *out_error) {
    scopeflow_status status =
        scopeflow__check_propagation_adopt(runtime, text, out_scope, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    if (scopeflow__runtime_is_closed(runtime)) return scopeflow__fail_closed(out_error);
    scopeflow__propagation ids;
    status = read_portable(runtime, text, &ids, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow_scope *const self = scopeflow__scope_new_own_root(runtime);
    if (self == NULL) return scopeflow__fail_memory(out_error);
    self->uuid = ids.parent_uuid;
    self->detached_from = ids.root_uuid;
    *out_scope = self;
    return SCOPEFLOW_STATUS_OK;
}
