#include "pipeline/task.h"

#include "base/checks.gen.h"
#include "base/names.gen.h"

#define CHECK 0x5C09EF10u

/* A host that reserves `SCOPEFLOW_TASK_SIZE_BYTES` reserves enough. */
typedef char scopeflow__task_fits[sizeof(scopeflow__task) <= sizeof(scopeflow_task) ? 1 : -1];

void scopeflow__task_begin(scopeflow__task *self, scopeflow_runtime *runtime) {
    scopeflow__clear(self, sizeof *self);
    self->check = CHECK;
    self->phase = SCOPEFLOW__PHASE_FINISH;
    self->final_step = SCOPEFLOW_STEP_KIND_DONE;
    self->runtime = runtime;
}

scopeflow__task *scopeflow__task_begin_emitting(scopeflow_task *task, scopeflow_runtime *runtime) {
    scopeflow__task *const self = scopeflow__task_of(task);
    scopeflow__task_begin(self, runtime);
    if (scopeflow__has_abandoned(runtime)) scopeflow__task_emit_abandoned(self);
    return self;
}

void scopeflow__task_done(scopeflow_task *task, scopeflow_step *step, scopeflow_scope *scope) {
    scopeflow__task *const self = scopeflow__task_of(task);
    self->check = CHECK;
    self->phase = SCOPEFLOW__PHASE_ENDED;
    step->kind = SCOPEFLOW_STEP_KIND_DONE;
    step->scope = scope;
}

bool scopeflow__task_goes_on(const scopeflow__task *self) {
    return self->check == CHECK && self->phase != SCOPEFLOW__PHASE_ENDED;
}

void scopeflow__task_hold(scopeflow__task *self, scopeflow_ref error) {
    if (self->has_held) {
        scopeflow__runtime_release_ref(self->runtime, error);
        return;
    }
    self->held = error;
    self->has_held = true;
}

/* --- The last step --- */

static void let_go(scopeflow__task *self) {
    scopeflow_runtime *const runtime = self->runtime;
    if (self->frames != NULL) scopeflow__native_forget(self);
    if (self->owns_request) scopeflow__runtime_release_ref(runtime, self->request);
    scopeflow__runtime_release_ref(runtime, self->annotated);
    scopeflow__runtime_release_ref(runtime, self->output);
    if (self->marks != NULL) scopeflow__pending_marks_free(runtime, self->marks);
    scopeflow__set_release(self->middleware);
    scopeflow_scope_release(self->scope); /* May be what holds the runtime. */
    self->owns_request = false;
    self->annotated = 0;
    self->output = 0;
    self->marks = NULL;
    self->scope = NULL;
    self->middleware = NULL;
    self->phase = SCOPEFLOW__PHASE_ENDED;
    self->pending = SCOPEFLOW__PENDING_NOTHING;
}

/* S5.2: an exit or a cancellation that a subscriber or sanitizer let through is raised instead of
 * the result, now that everything owed has been delivered. */
static void prefer_held(scopeflow__task *self) {
    if (!self->has_held) return;
    scopeflow__runtime_release_ref(self->runtime, self->value);
    self->value = self->held;
    self->final_step = SCOPEFLOW_STEP_KIND_RAISE;
    self->final_status = SCOPEFLOW_STATUS_OK;
    self->hands_scope = false;
    self->has_held = false;
}

static void finish(scopeflow__task *self, scopeflow_step *step) {
    prefer_held(self);
    step->kind = self->final_step;
    step->status = self->final_status;
    step->value = self->value;
    self->value = 0;
    if (self->hands_scope) {
        step->scope = self->scope;
        self->scope = NULL;
    }
    let_go(self);
}

void scopeflow_task_abandon(scopeflow_task *task) {
    if (task == NULL) return;
    scopeflow__task *const self = scopeflow__task_of(task);
    if (self->phase == SCOPEFLOW__PHASE_ENDED) return;

    scopeflow__task_stop_serving(self);
    scopeflow__task_drop_events(self);
    if (!self->is_link && self->scope != NULL && self->scope->is_call)
        scopeflow__scope_abandon(self->scope);
    scopeflow__runtime_release_ref(self->runtime, self->value);
    if (self->has_held) scopeflow__runtime_release_ref(self->runtime, self->held);
    let_go(self);
}

/* --- Running --- */

