/* Native execution intercepts (S3.7, ADR 0020). They do not wrap a call of `next`: they are asked
 * before the rest of the chain runs and after it has, and a frame remembers in between that they
 * stand around it. */
#include "pipeline/invocation.h"

#if SCOPEFLOW_HOSTED /* Nothing else in C is loaded where there is no operating system. */

typedef struct scopeflow__frame {
    struct scopeflow__frame *outer;
    uint32_t link;         /* Its place in the chain. */
    uint32_t attempt;      /* How often what it stands around was begun. */
    scopeflow_ref request; /* What the intercept was given. */
    bool owns_request;
} frame;

/* --- Frames --- */

/* What is inside has a request of its own to let go of, or none. */
static bool push(scopeflow__task *self) {
    frame *const inner = (frame *)scopeflow__allocate(&self->runtime->memory, sizeof *inner);
    if (inner == NULL) return false;
    inner->outer = self->frames;
    inner->link = self->link;
    inner->attempt = 1;
    inner->request = self->request;
    inner->owns_request = self->owns_request;
    self->owns_request = false;
    self->frames = inner;
    return true;
}

static void take_request(scopeflow__task *self, scopeflow_ref request, bool owns) {
    if (self->owns_request) scopeflow__runtime_release_ref(self->runtime, self->request);
    self->request = request;
    self->owns_request = owns;
}

static void pop(scopeflow__task *self) {
    frame *const inner = self->frames;
    self->frames = inner->outer;
    take_request(self, inner->request, inner->owns_request);
    scopeflow__deallocate(&self->runtime->memory, inner, sizeof *inner);
}

SCOPEFLOW__NOINLINE void scopeflow__native_forget(scopeflow__task *self) {
    while (self->frames != NULL) pop(self);
}

scopeflow_ref scopeflow__native_held_at(const scopeflow__task *self, uint32_t index) {
    for (const frame *i = self->frames; i != NULL; i = i->outer)
        if (i->owns_request && index-- == 0) return i->request;
    return 0;
}

/* --- What was decided --- */

static void fail_memory(scopeflow__task *self, scopeflow_answer *out) {
    scopeflow__native_error(self->runtime, SCOPEFLOW_STATUS_NO_MEMORY,
                            SCOPEFLOW__TEXT("no memory: the allocator returned nothing"), out);
}

/* The answer is the result that the callable gave. */
static void result(const scopeflow_invocation *invocation, scopeflow_answer *out) {
    memset(out, 0, sizeof *out);
    out->value = scopeflow__native_decode(invocation, SCOPEFLOW_DECODE_SHAPE_VALUE);
    if (out->value == 0) fail_memory(invocation->task, out);
}

static scopeflow_ref new_request(const scopeflow_invocation *invocation) {
    return scopeflow__native_decode(invocation, invocation->task->kind == SCOPEFLOW__TASK_TOOL
                                                    ? SCOPEFLOW_DECODE_SHAPE_VALUE
                                                    : SCOPEFLOW_DECODE_SHAPE_LLM_REQUEST);
}

/* The rest of the chain, marked as an attempt where that is due. */
static void run_rest(scopeflow__task *self) {
    self->link = self->frames->link + 1;
    self->phase = SCOPEFLOW__PHASE_LINK;
}

/* S4.4: without an error object the host makes one of the status. */
static void execute(scopeflow__task *self, const scopeflow_answer *answer) {
    scopeflow__call_settle(self, answer);
    if (answer->kind == SCOPEFLOW_ANSWER_KIND_ERROR && answer->value == 0 &&
        self->final_step == SCOPEFLOW_STEP_KIND_RAISE && self->value == 0)
        self->final_status = answer->status;
}

static bool enter(scopeflow__task *self, const scopeflow_invocation *invocation) {
    bool const has_request = invocation->verdict == SCOPEFLOW__VERDICT_REPLACE;
    scopeflow_ref const request = has_request ? new_request(invocation) : 0;
    if (has_request && request == 0) return false;
    if (!push(self)) {
        scopeflow__runtime_release_ref(self->runtime, request);
        return false;
    }
    if (has_request) take_request(self, request, true);
    run_rest(self);
    return true;
}

