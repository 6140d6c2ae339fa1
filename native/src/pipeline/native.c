/* Native callables (ADR 0020): the core runs them itself where the host would have been asked, and
 * takes their answers as it takes the host's. */
#include "pipeline/invocation.h"

#include "json/write.h"

#if SCOPEFLOW_HOSTED /* Nothing else in C is loaded where there is no operating system. */

static const char NO_MEMORY_TEXT[] =
    "no memory: the host made nothing of a native callable's answer";

/* --- From JSON and status to the host's objects --- */

scopeflow_ref scopeflow__native_decode(const scopeflow_invocation *self,
                                       scopeflow_decode_shape shape) {
    const scopeflow_host *const host = &self->task->runtime->host;
    return host->decode(host->context, scopeflow__invocation_text(self), (uint32_t)shape);
}

void scopeflow__native_error(scopeflow_runtime *runtime, scopeflow_status status,
                             scopeflow_bytes message, scopeflow_answer *out) {
    memset(out, 0, sizeof *out);
    out->kind = SCOPEFLOW_ANSWER_KIND_ERROR;
    out->status = status;
    out->value = runtime->host.make_error(runtime->host.context, (uint32_t)status, message);
}

void scopeflow__native_failure(const scopeflow_invocation *self, scopeflow_answer *out) {
    scopeflow_bytes text = scopeflow__invocation_text(self);
    if (text.len == 0) text = scopeflow__c_text(NO_MEMORY_TEXT);
    scopeflow__native_error(self->task->runtime, self->status, text, out);
}

/* --- Answers --- */

static scopeflow_decode_shape shape_of(const scopeflow_invocation *self) {
    scopeflow_registry const kind = self->entry->kind;
    bool const is_request = kind == SCOPEFLOW_REGISTRY_LLM_REQUEST_INTERCEPT ||
                            (kind == SCOPEFLOW_REGISTRY_LLM_SANITIZE_REQUEST_GUARDRAIL &&
                             (self->step->input_flags & SCOPEFLOW_STEP_FLAG_OBSERVED) != 0);
    return is_request ? SCOPEFLOW_DECODE_SHAPE_LLM_REQUEST : SCOPEFLOW_DECODE_SHAPE_VALUE;
}

/* A reason is a text, which JSON has quotes and escapes for. */
static scopeflow_ref decode_reason(const scopeflow_invocation *self) {
    scopeflow_runtime *const runtime = self->task->runtime;
    scopeflow__buffer json;
    scopeflow__buffer_init(&json, &runtime->memory);
    scopeflow__json_write_string(&json, scopeflow__invocation_text(self));
    scopeflow_ref const reason =
        json.failed
            ? 0
            : runtime->host.decode(runtime->host.context, scopeflow__text(json.ptr, json.len),
                                   SCOPEFLOW_DECODE_SHAPE_VALUE);
    scopeflow__buffer_deinit(&json);
    return reason;
}

/* S3.11: what a request intercept gave has to be a request. */
static void replace(scopeflow__task *self, const scopeflow_invocation *invocation,
                    scopeflow_answer *out) {
    if (scopeflow__invocation_says_null(invocation)) {
        out->value = 0; /* As a host's callable that returns nothing. */
    } else {
        out->value = scopeflow__native_decode(invocation, shape_of(invocation));
        if (out->value == 0) {
            scopeflow__native_error(self->runtime, SCOPEFLOW_STATUS_NO_MEMORY,
                                    scopeflow__c_text(NO_MEMORY_TEXT), out);
            return;
        }
    }
    scopeflow_error error;
    scopeflow_status const status = scopeflow__call_check_native(self, out, &error);
    if (status == SCOPEFLOW_STATUS_OK) return;
    scopeflow__runtime_release_ref(self->runtime, out->value);
    scopeflow__native_error(self->runtime, status,
                            scopeflow__text(error.message, error.message_len_bytes), out);
}

static void fill_answer(scopeflow__task *self, const scopeflow_invocation *invocation,
                        scopeflow_answer *out) {
    memset(out, 0, sizeof *out);
    switch ((scopeflow__verdict)invocation->verdict) {
    case SCOPEFLOW__VERDICT_REFUSE:
        out->kind = SCOPEFLOW_ANSWER_KIND_REFUSE;
        out->value = decode_reason(invocation);
        break;
    case SCOPEFLOW__VERDICT_REPLACE: replace(self, invocation, out); break;
    case SCOPEFLOW__VERDICT_FAIL: scopeflow__native_failure(invocation, out); break;
    case SCOPEFLOW__VERDICT_NONE:
    case SCOPEFLOW__VERDICT_SHORT_CIRCUIT:
    case SCOPEFLOW__VERDICT_RETRY: break;
    }
}

static void deliver_failure(scopeflow__task *self, const scopeflow_answer *answer) {
    if (answer->kind != SCOPEFLOW_ANSWER_KIND_ERROR) return;
    scopeflow__task_delivery_failed(self, answer->value);
    scopeflow__runtime_release_ref(self->runtime, answer->value);
}

static void take_native(scopeflow__task *self, const scopeflow_answer *answer) {
    switch ((scopeflow__pending)self->pending) {
    case SCOPEFLOW__PENDING_GATE: scopeflow__call_gated(self, answer); break;
    case SCOPEFLOW__PENDING_GUARD: scopeflow__call_guarded(self, answer); break;
    case SCOPEFLOW__PENDING_INTERCEPT: scopeflow__call_intercepted_natively(self, answer); break;
    case SCOPEFLOW__PENDING_PREPARE: scopeflow__task_prepared(self, answer); break;
    case SCOPEFLOW__PENDING_DELIVER: deliver_failure(self, answer); break;
    default: break; /* No other step is for a native callable. */
    }
    self->pending = SCOPEFLOW__PENDING_NOTHING;
    /* Without an error object the host makes one of the status. */
    if (answer->kind == SCOPEFLOW_ANSWER_KIND_ERROR && answer->value == 0 &&
        self->final_step == SCOPEFLOW_STEP_KIND_RAISE)
        self->final_status = answer->status;
}

/* Whether a callable that has nothing to say leaves everything as it is. An intercept may still
 * break its chain, and a gate counts on. */
static bool changes_nothing(const scopeflow__task *self, const scopeflow_invocation *invocation) {
    static uint32_t const silent = 1u << SCOPEFLOW__PENDING_GUARD |
                                   1u << SCOPEFLOW__PENDING_PREPARE |
                                   1u << SCOPEFLOW__PENDING_DELIVER;
    return invocation->verdict == SCOPEFLOW__VERDICT_NONE && (silent >> self->pending & 1) != 0;
}

static SCOPEFLOW__NOINLINE void settle_native(scopeflow__task *self,
                                              const scopeflow_invocation *invocation) {
    scopeflow_answer answer;
    if (self->pending == SCOPEFLOW__PENDING_EXECUTE) {
        scopeflow__native_decided(self, invocation);
        return;
    }
    fill_answer(self, invocation, &answer);
    take_native(self, &answer);
}

SCOPEFLOW__NOINLINE void scopeflow__native_run(scopeflow__task *self, scopeflow_step *step) {
    scopeflow_invocation invocation;
    const scopeflow__entry *const entry = scopeflow__entry_named(step->registration);
    scopeflow__invocation_begin(&invocation, self, entry, step);
    entry->native.run(entry->native.context, &invocation);
    if (changes_nothing(self, &invocation))
        self->pending = SCOPEFLOW__PENDING_NOTHING;
    else
        settle_native(self, &invocation);
    scopeflow__invocation_end(&invocation);
    scopeflow__clear(step, sizeof *step);
}
#endif
