/* From the start of a call to its end (S4.2, S4.3): execution intercepts nest around the target. */
#include "pipeline/task.h"

#include "base/checks.gen.h"

const scopeflow__chain *scopeflow__call_execution_chain(const scopeflow__task *self) {
    scopeflow_registry const llm = self->kind == SCOPEFLOW__TASK_LLM_STREAM
                                       ? SCOPEFLOW_REGISTRY_LLM_STREAM_EXECUTION_INTERCEPT
                                       : SCOPEFLOW_REGISTRY_LLM_EXECUTION_INTERCEPT;
    return &self->middleware->chains[scopeflow__task_registry(
        self, SCOPEFLOW_REGISTRY_TOOL_EXECUTION_INTERCEPT, llm)];
}

static uint32_t link_count(const scopeflow__task *self) {
    return self->middleware != NULL ? scopeflow__call_execution_chain(self)->count : 0;
}

/* --- Start --- */

static void emit_start(scopeflow__task *self, scopeflow__set *listeners) {
    scopeflow_event *const start = scopeflow__event_new_start(self->scope);
    if (start != NULL) {
        start->data = self->request;
        start->codec = self->codec;
        scopeflow__event_sanitize_by(start, self->middleware);
    }
    scopeflow__task_emit(self, start, listeners);
}

void scopeflow__call_start(scopeflow__task *self) {
    scopeflow_scope *const span = self->scope;
    if (scopeflow__runtime_is_closed(self->runtime)) { /* By a guard or an intercept (S6.1). */
        self->phase = SCOPEFLOW__PHASE_FINISH;
        self->final_step = SCOPEFLOW_STEP_KIND_RAISE;
        self->final_status = SCOPEFLOW_STATUS_INVALID_STATE;
        return;
    }
    self->phase = SCOPEFLOW__PHASE_EXECUTE;
    span->call_request = self->request;
    scopeflow__scope_open(span, self->timestamp_ns);
    scopeflow__set *const listeners = scopeflow__listeners_of(span);
    if (listeners != NULL) emit_start(self, listeners);
    scopeflow__task_end_if_closed(self, span);
}

/* --- Links --- */

static bool is_same(const scopeflow_runtime *runtime, scopeflow_ref a, scopeflow_ref b) {
    return a == b || (a != 0 && b != 0 && runtime->host.same != NULL &&
                      runtime->host.same(runtime->host.context, a, b) != 0);
}

/* S3.7: an attempt is marked when it is not the first, or not what the start event shows. */
void scopeflow__call_link(scopeflow__task *self) {
    scopeflow_scope *const span = self->scope;
    self->phase = SCOPEFLOW__PHASE_EXECUTE;
    if (self->link < link_count(self)) return;
    uint32_t const n = __atomic_add_fetch(&span->attempt_count, 1, __ATOMIC_RELAXED);
    if (!scopeflow__scope_is_open(span)) return; /* Nothing comes after the end. */
    if (n == 1 && is_same(self->runtime, self->request, span->call_request)) return;
    scopeflow__set *const listeners = scopeflow__listeners_of(span);
    if (listeners == NULL) return;
    scopeflow_event *const mark = scopeflow__event_new_mark(
        span, SCOPEFLOW__TEXT("attempt"), SCOPEFLOW__TEXT(""), SCOPEFLOW_TIMESTAMP_NONE);
    if (mark != NULL) {
        mark->type = span->type;
        mark->data_source = SCOPEFLOW__DATA_NUMBER;
        mark->number = n;
    }
    scopeflow__task_emit(self, mark, listeners);
}

/* Behind which intercept a `next` goes on; 0 if that is over (S3.7, ADR 0019). */
static uint32_t link_after(const scopeflow__task *call, uint32_t position) {
    if (!scopeflow__task_goes_on(call)) return 0;
    bool const is_in_time = position == 0
                                ? call->pending == SCOPEFLOW__PENDING_EXECUTE
                                : call->kind == SCOPEFLOW__TASK_LLM_STREAM && !call->is_link &&
                                      call->phase >= SCOPEFLOW__PHASE_EXECUTE;
    if (!is_in_time || !scopeflow__scope_is_open(call->scope)) return 0;
    uint32_t const after = position == 0 ? call->link + 1 : position;
    return after <= link_count(call) ? after : 0;
}

