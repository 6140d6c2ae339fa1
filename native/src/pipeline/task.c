#include "pipeline/task.h"

#include "base/checks.gen.h"

#define CHECK 0x5C09EF10u

/* A host that reserves `SCOPEFLOW_TASK_SIZE_BYTES` reserves enough. */
typedef char scopeflow__task_fits[sizeof(scopeflow__task) <= sizeof(scopeflow_task) ? 1 : -1];

void scopeflow__task_begin(scopeflow__task *self, scopeflow_runtime *runtime) {
    memset(self, 0, sizeof *self);
    self->check = CHECK;
    self->phase = SCOPEFLOW__PHASE_FINISH;
    self->final_step = SCOPEFLOW_STEP_KIND_DONE;
    self->runtime = runtime;
}

void scopeflow__task_done(scopeflow_task *task, scopeflow_step *step, scopeflow_scope *scope) {
    scopeflow__task *const self = scopeflow__task_of(task);
    self->check = CHECK;
    self->phase = SCOPEFLOW__PHASE_ENDED;
    step->kind = SCOPEFLOW_STEP_KIND_DONE;
    step->scope = scope;
}

/* --- The last step --- */

static void let_go(scopeflow__task *self) {
    scopeflow_scope_release(self->scope);
    scopeflow__set_release(self->middleware);
    self->scope = NULL;
    self->middleware = NULL;
    self->phase = SCOPEFLOW__PHASE_ENDED;
    self->pending = SCOPEFLOW__PENDING_NOTHING;
}

/* S5.2: an exit or a cancellation that a subscriber let through is raised instead of the result,
 * now that everything owed has been delivered. */
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
    if (self->hands_scope) {
        step->scope = self->scope;
        self->scope = NULL;
    }
    let_go(self);
}

/* --- Running --- */

/* Field by field: a memset of this size is compiled to a string instruction, which is slow to
 * start. */
static void clear_step(scopeflow_step *step) {
    step->kind = SCOPEFLOW_STEP_KIND_DONE;
    step->registry = 0;
    step->status = SCOPEFLOW_STATUS_OK;
    step->flags = 0;
    step->callable = 0;
    step->input = 0;
    step->value = 0;
    step->scope = NULL;
    step->event = NULL;
    step->registration = scopeflow__text(NULL, 0);
    step->target = scopeflow__text(NULL, 0);
}

void scopeflow__task_run(scopeflow__task *self, scopeflow_emitter *emitter, scopeflow_step *step) {
    clear_step(step);
    for (;;) {
        if (self->events != NULL && scopeflow__task_deliver(self, emitter, step)) return;
        switch ((scopeflow__phase)self->phase) {
        case SCOPEFLOW__PHASE_GUARD:
            if (scopeflow__call_guard(self, step)) return;
            break;
        case SCOPEFLOW__PHASE_START: scopeflow__call_start(self, emitter); break;
        case SCOPEFLOW__PHASE_EXECUTE:
            if (scopeflow__call_execute(self, emitter, step)) return;
            break;
        case SCOPEFLOW__PHASE_FINISH:
            /* The end of a forgotten scope may have been what held its parent. */
            if (scopeflow__has_abandoned(self->runtime)) {
                scopeflow__task_emit_abandoned(self, emitter);
                break;
            }
            finish(self, step);
            return;
        case SCOPEFLOW__PHASE_ENDED: finish(self, step); return;
        }
    }
}

static scopeflow_status check_answer(const scopeflow__task *self, const scopeflow_answer *answer,
                                     scopeflow_error *out_error) {
    if (self->check != CHECK || self->phase == SCOPEFLOW__PHASE_ENDED)
        return scopeflow__fail_text(out_error, SCOPEFLOW_STATUS_INVALID_STATE,
                                    "the task has ended, or was never begun");
    SCOPEFLOW__REQUIRE(answer->kind >= SCOPEFLOW_ANSWER_KIND_VALUE &&
                           answer->kind <= SCOPEFLOW_ANSWER_KIND_CANCEL,
                       out_error, "answer.kind is no answer kind");
    SCOPEFLOW__REQUIRE(answer->kind != SCOPEFLOW_ANSWER_KIND_REFUSE ||
                           self->pending == SCOPEFLOW__PENDING_INVOKE,
                       out_error, "only a guard can refuse");
    return SCOPEFLOW_STATUS_OK;
}

scopeflow_status scopeflow_task_resume(scopeflow_task *task, const scopeflow_answer *answer,
                                       scopeflow_step *out_step, scopeflow_error *out_error) {
    scopeflow_status status = scopeflow__check_task_resume(task, answer, out_step, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow__task *const self = scopeflow__task_of(task);
    status = check_answer(self, answer, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;

    switch ((scopeflow__pending)self->pending) {
    case SCOPEFLOW__PENDING_INVOKE: scopeflow__call_guarded(self, answer); break;
    case SCOPEFLOW__PENDING_DELIVER: scopeflow__task_delivered(self, answer); break;
    case SCOPEFLOW__PENDING_EXECUTE: scopeflow__call_executed(self, answer); break;
    case SCOPEFLOW__PENDING_NOTHING: break;
    }
    self->pending = SCOPEFLOW__PENDING_NOTHING;
    scopeflow__task_run(self, answer->emitter, out_step);
    return SCOPEFLOW_STATUS_OK;
}
