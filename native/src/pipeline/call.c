/* How managed calls and their standalone helpers begin (S4.1, S4.9). */
#include "pipeline/task.h"

#include "base/checks.gen.h"

/* What the options of all these operations have in common. */
typedef struct request {
    scopeflow__task_kind kind;
    scopeflow_call_flag flags;
    scopeflow_scope *current;
    scopeflow_scope *parent;
    scopeflow_bytes name;
    scopeflow_bytes detail; /* Tool call id or model name. */
    uint32_t attributes;
    scopeflow_ref payload;
    scopeflow_ref data;
    scopeflow_ref metadata;
    scopeflow_ref codec;
    scopeflow_ref response_codec;
    int64_t timestamp_ns;
    scopeflow_emitter *emitter;
    scopeflow__phase first_phase;
    bool is_standalone;
} request;

/* --- Checks --- */

static scopeflow_status check_chain(const scopeflow__chain *chain, scopeflow_error *out_error) {
    if ((chain->flags & SCOPEFLOW_CALLABLE_FLAG_ASYNC) == 0) return SCOPEFLOW_STATUS_OK;
    uint32_t at = 0;
    while ((chain->entries[at]->flags & SCOPEFLOW_CALLABLE_FLAG_ASYNC) == 0) at++;
    char start[64];
    scopeflow_bytes const title =
        scopeflow__c_text(scopeflow__registry_titles[chain->entries[at]->kind]);
    scopeflow__copy(start, title.ptr, title.len);
    memcpy(start + title.len, " '", 2);
    return scopeflow__fail(out_error, SCOPEFLOW_STATUS_INVALID_STATE,
                           scopeflow__text(start, title.len + 2),
                           scopeflow__entry_name(chain->entries[at]),
                           SCOPEFLOW__TEXT("' is async and cannot be used in a sync call"));
}

static const scopeflow_registry tool_chains[] = {
    SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL,
    SCOPEFLOW_REGISTRY_TOOL_REQUEST_INTERCEPT, SCOPEFLOW_REGISTRY_TOOL_EXECUTION_INTERCEPT};
static const scopeflow_registry llm_chains[] = {
    SCOPEFLOW_REGISTRY_LLM_CONDITIONAL_EXECUTION_GUARDRAIL,
    SCOPEFLOW_REGISTRY_LLM_REQUEST_INTERCEPT, SCOPEFLOW_REGISTRY_LLM_EXECUTION_INTERCEPT};
static const scopeflow_registry stream_chains[] = {
    SCOPEFLOW_REGISTRY_LLM_CONDITIONAL_EXECUTION_GUARDRAIL,
    SCOPEFLOW_REGISTRY_LLM_REQUEST_INTERCEPT, SCOPEFLOW_REGISTRY_LLM_STREAM_EXECUTION_INTERCEPT};

/* S3.8: a sync call must not meet middleware that has to be awaited, and says so before anything
 * is emitted. A helper meets only the one chain that it runs. */
static scopeflow_status check_sync(const scopeflow__set *middleware, const request *given,
                                   scopeflow_error *out_error) {
    if ((given->flags & SCOPEFLOW_CALL_FLAG_SYNC) == 0 || middleware == NULL)
        return SCOPEFLOW_STATUS_OK;
    const scopeflow_registry *const kinds = given->kind == SCOPEFLOW__TASK_TOOL  ? tool_chains
                                            : given->kind == SCOPEFLOW__TASK_LLM ? llm_chains
                                                                                 : stream_chains;
    bool const only_guards = given->is_standalone && given->first_phase == SCOPEFLOW__PHASE_GUARD;
    for (int i = 0; i < 3; i++) {
        if (given->is_standalone && (i == 0) != only_guards) continue;
        if (given->is_standalone && i == 2) continue;
        scopeflow_status const status = check_chain(&middleware->chains[kinds[i]], out_error);
        if (status != SCOPEFLOW_STATUS_OK) return status;
    }
    return SCOPEFLOW_STATUS_OK;
}