scopeflow_status scopeflow_task_link(scopeflow_runtime *runtime,
                                     const scopeflow_task_link_options *options,
                                     scopeflow_task *task, scopeflow_step *out_step,
                                     scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_task_link(runtime, options, task, out_step, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    SCOPEFLOW__REQUIRE(options->call != NULL, out_error, "call must not be null");
    scopeflow__task *const call = scopeflow__task_of(options->call);
    uint32_t const link = link_after(call, options->position);
    SCOPEFLOW__REQUIRE(link != 0, out_error, "the execution continuation is no longer active");
    SCOPEFLOW__REQUIRE(call->runtime == runtime, out_error, "call belongs to another runtime");

    scopeflow__task *const self = scopeflow__task_of(task);
    scopeflow__task_begin(self, runtime);
    self->phase = SCOPEFLOW__PHASE_LINK;
    self->kind = call->kind;
    self->is_link = true;
    self->can_await = call->can_await;
    self->scope = scopeflow_scope_retain(call->scope);
    self->middleware = call->middleware;
    scopeflow__ref_up(&self->middleware->refs);
    self->request = options->request;
    self->link = link;
    scopeflow__task_run(self, options->emitter, out_step);
    return SCOPEFLOW_STATUS_OK;
}

/* --- Execution --- */

/* S5.2: an exit or cancellation that came with the start event is raised before the target runs,
 * and the start gets its end. */
static void cancel_instead(scopeflow__task *self) {
    scopeflow_answer answer;
    memset(&answer, 0, sizeof answer);
    answer.kind = SCOPEFLOW_ANSWER_KIND_CANCEL;
    answer.value = self->held;
    self->has_held = false;
    scopeflow__call_settle(self, &answer);
}

bool scopeflow__call_execute(scopeflow__task *self, scopeflow_step *step) {
    if (self->has_held) {
        cancel_instead(self);
        return false;
    }
    bool const is_target = self->link >= link_count(self);
    scopeflow__task_fill(self, step, SCOPEFLOW_STEP_KIND_EXECUTE,
                         is_target ? NULL
                                   : scopeflow__call_execution_chain(self)->entries[self->link]);
    step->input = self->request;
    if (!is_target) step->position = self->link + 1;
    self->pending = SCOPEFLOW__PENDING_EXECUTE;
    return true;
}

/* --- End --- */

static void set_outcome(scopeflow_event *end, const scopeflow_answer *answer) {
    scopeflow__outcome *const outcome = &end->outcome;
    if (answer->kind == SCOPEFLOW_ANSWER_KIND_VALUE) {
        outcome->status = SCOPEFLOW_END_STATUS_OK;
        return;
    }
    outcome->status = answer->kind == SCOPEFLOW_ANSWER_KIND_CANCEL ? SCOPEFLOW_END_STATUS_CANCELLED
                                                                   : SCOPEFLOW_END_STATUS_ERROR;
    outcome->error = answer->value;
}

static void set_output(const scopeflow__task *self, scopeflow_event *end,
                       const scopeflow_answer *answer) {
    bool const is_stream = self->kind == SCOPEFLOW__TASK_LLM_STREAM;
    bool const is_value = answer->kind == SCOPEFLOW_ANSWER_KIND_VALUE;
    if (is_stream) {
        end->data = self->output;
        end->finalizer_failed = self->finalizer_failed;
    } else if (is_value) {
        end->data = answer->value;
        if (end->data != 0 && self->kind == SCOPEFLOW__TASK_TOOL)
            end->annotation = self->annotated; /* That of an LLM call is its request's. */
    }
    if (is_value && end->data == 0 && !self->output_is_void) end->data = self->data;
    if (end->data != 0) end->codec = self->response_codec;
}

void scopeflow__call_end(scopeflow__task *self, const scopeflow_answer *answer,
                         int64_t ended_at_ns) {
    if (__atomic_load_n(&self->scope->pending_marks, __ATOMIC_RELAXED) != NULL)
        self->phase = SCOPEFLOW__PHASE_MARKS;
    if (!scopeflow__scope_end(self->scope)) return; /* The target has done so. */
    scopeflow__set *const listeners = scopeflow__listeners_of(self->scope);
    if (listeners == NULL) return;
    scopeflow_event *const end =
        scopeflow__event_new_end(self->scope, scopeflow__scope_end_time(self->scope, ended_at_ns));
    if (end != NULL) {
        scopeflow__event_sanitize_by(end, self->middleware);
        set_outcome(end, answer);
        set_output(self, end, answer);
    }
    scopeflow__task_emit(self, end, listeners);
}

/* S4.3: the scope's phase changes once, so that the end is emitted once, whoever ends it. */
void scopeflow__call_executed(scopeflow__task *self, const scopeflow_answer *answer) {
    scopeflow_answer last;
    if (!SCOPEFLOW__LIKELY(self->frames == NULL)) {
        last = *answer;
        if (!scopeflow__native_unwind(self, &last)) return;
        answer = &last;
    }
    bool const is_value = answer->kind == SCOPEFLOW_ANSWER_KIND_VALUE;
    self->value = answer->value;
    if (self->kind == SCOPEFLOW__TASK_TOOL) self->annotated = answer->annotated;
    if (is_value && self->kind == SCOPEFLOW__TASK_LLM_STREAM && !self->is_link) {
        self->phase = SCOPEFLOW__PHASE_STREAM;
        self->last_chunk_ns = self->scope->started_at_ns;
        scopeflow__stream_begin(self->scope->stream);
        return;
    }
    self->phase = SCOPEFLOW__PHASE_FINISH;
    self->final_step = is_value ? SCOPEFLOW_STEP_KIND_RETURN : SCOPEFLOW_STEP_KIND_RAISE;
    if (self->is_link) return;
    bool const is_open = scopeflow__scope_is_open(self->scope); /* Else S2.3: no reading. */
    scopeflow__call_end(self, answer, is_open ? scopeflow__runtime_clock(self->runtime) : 0);
}

SCOPEFLOW__NOINLINE void scopeflow__call_settle(scopeflow__task *self,
                                                const scopeflow_answer *answer) {
    scopeflow__call_executed(self, answer);
}

/* S3.11: one after the other, each when the one before has reached everybody. */
void scopeflow__call_marks(scopeflow__task *self) {
    scopeflow_scope *const call = self->scope;
    if (self->marks == NULL) self->marks = scopeflow__pending_marks_take(call);
    scopeflow__pending_mark *const left = self->marks;
    if (left == NULL || scopeflow__runtime_is_closed(self->runtime)) {
        self->phase = SCOPEFLOW__PHASE_FINISH;
        return;
    }
    self->marks = left->next;
    left->next = NULL;
    scopeflow__set *const listeners = scopeflow__listeners_of(call);
    if (listeners != NULL)
        scopeflow__task_emit(self, scopeflow__event_new_left(call, left), listeners);
    else
        scopeflow__pending_marks_free(self->runtime, left);
}
