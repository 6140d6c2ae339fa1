/* Ended scopes whose memory goes at once, while a handle of the host may still be used. */
#include "base/checks.gen.h"
#include "event/text.h"
#include "scope/scope.h"

/* Whether what `recall` is told is all that is known of it. The caller's is the only reference:
 * nobody else can take one meanwhile. */
static bool can_be_recalled(const scopeflow_scope *self) {
    return scopeflow__load_u32(&self->phase) == SCOPEFLOW__SCOPE_ENDED &&
           scopeflow__load_u32(&self->refs) == 1 && self->opener == self->parent &&
           !self->is_detached && !self->is_manual &&
           !__atomic_load_n(&self->owns_view, __ATOMIC_ACQUIRE) &&
           self->fork_generation == self->runtime->fork_generation;
}

scopeflow_status scopeflow_scope_retire(scopeflow_scope *self, scopeflow_scope_remains *out_remains,
                                        scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_scope_retire(self, out_remains, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    memset(out_remains, 0, sizeof *out_remains);
    if (!can_be_recalled(self)) return SCOPEFLOW_STATUS_OK;
    out_remains->is_retired = true;
    out_remains->uuid = self->uuid;
    out_remains->started_at_ns = self->started_at_ns;
    out_remains->attributes = self->attributes;
    scopeflow_scope_release(self);
    return SCOPEFLOW_STATUS_OK;
}

static scopeflow_status check_recall(const scopeflow_runtime *runtime,
                                     const scopeflow_scope *parent, scopeflow_bytes name,
                                     scopeflow_bytes detail, scopeflow_error *out_error) {
    SCOPEFLOW__REQUIRE(parent->runtime == runtime, out_error,
                       "the parent scope belongs to another runtime");
    scopeflow_status const status = scopeflow__name_check(name, "the name of a scope", out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    return scopeflow__name_check(detail, "the detail of a scope", out_error);
}

scopeflow_status scopeflow_scope_recall(scopeflow_runtime *runtime, scopeflow_scope *parent,
                                        scopeflow_bytes name, scopeflow_bytes detail,
                                        scopeflow_scope_type scope_type, uint32_t attributes,
                                        scopeflow_bytes uuid, int64_t started_at_ns,
                                        scopeflow_scope **out_scope, scopeflow_error *out_error) {
    if (parent == NULL && runtime != NULL) parent = runtime->root;
    scopeflow_status status =
        scopeflow__check_scope_recall(runtime, parent, name, detail, scope_type, attributes, uuid,
                                      started_at_ns, out_scope, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    status = check_recall(runtime, parent, name, detail, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow_uuid id;
    SCOPEFLOW__REQUIRE(scopeflow__uuid_read(uuid, &id), out_error, "uuid is no uuid");

    scopeflow__place const place = {parent, parent, parent, NULL};
    scopeflow_scope *const self =
        scopeflow__scope_new(runtime, &place, scope_type, attributes, name, detail);
    if (self == NULL) return scopeflow__fail_memory(out_error);
    self->uuid = id;
    self->started_at_ns = started_at_ns;
    scopeflow__store_u32(&self->phase, SCOPEFLOW__SCOPE_ENDED);
    *out_scope = self;
    return SCOPEFLOW_STATUS_OK;
}