static scopeflow_status check_names(const request *given, scopeflow_error *out_error) {
    bool const is_tool = given->kind == SCOPEFLOW__TASK_TOOL;
    scopeflow_status const status = scopeflow__name_check(
        given->name, is_tool ? "the name of a tool" : "the name of a provider", out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    return scopeflow__name_check(given->detail, is_tool ? "a tool call id" : "the name of a model",
                                 out_error);
}

/* --- Beginning --- */

/* Sanitizers too, though nobody may observe yet: whoever comes later sees what the sanitizers of
 * the beginning leave (S3.4). */
static bool needs_middleware(const scopeflow_scope *scope, const request *given) {
    return scopeflow__may_see(scope, given->kind == SCOPEFLOW__TASK_TOOL
                                         ? SCOPEFLOW__GROUP_TOOL | SCOPEFLOW__GROUP_TOOL_SANITIZERS
                                         : SCOPEFLOW__GROUP_LLM | SCOPEFLOW__GROUP_LLM_SANITIZERS);
}

/* The call's span is reserved at once, so that the start cannot fail for want of memory after a
 * guard has passed; it draws its id and time only at the start (S2.3). */
static scopeflow_status reserve(scopeflow_runtime *runtime, const request *given,
                                scopeflow_scope **out_span, scopeflow__set **out_middleware,
                                scopeflow_error *out_error) {
    scopeflow__place place;
    scopeflow_status status =
        scopeflow__place_find(runtime, given->current, given->parent, &place, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    bool failed = false;
    scopeflow__set *const middleware =
        needs_middleware(place.inherit, given) ? scopeflow__set_of(place.inherit, &failed) : NULL;
    if (failed) return scopeflow__fail_memory(out_error);
    status = check_sync(middleware, given, out_error);
    if (status != SCOPEFLOW_STATUS_OK) {
        scopeflow__set_release(middleware);
        return status;
    }
    scopeflow_scope_type const type =
        given->kind == SCOPEFLOW__TASK_TOOL ? SCOPEFLOW_SCOPE_TYPE_TOOL : SCOPEFLOW_SCOPE_TYPE_LLM;
    scopeflow_scope *const span =
        scopeflow__scope_new(runtime, &place, type, given->attributes, given->name, given->detail);
    bool const is_stream = given->kind == SCOPEFLOW__TASK_LLM_STREAM;
    if (span == NULL || (is_stream && !scopeflow__stream_reserve(span))) {
        scopeflow_scope_release(span);
        scopeflow__set_release(middleware);
        return scopeflow__fail_memory(out_error);
    }
    span->is_call = true;
    *out_span = span;
    *out_middleware = middleware;
    return SCOPEFLOW_STATUS_OK;
}

static scopeflow_status begin_call(scopeflow_runtime *runtime, const request *given,
                                   scopeflow_task *task, scopeflow_step *out_step,
                                   scopeflow_error *out_error) {
    scopeflow_status status = check_names(given, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow_scope *span = NULL;
    scopeflow__set *middleware = NULL;
    status = reserve(runtime, given, &span, &middleware, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;

    scopeflow__task *const self = scopeflow__task_of(task);
    scopeflow__task_begin(self, runtime);
    self->kind = (uint8_t)given->kind;
    bool const is_gated =
        scopeflow__set_count(middleware, SCOPEFLOW_REGISTRY_CONDITIONAL_MIDDLEWARE_GUARDRAIL) > 0;
    self->after_gates = (uint8_t)given->first_phase;
    self->phase = is_gated ? (uint8_t)SCOPEFLOW__PHASE_GATE : self->after_gates;
    self->is_standalone = given->is_standalone;
    self->can_await = (given->flags & SCOPEFLOW_CALL_FLAG_SYNC) == 0;
    self->has_finalizer = (given->flags & SCOPEFLOW_CALL_FLAG_FINALIZER) != 0;
    self->wants_chunk_marks = (given->flags & SCOPEFLOW_CALL_FLAG_CHUNK_MARKS) != 0;
    self->scope = span;
    self->middleware = middleware;
    self->request = given->payload;
    self->data = given->data;
    self->codec = given->codec;
    self->response_codec = given->response_codec;
    self->timestamp_ns = given->timestamp_ns;
    span->metadata = given->metadata;
    if (scopeflow__has_abandoned(runtime)) scopeflow__task_emit_abandoned(self);
    scopeflow__task_run(self, given->emitter, out_step);
    return SCOPEFLOW_STATUS_OK;
}

/* --- Tools --- */

scopeflow_status scopeflow_tool_execute(scopeflow_runtime *runtime,
                                        const scopeflow_tool_execute_options *options,
                                        scopeflow_task *task, scopeflow_step *out_step,
                                        scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_tool_execute(runtime, options, task, out_step, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    request given;
    memset(&given, 0, sizeof given);
    given.kind = SCOPEFLOW__TASK_TOOL;
    given.first_phase = SCOPEFLOW__PHASE_GUARD;
    given.flags = options->flags;
    given.current = options->current;
    given.parent = options->parent;
    given.name = options->name;
    given.detail = options->tool_call_id;
    given.attributes = options->attributes;
    given.payload = options->request;
    given.data = options->data;
    given.metadata = options->metadata;
    given.timestamp_ns = options->timestamp_ns;
    given.emitter = options->emitter;
    return begin_call(runtime, &given, task, out_step, out_error);
}

/* A helper runs one chain and stops (S4.9). */
static scopeflow_status begin_helper(scopeflow_runtime *runtime, request *given,
                                     scopeflow_task *task, scopeflow_step *out_step,
                                     scopeflow_error *out_error) {
    given->is_standalone = true;
    given->timestamp_ns = SCOPEFLOW_TIMESTAMP_NONE;
    return begin_call(runtime, given, task, out_step, out_error);
}

#define HELPER(given, options, call_kind, phase)                                                   \
    memset(&(given), 0, sizeof(given));                                                            \
    (given).kind = (call_kind);                                                                    \
    (given).first_phase = (phase);                                                                 \
    (given).flags = (options)->flags;                                                              \
    (given).current = (options)->current;                                                          \
    (given).name = (options)->name;                                                                \
    (given).payload = (options)->request;                                                          \
    (given).emitter = (options)->emitter

scopeflow_status scopeflow_tool_request_intercepts(
    scopeflow_runtime *runtime, const scopeflow_tool_request_intercepts_options *options,
    scopeflow_task *task, scopeflow_step *out_step, scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_tool_request_intercepts(runtime, options, task, out_step, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    request given;
    HELPER(given, options, SCOPEFLOW__TASK_TOOL, SCOPEFLOW__PHASE_INTERCEPT);
    return begin_helper(runtime, &given, task, out_step, out_error);
}

scopeflow_status scopeflow_tool_conditional_execution(
    scopeflow_runtime *runtime, const scopeflow_tool_conditional_execution_options *options,
    scopeflow_task *task, scopeflow_step *out_step, scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_tool_conditional_execution(runtime, options, task, out_step, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    request given;
    HELPER(given, options, SCOPEFLOW__TASK_TOOL, SCOPEFLOW__PHASE_GUARD);
    return begin_helper(runtime, &given, task, out_step, out_error);
}

/* --- LLM calls --- */

#define LLM_CALL(given, options, call_kind)                                                        \
    memset(&(given), 0, sizeof(given));                                                            \
    (given).kind = (call_kind);                                                                    \
    (given).first_phase = SCOPEFLOW__PHASE_GUARD;                                                  \
    (given).flags = (options)->flags;                                                              \
    (given).current = (options)->current;                                                          \
    (given).parent = (options)->parent;                                                            \
    (given).name = (options)->name;                                                                \
    (given).detail = (options)->model_name;                                                        \
    (given).attributes = (options)->attributes;                                                    \
    (given).payload = (options)->request;                                                          \
    (given).data = (options)->data;                                                                \
    (given).metadata = (options)->metadata;                                                        \
    (given).codec = (options)->codec;                                                              \
    (given).response_codec = (options)->response_codec;                                            \
    (given).timestamp_ns = (options)->timestamp_ns;                                                \
    (given).emitter = (options)->emitter

scopeflow_status scopeflow_llm_execute(scopeflow_runtime *runtime,
                                       const scopeflow_llm_execute_options *options,
                                       scopeflow_task *task, scopeflow_step *out_step,
                                       scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_llm_execute(runtime, options, task, out_step, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    request given;
    LLM_CALL(given, options, SCOPEFLOW__TASK_LLM);
    return begin_call(runtime, &given, task, out_step, out_error);
}

/* S1.2: a streaming call says so by itself. */
scopeflow_status scopeflow_llm_stream_execute(scopeflow_runtime *runtime,
                                              const scopeflow_llm_stream_execute_options *options,
                                              scopeflow_task *task, scopeflow_step *out_step,
                                              scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_llm_stream_execute(runtime, options, task, out_step, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    request given;
    LLM_CALL(given, options, SCOPEFLOW__TASK_LLM_STREAM);
    given.attributes |= SCOPEFLOW_LLM_ATTRIBUTE_STREAMING;
    return begin_call(runtime, &given, task, out_step, out_error);
}

scopeflow_status scopeflow_llm_request_intercepts(
    scopeflow_runtime *runtime, const scopeflow_llm_request_intercepts_options *options,
    scopeflow_task *task, scopeflow_step *out_step, scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_llm_request_intercepts(runtime, options, task, out_step, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    request given;
    HELPER(given, options, SCOPEFLOW__TASK_LLM, SCOPEFLOW__PHASE_INTERCEPT);
    return begin_helper(runtime, &given, task, out_step, out_error);
}

scopeflow_status scopeflow_llm_conditional_execution(
    scopeflow_runtime *runtime, const scopeflow_llm_conditional_execution_options *options,
    scopeflow_task *task, scopeflow_step *out_step, scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_llm_conditional_execution(runtime, options, task, out_step, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    request given;
    HELPER(given, options, SCOPEFLOW__TASK_LLM, SCOPEFLOW__PHASE_GUARD);
    return begin_helper(runtime, &given, task, out_step, out_error);
}