void scopeflow__native_decided(scopeflow__task *self, const scopeflow_invocation *invocation) {
    scopeflow_answer answer;
    self->pending = SCOPEFLOW__PENDING_NOTHING;
    if (invocation->verdict == SCOPEFLOW__VERDICT_FAIL)
        scopeflow__native_failure(invocation, &answer);
    else if (invocation->verdict == SCOPEFLOW__VERDICT_SHORT_CIRCUIT)
        result(invocation, &answer);
    else if (enter(self, invocation))
        return;
    else
        fail_memory(self, &answer);
    execute(self, &answer);
}

/* --- On the way out --- */

static void drop(scopeflow__task *self, const scopeflow_answer *answer) {
    scopeflow__runtime_release_ref(self->runtime, answer->value);
    scopeflow__runtime_release_ref(self->runtime, answer->annotated);
}

static void replace_answer(scopeflow__task *self, scopeflow_answer *answer,
                           const scopeflow_answer *by) {
    drop(self, answer);
    *answer = *by;
}

/* S3.7: as a host's `next`, it is over with the call's span. */
static bool retry(scopeflow__task *self, const scopeflow_invocation *invocation,
                  scopeflow_answer *answer) {
    bool const has_request = scopeflow__invocation_text(invocation).len > 0;
    scopeflow_answer failure;
    if (!scopeflow__scope_is_open(self->scope)) {
        scopeflow__native_error(
            self->runtime, SCOPEFLOW_STATUS_INVALID_ARGUMENT,
            SCOPEFLOW__TEXT("invalid argument: the execution continuation is no longer active"),
            &failure);
        replace_answer(self, answer, &failure);
        return false;
    }
    scopeflow_ref const request = has_request ? new_request(invocation) : 0;
    if (has_request && request == 0) {
        fail_memory(self, &failure);
        replace_answer(self, answer, &failure);
        return false;
    }
    drop(self, answer);
    if (has_request) take_request(self, request, true);
    self->frames->attempt++;
    run_rest(self);
    return true;
}

/* Asks one intercept; true when the rest of the chain is to run once more. */
static bool ask(scopeflow__task *self, scopeflow_answer *answer) {
    const scopeflow__entry *const entry =
        scopeflow__call_execution_chain(self)->entries[self->frames->link];
    scopeflow_invocation invocation;
    scopeflow_step step;
    memset(&step, 0, sizeof step);
    scopeflow__task_fill(self, &step, SCOPEFLOW_STEP_KIND_EXECUTE, entry);
    step.input = self->frames->request;
    scopeflow__invocation_begin(&invocation, self, entry, &step);
    invocation.outcome = answer;
    invocation.attempt = self->frames->attempt;
    entry->native.run(entry->native.context, &invocation);

    scopeflow_answer other;
    bool goes_on = false;
    if (invocation.verdict == SCOPEFLOW__VERDICT_RETRY) {
        goes_on = retry(self, &invocation, answer);
    } else if (invocation.verdict != SCOPEFLOW__VERDICT_NONE) {
        if (invocation.verdict == SCOPEFLOW__VERDICT_FAIL)
            scopeflow__native_failure(&invocation, &other);
        else
            result(&invocation, &other);
        replace_answer(self, answer, &other);
    }
    scopeflow__invocation_end(&invocation);
    return goes_on;
}

SCOPEFLOW__NOINLINE bool scopeflow__native_unwind(scopeflow__task *self, scopeflow_answer *answer) {
    while (self->frames != NULL) {
        /* The host's own cancellation passes, whatever stands around it. */
        bool const passes = answer->kind == SCOPEFLOW_ANSWER_KIND_CANCEL;
        if (!passes && ask(self, answer)) return false;
        pop(self);
    }
    return true;
}
#endif