/* Does what the phase asks for; true when the host has to do something. */
static bool run_phase(scopeflow__task *self, scopeflow_step *step) {
    switch ((scopeflow__phase)self->phase) {
    case SCOPEFLOW__PHASE_GATE: return scopeflow__call_gate(self, step);
    case SCOPEFLOW__PHASE_GUARD: return scopeflow__call_guard(self, step);
    case SCOPEFLOW__PHASE_DECODE: return scopeflow__call_decode(self, step);
    case SCOPEFLOW__PHASE_INTERCEPT: return scopeflow__call_intercept(self, step);
    case SCOPEFLOW__PHASE_ENCODE: return scopeflow__call_encode(self, step);
    case SCOPEFLOW__PHASE_START: scopeflow__call_start(self); return false;
    case SCOPEFLOW__PHASE_LINK: scopeflow__call_link(self); return false;
    case SCOPEFLOW__PHASE_EXECUTE: return scopeflow__call_execute(self, step);
    case SCOPEFLOW__PHASE_STREAM: return scopeflow__stream_go_on(self, step);
    case SCOPEFLOW__PHASE_FINALIZE: return scopeflow__stream_finalize(self, step);
    case SCOPEFLOW__PHASE_MARKS: scopeflow__call_marks(self); return false;
    case SCOPEFLOW__PHASE_FINISH:
        /* The end of a forgotten scope may have been what held its parent. */
        if (scopeflow__has_abandoned(self->runtime)) {
            scopeflow__task_emit_abandoned(self);
            return false;
        }
        finish(self, step);
        return true;
    case SCOPEFLOW__PHASE_ENDED: break;
    }
    finish(self, step);
    return true;
}

/* Whoever called may let go of a scope before the next step is done. */
static SCOPEFLOW__NOINLINE void hold_scopes(scopeflow__task *self) {
    self->has_borrowed_scope = false;
    for (scopeflow_event *event = self->events; event != NULL; event = event->next)
        scopeflow__event_hold_scope(event);
}

void scopeflow__task_run(scopeflow__task *self, scopeflow_emitter *emitter, scopeflow_step *step) {
    scopeflow__clear(step, sizeof *step);
    for (;;) {
        bool const asks = (self->events != NULL && scopeflow__task_deliver(self, emitter, step)) ||
                          run_phase(self, step);
        if (!asks) continue;
        if (self->has_borrowed_scope) hold_scopes(self);
        if (!scopeflow__is_native_step(step)) return;
        scopeflow__native_run(self, step);
    }
}

static scopeflow_status check_odd_answer(const scopeflow__task *self,
                                         const scopeflow_answer *answer,
                                         scopeflow_error *out_error) {
    SCOPEFLOW__REQUIRE(answer->kind >= SCOPEFLOW_ANSWER_KIND_VALUE &&
                           answer->kind <= SCOPEFLOW_ANSWER_KIND_CHUNK,
                       out_error, "answer.kind is no answer kind");
    SCOPEFLOW__REQUIRE(answer->kind != SCOPEFLOW_ANSWER_KIND_REFUSE ||
                           self->pending == SCOPEFLOW__PENDING_GUARD ||
                           self->pending == SCOPEFLOW__PENDING_GATE,
                       out_error, "only a guard or a gate can refuse");
    SCOPEFLOW__REQUIRE(answer->kind != SCOPEFLOW_ANSWER_KIND_CHUNK ||
                           self->pending == SCOPEFLOW__PENDING_STREAM,
                       out_error, "only a stream has chunks");
    SCOPEFLOW__REQUIRE((answer->flags & ~SCOPEFLOW__MASK_ANSWER_FLAG) == 0, out_error,
                       "answer.flags has a bit that no answer flag has");
    return scopeflow__call_check_rewritten(self, answer, out_error);
}

static scopeflow_status check_answer(const scopeflow__task *self, const scopeflow_answer *answer,
                                     scopeflow_error *out_error) {
    if (!scopeflow__task_goes_on(self))
        return scopeflow__fail_text(out_error, SCOPEFLOW_STATUS_INVALID_STATE,
                                    "the task has ended, or was never begun");
    bool const is_plain = ((uint32_t)answer->kind | answer->flags) == 0 && /* A value. */
                          self->pending != SCOPEFLOW__PENDING_INTERCEPT &&
                          self->pending != SCOPEFLOW__PENDING_ENCODE;
    return SCOPEFLOW__LIKELY(is_plain) ? SCOPEFLOW_STATUS_OK
                                       : check_odd_answer(self, answer, out_error);
}

