/* The managed tool call (S4): guards, start, execution, end. */
#include "pipeline/task.h"

#include "base/checks.gen.h"

/* --- Begin --- */

/* S3.8: a sync call must not meet middleware that has to be awaited, and says so before anything
 * is emitted. */
static scopeflow_status check_sync(const scopeflow__set *middleware,
                                   const scopeflow_tool_execute_options *options,
                                   scopeflow_error *out_error) {
    if ((options->flags & SCOPEFLOW_CALL_FLAG_SYNC) == 0 || middleware == NULL)
        return SCOPEFLOW_STATUS_OK;
    const scopeflow__chain *const guards =
        &middleware->chains[SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL];
    if ((guards->flags & SCOPEFLOW_CALLABLE_FLAG_ASYNC) == 0) return SCOPEFLOW_STATUS_OK;
    uint32_t at = 0;
    while ((guards->entries[at]->flags & SCOPEFLOW_CALLABLE_FLAG_ASYNC) == 0) at++;
    return scopeflow__fail(out_error, SCOPEFLOW_STATUS_INVALID_STATE,
                           SCOPEFLOW__TEXT("tool conditional-execution guardrail '"),
                           scopeflow__entry_name(guards->entries[at]),
                           SCOPEFLOW__TEXT("' is async and cannot be used in a sync call"));
}

