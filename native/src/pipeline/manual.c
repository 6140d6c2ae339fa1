/* Calls that the application runs by itself (S4.8): the same events through the same sanitizers as
 * managed ones, without guards and intercepts. */
#include "pipeline/task.h"

#include "base/checks.gen.h"

/* --- Beginning --- */

/* What the options of both kinds have in common. */
typedef struct beginning {
    scopeflow_scope_type type;
    scopeflow_scope *current;
    scopeflow_scope *parent;
    scopeflow_bytes name;
    scopeflow_bytes detail;
    uint32_t attributes;
    scopeflow_ref request;
    scopeflow_ref metadata;
    scopeflow_ref annotated;
    scopeflow_ref codec;
    int64_t timestamp_ns;
    scopeflow_emitter *emitter;
} beginning;

static scopeflow_status open_call(scopeflow_runtime *runtime, const beginning *given,
                                  scopeflow_scope **out_call, scopeflow_error *out_error) {
    scopeflow__place place;
    scopeflow_status const status =
        scopeflow__place_find(runtime, given->current, given->parent, &place, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow_scope *const call = scopeflow__scope_new(
        runtime, &place, given->type, given->attributes, given->name, given->detail);
    if (call == NULL) return scopeflow__fail_memory(out_error);
    call->is_call = true;
    call->is_manual = true;
    bool failed;
    call->middleware = scopeflow__set_of(place.inherit, &failed);
    if (failed) {
        scopeflow_scope_release(call);
        return scopeflow__fail_memory(out_error);
    }
    call->metadata = given->metadata;
    scopeflow__scope_open(call, given->timestamp_ns);
    *out_call = call;
    return SCOPEFLOW_STATUS_OK;
}

static scopeflow_status begin_manual(scopeflow_runtime *runtime, const beginning *given,
                                     scopeflow_task *task, scopeflow_step *out_step,
                                     scopeflow_error *out_error) {
    scopeflow_scope *call = NULL;
    scopeflow_status const status = open_call(runtime, given, &call, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow__set *const listeners = scopeflow__listeners_of(call);
    if (!scopeflow__has_work(runtime, listeners)) {
        (void)scopeflow__scope_end_if_closed(call);
        scopeflow__task_done(task, out_step, call);
        return SCOPEFLOW_STATUS_OK;
    }
    scopeflow__task *const self = scopeflow__task_begin_emitting(task, runtime);
    self->scope = call;
    self->hands_scope = true;
    if (listeners != NULL) {
        scopeflow_event *const start = scopeflow__event_new_start(call);
        if (start != NULL) {
            start->data = given->request;
            start->codec = given->codec;
            start->annotation = given->annotated;
            scopeflow__event_sanitize_by(start, call->middleware);
        }
        scopeflow__task_emit(self, start, listeners);
    }
    scopeflow__task_end_if_closed(self, call);
    scopeflow__task_run(self, given->emitter, out_step);
    return SCOPEFLOW_STATUS_OK;
}

scopeflow_status scopeflow_tool_call(scopeflow_runtime *runtime,
                                     const scopeflow_tool_call_options *options,
                                     scopeflow_task *task, scopeflow_step *out_step,
                                     scopeflow_error *out_error) {
    scopeflow_status status =
        scopeflow__check_tool_call(runtime, options, task, out_step, out_error);
    if (status == SCOPEFLOW_STATUS_OK)
        status = scopeflow__name_check(options->name, "the name of a tool", out_error);
    if (status == SCOPEFLOW_STATUS_OK)
        status = scopeflow__name_check(options->tool_call_id, "a tool call id", out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    beginning given;
    memset(&given, 0, sizeof given);
    given.type = SCOPEFLOW_SCOPE_TYPE_TOOL;
    given.current = options->current;
    given.parent = options->parent;
    given.name = options->name;
    given.detail = options->tool_call_id;
    given.attributes = options->attributes;
    given.request = options->request;
    given.metadata = options->metadata;
    given.timestamp_ns = options->timestamp_ns;
    given.emitter = options->emitter;
    return begin_manual(runtime, &given, task, out_step, out_error);
}

scopeflow_status scopeflow_llm_call(scopeflow_runtime *runtime,
                                    const scopeflow_llm_call_options *options, scopeflow_task *task,
                                    scopeflow_step *out_step, scopeflow_error *out_error) {
    scopeflow_status status =
        scopeflow__check_llm_call(runtime, options, task, out_step, out_error);
    if (status == SCOPEFLOW_STATUS_OK)
        status = scopeflow__name_check(options->name, "the name of a provider", out_error);
    if (status == SCOPEFLOW_STATUS_OK)
        status = scopeflow__name_check(options->model_name, "the name of a model", out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    beginning given;
    memset(&given, 0, sizeof given);
    given.type = SCOPEFLOW_SCOPE_TYPE_LLM;
    given.current = options->current;
    given.parent = options->parent;
    given.name = options->name;
    given.detail = options->model_name;
    given.attributes = options->attributes;
    given.request = options->request;
    given.metadata = options->metadata;
    given.annotated = options->annotated_request;
    given.codec = options->codec;
    given.timestamp_ns = options->timestamp_ns;
    given.emitter = options->emitter;
    return begin_manual(runtime, &given, task, out_step, out_error);
}

/* --- Ending --- */

typedef struct ending {
    scopeflow_scope_type type;
    scopeflow_ref response;
    scopeflow_ref data;
    scopeflow_ref metadata;
    scopeflow_ref error;
    scopeflow_ref annotated;
    scopeflow_ref codec;
    scopeflow_end_status status;
    int64_t timestamp_ns;
    scopeflow_emitter *emitter;
} ending;

static scopeflow_status fail_call(const scopeflow_scope *call, scopeflow_status status,
                                  const char *what, scopeflow_error *out_error) {
    return scopeflow__fail(out_error, status, SCOPEFLOW__TEXT("call '"),
                           scopeflow__scope_name(call), scopeflow__c_text(what));
}

static scopeflow_status check_end(const scopeflow_scope *call, const ending *given,
                                  scopeflow_error *out_error) {
    if (scopeflow__runtime_is_closed(call->runtime)) return scopeflow__fail_closed(out_error);
    SCOPEFLOW__REQUIRE(call->is_manual && call->type == given->type, out_error,
                       given->type == SCOPEFLOW_SCOPE_TYPE_TOOL
                           ? "the handle is not that of a tool call that was begun by hand"
                           : "the handle is not that of an LLM call that was begun by hand");
    if (call->fork_generation != call->runtime->fork_generation)
        return fail_call(call, SCOPEFLOW_STATUS_INVALID_STATE, "' was begun by the parent process",
                         out_error);
    if (!scopeflow__scope_is_open(call))
        return fail_call(call, SCOPEFLOW_STATUS_NOT_FOUND, "' has already ended", out_error);
    if (given->timestamp_ns != SCOPEFLOW_TIMESTAMP_NONE &&
        given->timestamp_ns < call->started_at_ns)
        return fail_call(call, SCOPEFLOW_STATUS_INVALID_ARGUMENT, "' would end before its start",
                         out_error);
    return SCOPEFLOW_STATUS_OK;
}

/* S2.5: what failed has no output, not even the caller's `data`. */
static void fill_manual_end(scopeflow_event *end, const ending *given) {
    end->metadata = given->metadata;
    end->outcome.error = given->error;
    end->outcome.status = given->status;
    if (given->error != 0 && given->status == SCOPEFLOW_END_STATUS_UNSET)
        end->outcome.status = SCOPEFLOW_END_STATUS_ERROR;
    bool const has_failed = end->outcome.status == SCOPEFLOW_END_STATUS_ERROR ||
                            end->outcome.status == SCOPEFLOW_END_STATUS_CANCELLED;
    end->data = given->response;
    if (end->data == 0 && !has_failed) end->data = given->data;
    if (end->data != 0) end->annotation = given->annotated; /* S2.8: it tells of a payload. */
    end->codec = given->codec;
}

/* S3.4: what was registered is released once no running call uses it. */
static void forget_middleware(scopeflow_scope *call) {
    scopeflow__set_release(call->middleware);
    call->middleware = NULL;
}

static scopeflow_status end_call(scopeflow_scope *call, const ending *given, scopeflow_task *task,
                                 scopeflow_step *out_step, scopeflow_error *out_error) {
    scopeflow_status const status = check_end(call, given, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow_runtime *const runtime = call->runtime;
    int64_t const ended_at_ns = given->timestamp_ns != SCOPEFLOW_TIMESTAMP_NONE
                                    ? given->timestamp_ns
                                    : scopeflow__runtime_clock(runtime);
    bool const is_mine = scopeflow__scope_end(call); /* Another thread may have been faster. */
    scopeflow__set *const listeners = is_mine ? scopeflow__listeners_of(call) : NULL;
    if (!scopeflow__has_work(runtime, listeners)) {
        if (is_mine) forget_middleware(call);
        scopeflow__task_done(task, out_step, NULL);
        return SCOPEFLOW_STATUS_OK;
    }
    scopeflow__task *const self = scopeflow__task_begin_emitting(task, runtime);
    if (listeners != NULL) {
        scopeflow_event *const end =
            scopeflow__event_new_end(call, scopeflow__scope_end_time(call, ended_at_ns));
        if (end != NULL) {
            fill_manual_end(end, given);
            scopeflow__event_sanitize_by(end, call->middleware);
        }
        scopeflow__task_emit(self, end, listeners);
    }
    if (is_mine) forget_middleware(call);
    scopeflow__task_run(self, given->emitter, out_step);
    return SCOPEFLOW_STATUS_OK;
}

#define ENDING(given, options, call_type)                                                          \
    memset(&(given), 0, sizeof(given));                                                            \
    (given).type = (call_type);                                                                    \
    (given).response = (options)->response;                                                        \
    (given).data = (options)->data;                                                                \
    (given).metadata = (options)->metadata;                                                        \
    (given).error = (options)->error;                                                              \
    (given).status = (options)->status;                                                            \
    (given).timestamp_ns = (options)->timestamp_ns;                                                \
    (given).emitter = (options)->emitter

scopeflow_status scopeflow_tool_call_end(scopeflow_scope *call,
                                         const scopeflow_tool_call_end_options *options,
                                         scopeflow_task *task, scopeflow_step *out_step,
                                         scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_tool_call_end(call, options, task, out_step, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    ending given;
    ENDING(given, options, SCOPEFLOW_SCOPE_TYPE_TOOL);
    given.annotated = options->annotation;
    return end_call(call, &given, task, out_step, out_error);
}

scopeflow_status scopeflow_llm_call_end(scopeflow_scope *call,
                                        const scopeflow_llm_call_end_options *options,
                                        scopeflow_task *task, scopeflow_step *out_step,
                                        scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_llm_call_end(call, options, task, out_step, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    ending given;
    ENDING(given, options, SCOPEFLOW_SCOPE_TYPE_LLM);
    given.annotated = options->annotated_response;
    given.codec = options->response_codec;
    return end_call(call, &given, task, out_step, out_error);
}
