/* Gates switch a registration off for one call (S3.1). What is left is a set of the call's own. */
#include "pipeline/task.h"
#include "scope/log.h"

static const scopeflow__chain *gates_of(const scopeflow__task *self) {
    return &self->middleware->chains[SCOPEFLOW_REGISTRY_CONDITIONAL_MIDDLEWARE_GUARDRAIL];
}

static uint32_t bit(scopeflow_registry kind) {
    return 1u << (kind - 1);
}

/* The registries that the call goes by, as a gate's kinds: a helper runs one chain (S4.9), and
 * sanitizers are of use only if somebody observes (S3.6). */
static uint32_t used_kinds(const scopeflow__task *self) {
    bool const is_tool = self->kind == SCOPEFLOW__TASK_TOOL;
    uint32_t const guards = bit(is_tool ? SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL
                                        : SCOPEFLOW_REGISTRY_LLM_CONDITIONAL_EXECUTION_GUARDRAIL);
    uint32_t const intercepts = bit(is_tool ? SCOPEFLOW_REGISTRY_TOOL_REQUEST_INTERCEPT
                                            : SCOPEFLOW_REGISTRY_LLM_REQUEST_INTERCEPT);
    if (self->is_standalone)
        return self->after_gates == SCOPEFLOW__PHASE_GUARD ? guards : intercepts;

    uint32_t const execution = bit(is_tool ? SCOPEFLOW_REGISTRY_TOOL_EXECUTION_INTERCEPT
                                   : self->kind == SCOPEFLOW__TASK_LLM
                                       ? SCOPEFLOW_REGISTRY_LLM_EXECUTION_INTERCEPT
                                       : SCOPEFLOW_REGISTRY_LLM_STREAM_EXECUTION_INTERCEPT);
    uint32_t const sanitizers = is_tool
                                    ? bit(SCOPEFLOW_REGISTRY_TOOL_SANITIZE_REQUEST_GUARDRAIL) |
                                          bit(SCOPEFLOW_REGISTRY_TOOL_SANITIZE_RESPONSE_GUARDRAIL)
                                    : bit(SCOPEFLOW_REGISTRY_LLM_SANITIZE_REQUEST_GUARDRAIL) |
                                          bit(SCOPEFLOW_REGISTRY_LLM_SANITIZE_RESPONSE_GUARDRAIL);
    bool const is_observed =
        scopeflow__set_count(self->middleware, SCOPEFLOW_REGISTRY_SUBSCRIBER) > 0;
    return guards | intercepts | execution | (is_observed ? sanitizers : 0);
}

/* A gate about nothing that the call would use is not asked. */
bool scopeflow__call_gate(scopeflow__task *self, scopeflow_step *step) {
    const scopeflow__chain *const gates = gates_of(self);
    uint32_t const kinds = used_kinds(self);
    while (self->index < gates->count &&
           !scopeflow__set_has_gated(self->middleware, gates->entries[self->index], kinds))
        self->index++;
    if (self->has_held || self->index == gates->count) {
        self->index = 0;
        self->phase = self->has_held ? (uint8_t)SCOPEFLOW__PHASE_FINISH : self->after_gates;
        return false;
    }
    const scopeflow__entry *const gate = gates->entries[self->index];
    scopeflow__task_fill(self, step, SCOPEFLOW_STEP_KIND_INVOKE, gate);
    step->scope = self->scope->opener;
    step->kinds = gate->gated_kinds;
    step->target = scopeflow__entry_gated(gate);
    self->pending = SCOPEFLOW__PENDING_GATE;
    return true;
}

/* Without memory for the smaller set the registration stays on, as with a gate that fails. */
static void switch_off(scopeflow__task *self, const scopeflow__entry *gate) {
    scopeflow__set *const left = scopeflow__set_without(self->middleware, gate);
    if (left == NULL) return;
    scopeflow__set_release(self->middleware);
    self->middleware = left;
}

void scopeflow__call_gated(scopeflow__task *self, const scopeflow_answer *answer) {
    const scopeflow__entry *const gate = gates_of(self)->entries[self->index++];
    if (answer->kind == SCOPEFLOW_ANSWER_KIND_CANCEL) {
        scopeflow__task_hold(self, answer->value);
        return;
    }
    if (answer->kind == SCOPEFLOW_ANSWER_KIND_ERROR)
        scopeflow__log_failure(self->runtime, SCOPEFLOW_LOG_LEVEL_WARNING,
                               SCOPEFLOW__TEXT("conditional-middleware gate"),
                               scopeflow__entry_name(gate), answer->value);
    if (answer->kind == SCOPEFLOW_ANSWER_KIND_REFUSE) switch_off(self, gate);
    scopeflow__runtime_release_ref(self->runtime, answer->value);
}
