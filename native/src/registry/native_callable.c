/* Registering callables in C (ADR 0020). What is checked here is what only they can get wrong; the
 * rest is checked as for the host's. */
#include "base/checks.gen.h"
#include "registry/registry.h"

#if SCOPEFLOW_HOSTED /* Nothing else in C is loaded where there is no operating system. */

/* What the first version of the struct had; later ones are longer. */
#define FIRST_VERSION_BYTES                                                                        \
    (offsetof(scopeflow_native_callable, destroy) + sizeof(scopeflow_native_destroy))

static scopeflow_status check_texts(const scopeflow_native_callable *callable,
                                    scopeflow_error *out_error) {
    SCOPEFLOW__REQUIRE(callable->name.ptr != NULL || callable->name.len == 0, out_error,
                       "callable.name is null but has a length");
    SCOPEFLOW__REQUIRE(callable->gated.ptr != NULL || callable->gated.len == 0, out_error,
                       "callable.gated is null but has a length");
    return SCOPEFLOW_STATUS_OK;
}

static scopeflow_status check_kind(const scopeflow_native_callable *callable,
                                   scopeflow_error *out_error) {
    scopeflow_registry const kind = callable->registry;
    bool const is_gate = kind == SCOPEFLOW_REGISTRY_CONDITIONAL_MIDDLEWARE_GUARDRAIL;
    SCOPEFLOW__REQUIRE(kind > 0 && kind < SCOPEFLOW__REGISTRY_COUNT, out_error,
                       "callable.registry is no registry");
    SCOPEFLOW__REQUIRE(kind != SCOPEFLOW_REGISTRY_LLM_STREAM_EXECUTION_INTERCEPT, out_error,
                       "a native callable cannot be an LLM stream execution intercept");
    SCOPEFLOW__REQUIRE((callable->flags & ~(uint32_t)SCOPEFLOW_CALLABLE_FLAG_BREAK_CHAIN) == 0,
                       out_error, "callable.flags has a bit other than `break_chain`");
    SCOPEFLOW__REQUIRE(is_gate || (callable->kinds == 0 && callable->gated.len == 0), out_error,
                       "only a gate has `kinds` and `gated`");
    uint32_t const all_kinds = (1u << (SCOPEFLOW__REGISTRY_COUNT - 1)) - 1;
    SCOPEFLOW__REQUIRE(!is_gate || (callable->kinds > 0 && callable->kinds <= all_kinds), out_error,
                       "callable.kinds has no registry, or a bit that no registry has");
    return SCOPEFLOW_STATUS_OK;
}

static scopeflow_status add_checked(scopeflow_runtime *runtime, scopeflow__owner owner,
                                    const scopeflow_native_callable *callable,
                                    scopeflow_error *out_error) {
    SCOPEFLOW__REQUIRE(callable->struct_size_bytes >= FIRST_VERSION_BYTES, out_error,
                       "callable.struct_size_bytes is too small for this version");
    scopeflow_status status = check_texts(callable, out_error);
    if (status == SCOPEFLOW_STATUS_OK) status = check_kind(callable, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    if (runtime->host.decode == NULL || runtime->host.make_error == NULL)
        return scopeflow__fail_text(out_error, SCOPEFLOW_STATUS_INVALID_STATE,
                                    "this host has no `decode` and `make_error`, without which no "
                                    "native callable can answer");
    return scopeflow__registry_add_native(owner, callable, out_error);
}

scopeflow_status scopeflow_native_register(scopeflow_runtime *self,
                                           const scopeflow_native_callable *callable,
                                           scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_native_register(self, callable, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow__owner const owner = {self, NULL};
    return add_checked(self, owner, callable, out_error);
}

scopeflow_status scopeflow_native_scope_register(scopeflow_scope *self,
                                                 const scopeflow_native_callable *callable,
                                                 scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_native_scope_register(self, callable, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow__owner const owner = {NULL, self};
    return add_checked(self->runtime, owner, callable, out_error);
}

scopeflow_status scopeflow_native_deregister(scopeflow_runtime *self, scopeflow_registry registry,
                                             scopeflow_bytes name, uint32_t *out_removed,
                                             scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_native_deregister(self, registry, name, out_removed, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow__owner const owner = {self, NULL};
    return scopeflow__registry_remove(owner, registry, name, out_removed, out_error);
}

scopeflow_status scopeflow_native_scope_deregister(scopeflow_scope *self,
                                                   scopeflow_registry registry,
                                                   scopeflow_bytes name, uint32_t *out_removed,
                                                   scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_native_scope_deregister(self, registry, name, out_removed, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow__owner const owner = {NULL, self};
    return scopeflow__registry_remove(owner, registry, name, out_removed, out_error);
}
#endif