static void take_answer(scopeflow__task *self, const scopeflow_answer *answer) {
    switch ((scopeflow__pending)self->pending) {
    case SCOPEFLOW__PENDING_GATE: scopeflow__call_gated(self, answer); break;
    case SCOPEFLOW__PENDING_GUARD: scopeflow__call_guarded(self, answer); break;
    case SCOPEFLOW__PENDING_DECODE: scopeflow__call_decoded(self, answer); break;
    case SCOPEFLOW__PENDING_INTERCEPT: scopeflow__call_intercepted(self, answer); break;
    case SCOPEFLOW__PENDING_ENCODE: scopeflow__call_encoded(self, answer); break;
    case SCOPEFLOW__PENDING_PREPARE: scopeflow__task_prepared(self, answer); break;
    case SCOPEFLOW__PENDING_DELIVER: scopeflow__task_delivered(self, answer); break;
    case SCOPEFLOW__PENDING_EXECUTE: scopeflow__call_executed(self, answer); break;
    case SCOPEFLOW__PENDING_STREAM: scopeflow__stream_answered(self, answer); break;
    case SCOPEFLOW__PENDING_FINALIZE: scopeflow__stream_finalized(self, answer); break;
    case SCOPEFLOW__PENDING_NOTHING: break;
    }
    self->pending = SCOPEFLOW__PENDING_NOTHING;
}

/* The request of an LLM call has an annotated form, and the result of a tool. */
static bool takes_annotated(const scopeflow__task *self) {
    return self->kind == SCOPEFLOW__TASK_TOOL ? self->pending == SCOPEFLOW__PENDING_EXECUTE
                                              : self->pending == SCOPEFLOW__PENDING_INTERCEPT;
}

scopeflow_status scopeflow_task_resume(scopeflow_task *task, const scopeflow_answer *answer,
                                       scopeflow_step *out_step, scopeflow_error *out_error) {
    scopeflow_status status = scopeflow__check_task_resume(task, answer, out_step, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow__task *const self = scopeflow__task_of(task);
    status = check_answer(self, answer, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;

    if ((answer->flags & SCOPEFLOW_ANSWER_FLAG_SYNC) != 0) self->can_await = false;
    if (answer->annotated != 0 && !takes_annotated(self))
        scopeflow__runtime_release_ref(self->runtime, answer->annotated);
    take_answer(self, answer);
    scopeflow__task_run(self, answer->emitter, out_step);
    return SCOPEFLOW_STATUS_OK;
}

scopeflow_status scopeflow_task_mark(scopeflow_task *task, scopeflow_bytes name, scopeflow_ref data,
                                     scopeflow_ref metadata, scopeflow_bytes category,
                                     scopeflow_ref category_profile, scopeflow_ref data_schema,
                                     scopeflow_error *out_error) {
    scopeflow_status status = scopeflow__check_task_mark(task, name, data, metadata, category,
                                                         category_profile, data_schema, out_error);
    if (status == SCOPEFLOW_STATUS_OK)
        status = scopeflow__name_check(name, "the name of a mark", out_error);
    if (status == SCOPEFLOW_STATUS_OK)
        status = scopeflow__name_check(category, "the category of a mark", out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow__task *const self = scopeflow__task_of(task);
    if (self->check != CHECK || (self->pending != SCOPEFLOW__PENDING_INTERCEPT &&
                                 self->pending != SCOPEFLOW__PENDING_EXECUTE))
        return scopeflow__fail_text(out_error, SCOPEFLOW_STATUS_INVALID_STATE,
                                    "a mark can be left with a call only while an intercept runs");
    status = scopeflow__mark_check(self->runtime, category_profile, data_schema, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow__pending_mark *const mark =
        scopeflow__pending_mark_new(self->runtime, name, category);
    if (mark == NULL) return scopeflow__fail_memory(out_error);
    mark->data = data;
    mark->metadata = metadata;
    mark->profile = category_profile;
    mark->data_schema = data_schema;
    scopeflow__pending_mark_leave(self->scope, mark);
    return SCOPEFLOW_STATUS_OK;
}

/* --- For garbage collectors --- */

scopeflow_status scopeflow_task_held_at(scopeflow_task *task, uint32_t index,
                                        scopeflow_ref *out_held, scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_task_held_at(task, index, out_held, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    const scopeflow__task *const self = scopeflow__task_of(task);
    *out_held = 0;
    if (!scopeflow__task_goes_on(self)) return SCOPEFLOW_STATUS_OK;
    scopeflow_ref const held[] = {self->value, self->annotated, self->output,
                                  self->has_held ? self->held : 0,
                                  self->owns_request ? self->request : 0};
    for (size_t i = 0; i < sizeof held / sizeof *held; i++)
        if (held[i] != 0 && index-- == 0) {
            *out_held = held[i];
            return SCOPEFLOW_STATUS_OK;
        }
    *out_held = scopeflow__native_held_at(self, index);
    return SCOPEFLOW_STATUS_OK;
}