static scopeflow_status check_names(const scopeflow_tool_execute_options *options,
                                    scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__name_check(options->name, "the name of a tool", out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    return scopeflow__name_check(options->tool_call_id, "a tool call id", out_error);
}

/* The call's span is reserved at once, so that the start cannot fail for want of memory after a
 * guard has passed; it draws its id and time only at the start (S2.3). */
static scopeflow_status reserve(scopeflow_runtime *runtime,
                                const scopeflow_tool_execute_options *options,
                                scopeflow_scope **out_span, scopeflow__set **out_middleware,
                                scopeflow_error *out_error) {
    scopeflow__place place;
    scopeflow_status status =
        scopeflow__place_find(runtime, options->current, options->parent, &place, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    bool failed;
    scopeflow__set *const middleware = scopeflow__set_of(place.inherit, &failed);
    if (failed) return scopeflow__fail_memory(out_error);
    status = check_sync(middleware, options, out_error);
    if (status != SCOPEFLOW_STATUS_OK) {
        scopeflow__set_release(middleware);
        return status;
    }
    scopeflow_scope *const span =
        scopeflow__scope_new(runtime, &place, SCOPEFLOW_SCOPE_TYPE_TOOL, options->attributes,
                             options->name, options->tool_call_id);
    if (span == NULL) {
        scopeflow__set_release(middleware);
        return scopeflow__fail_memory(out_error);
    }
    span->is_call = true;
    *out_span = span;
    *out_middleware = middleware;
    return SCOPEFLOW_STATUS_OK;
}

scopeflow_status scopeflow_tool_execute(scopeflow_runtime *runtime,
                                        const scopeflow_tool_execute_options *options,
                                        scopeflow_task *task, scopeflow_step *out_step,
                                        scopeflow_error *out_error) {
    scopeflow_status status =
        scopeflow__check_tool_execute(runtime, options, task, out_step, out_error);
    if (status == SCOPEFLOW_STATUS_OK) status = check_names(options, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow_scope *span = NULL;
    scopeflow__set *middleware = NULL;
    status = reserve(runtime, options, &span, &middleware, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;

    scopeflow__task *const self = scopeflow__task_of(task);
    scopeflow__task_begin(self, runtime);
    self->phase = SCOPEFLOW__PHASE_GUARD;
    self->scope = span;
    self->middleware = middleware;
    self->request = options->request;
    self->data = options->data;
    self->timestamp_ns = options->timestamp_ns;
    span->metadata = options->metadata;
    if (scopeflow__has_abandoned(runtime)) scopeflow__task_emit_abandoned(self, options->emitter);
    scopeflow__task_run(self, options->emitter, out_step);
    return SCOPEFLOW_STATUS_OK;
}

/* --- Guards --- */

bool scopeflow__call_guard(scopeflow__task *self, scopeflow_step *step) {
    if (self->has_held) { /* While the ends of forgotten scopes were delivered (S5.2). */
        self->phase = SCOPEFLOW__PHASE_FINISH;
        return false;
    }
    uint32_t const count = scopeflow__set_count(
        self->middleware, SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL);
    if (self->guard_index == count) {
        self->phase = SCOPEFLOW__PHASE_START;
        return false;
    }
    const scopeflow__entry *const guard =
        self->middleware->chains[SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL]
            .entries[self->guard_index++];
    self->pending = SCOPEFLOW__PENDING_INVOKE;
    step->kind = SCOPEFLOW_STEP_KIND_INVOKE;
    step->registry = guard->kind;
    step->flags = guard->flags;
    step->callable = guard->callable;
    step->input = self->request;
    step->registration = scopeflow__entry_name(guard);
    step->target = scopeflow__scope_name(self->scope);
    return true;
}

/* S4.5: the mark stands under the scope that was current, not under the call, which never began. */
static void emit_verdict(scopeflow__task *self, const scopeflow_answer *answer) {
    scopeflow_scope *const span = self->scope;
    bool const is_refusal = answer->kind == SCOPEFLOW_ANSWER_KIND_REFUSE;
    scopeflow__set *const listeners = scopeflow__listeners_of(span->inherit);
    if (listeners == NULL) return;
    scopeflow_event *const mark = scopeflow__event_new_mark(
        span->parent, scopeflow__scope_name(span), SCOPEFLOW_TIMESTAMP_NONE);
    if (mark != NULL) {
        scopeflow__entry *const guard =
            self->middleware->chains[SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL]
                .entries[self->guard_index - 1];
        scopeflow__ref_up(&guard->refs);
        mark->entry = guard;
        mark->type = is_refusal ? SCOPEFLOW_SCOPE_TYPE_GUARDRAIL : SCOPEFLOW_SCOPE_TYPE_TOOL;
        mark->data_source = is_refusal ? SCOPEFLOW__DATA_REFUSAL : SCOPEFLOW__DATA_FAILURE;
        mark->data = answer->value;
    }
    scopeflow__task_emit(self, answer->emitter, mark, listeners);
}

void scopeflow__call_guarded(scopeflow__task *self, const scopeflow_answer *answer) {
    if (answer->kind == SCOPEFLOW_ANSWER_KIND_VALUE) {
        scopeflow__runtime_release_ref(self->runtime, answer->value);
        return;
    }
    bool const is_refusal = answer->kind == SCOPEFLOW_ANSWER_KIND_REFUSE;
    self->phase = SCOPEFLOW__PHASE_FINISH;
    self->final_step = SCOPEFLOW_STEP_KIND_RAISE;
    self->final_status = is_refusal ? SCOPEFLOW_STATUS_GUARDRAIL_REJECTED : SCOPEFLOW_STATUS_OK;
    self->value = answer->value;
    if (answer->kind != SCOPEFLOW_ANSWER_KIND_CANCEL) emit_verdict(self, answer);
}

/* --- Start, execution, end --- */

void scopeflow__call_start(scopeflow__task *self, scopeflow_emitter *emitter) {
    scopeflow_scope *const span = self->scope;
    self->phase = SCOPEFLOW__PHASE_EXECUTE;
    scopeflow__scope_open(span, self->timestamp_ns);
    scopeflow__set *const listeners = scopeflow__listeners_of(span);
    if (listeners == NULL) return;
    scopeflow_event *const start = scopeflow__event_new_start(span);
    if (start != NULL) start->data = self->request;
    scopeflow__task_emit(self, emitter, start, listeners);
}

static void set_outcome(scopeflow_event *end, const scopeflow_answer *answer) {
    scopeflow__outcome *const outcome = &end->outcome;
    if (answer->kind == SCOPEFLOW_ANSWER_KIND_VALUE) {
        outcome->status = SCOPEFLOW_END_STATUS_OK;
        return;
    }
    outcome->status = answer->kind == SCOPEFLOW_ANSWER_KIND_CANCEL ? SCOPEFLOW_END_STATUS_CANCELLED
                                                                   : SCOPEFLOW_END_STATUS_ERROR;
    outcome->own_error = answer->status;
    outcome->error = answer->value;
}

static void emit_end(scopeflow__task *self, const scopeflow_answer *answer, int64_t ended_at_ns) {
    scopeflow__set *const listeners = scopeflow__listeners_of(self->scope);
    if (listeners == NULL) return;
    scopeflow_event *const end = scopeflow__event_new_end(self->scope, ended_at_ns);
    if (end != NULL) {
        set_outcome(end, answer);
        if (answer->kind == SCOPEFLOW_ANSWER_KIND_VALUE)
            end->data = answer->value != 0 ? answer->value : self->data;
    }
    scopeflow__task_emit(self, answer->emitter, end, listeners);
}

/* S4.3: the scope's phase changes once, so that the end is emitted once, whoever ends it. */
void scopeflow__call_executed(scopeflow__task *self, const scopeflow_answer *answer) {
    bool const is_value = answer->kind == SCOPEFLOW_ANSWER_KIND_VALUE;
    self->phase = SCOPEFLOW__PHASE_FINISH;
    self->final_step = is_value ? SCOPEFLOW_STEP_KIND_RETURN : SCOPEFLOW_STEP_KIND_RAISE;
    self->value = answer->value;

    if (!scopeflow__scope_end(self->scope)) return; /* The target has done so (S2.3: no reading). */
    int64_t const now_ns = scopeflow__runtime_clock(self->runtime);
    emit_end(self, answer, scopeflow__scope_end_time(self->scope, now_ns));
}

/* S5.2: a subscriber's exit or cancellation is raised as soon as the event has reached everybody:
 * the target does not run, and the start that was emitted gets its end. */
bool scopeflow__call_execute(scopeflow__task *self, scopeflow_emitter *emitter,
                             scopeflow_step *step) {
    if (self->has_held) {
        scopeflow_answer answer;
        memset(&answer, 0, sizeof answer);
        answer.kind = SCOPEFLOW_ANSWER_KIND_CANCEL;
        answer.value = self->held;
        answer.emitter = emitter;
        self->has_held = false;
        scopeflow__call_executed(self, &answer);
        return false;
    }
    self->pending = SCOPEFLOW__PENDING_EXECUTE;
    step->kind = SCOPEFLOW_STEP_KIND_EXECUTE;
    step->input = self->request;
    step->scope = self->scope;
    step->target = scopeflow__scope_name(self->scope);
    return true;
}

/* --- A task that nobody will resume --- */

void scopeflow_task_abandon(scopeflow_task *task) {
    if (task == NULL) return;
    scopeflow__task *const self = scopeflow__task_of(task);
    if (self->phase == SCOPEFLOW__PHASE_ENDED) return;

    scopeflow__task_drop_events(self);
    if (self->phase == SCOPEFLOW__PHASE_EXECUTE) scopeflow__scope_abandon(self->scope);
    scopeflow__runtime_release_ref(self->runtime, self->value);
    if (self->has_held) scopeflow__runtime_release_ref(self->runtime, self->held);
    scopeflow_scope_release(self->scope);
    scopeflow__set_release(self->middleware);
    self->phase = SCOPEFLOW__PHASE_ENDED;
    self->pending = SCOPEFLOW__PENDING_NOTHING;
}
