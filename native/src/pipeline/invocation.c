/* What a native callable can ask and answer (ADR 0020). An answer that is refused fails the
 * callable, so that nobody passes on by mistake what a callable wanted to change. */
#include "pipeline/invocation.h"

#include "base/checks.gen.h"
#include "base/utf8.h"
#include "event/credentials.h"
#include "event/metadata.h"
#include "json/parse.h"
#include "json/scan.h"
#include "value/described.h"

#if SCOPEFLOW_HOSTED /* Nothing else in C is loaded where there is no operating system. */

void scopeflow__invocation_free_texts(scopeflow_invocation *self) {
    if (self->has_text) scopeflow__buffer_deinit(&self->text);
    for (int part = 0; part < SCOPEFLOW__PART_COUNT; part++)
        if ((self->made_parts & (1u << part)) != 0) scopeflow__buffer_deinit(&self->parts[part]);
}

/* --- Facts, of which nothing has none --- */

scopeflow_registry scopeflow_invocation_registry(const scopeflow_invocation *self) {
    return self == NULL ? 0 : self->entry->kind;
}

scopeflow_bytes scopeflow_invocation_registration(const scopeflow_invocation *self) {
    return self == NULL ? SCOPEFLOW__TEXT("") : scopeflow__entry_name(self->entry);
}

scopeflow_bytes scopeflow_invocation_target(const scopeflow_invocation *self) {
    if (self == NULL) return SCOPEFLOW__TEXT("");
    return self->step->event != NULL ? scopeflow__event_name(self->step->event)
                                     : self->step->target;
}

scopeflow_bytes scopeflow_invocation_tool_call_id(const scopeflow_invocation *self) {
    return self == NULL ? SCOPEFLOW__TEXT("") : self->step->tool_call_id;
}

scopeflow_bytes scopeflow_invocation_model_name(const scopeflow_invocation *self) {
    return self == NULL ? SCOPEFLOW__TEXT("") : self->step->model_name;
}

scopeflow_scope *scopeflow_invocation_scope(const scopeflow_invocation *self) {
    if (self == NULL) return NULL;
    return self->step->event != NULL ? self->step->event->scope : self->step->scope;
}

scopeflow_runtime *scopeflow_invocation_runtime(const scopeflow_invocation *self) {
    return self == NULL ? NULL : self->task->runtime;
}

scopeflow_event *scopeflow_invocation_event(const scopeflow_invocation *self) {
    return self == NULL ? NULL : self->step->event;
}

scopeflow_native_moment scopeflow_invocation_moment(const scopeflow_invocation *self) {
    bool const is_before = self == NULL || self->outcome == NULL;
    return is_before ? SCOPEFLOW_NATIVE_MOMENT_BEFORE : SCOPEFLOW_NATIVE_MOMENT_AFTER;
}

uint32_t scopeflow_invocation_attempt(const scopeflow_invocation *self) {
    return self == NULL ? 0 : self->attempt;
}

scopeflow_answer_kind scopeflow_invocation_outcome(const scopeflow_invocation *self) {
    bool const has_one = self != NULL && self->outcome != NULL;
    return has_one ? self->outcome->kind : (scopeflow_answer_kind)SCOPEFLOW_ANSWER_KIND_VALUE;
}

/* --- JSON text --- */

static void put_failed(scopeflow_runtime *runtime, scopeflow_ref error, scopeflow_tape *tape) {
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_OBJECT);
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("error"));
    if (error != 0 && runtime->host.describe_error != NULL)
        runtime->host.describe_error(runtime->host.context, error, tape);
    else
        scopeflow_tape_put_null(tape);
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_END);
}

/* S3.6: a refusal is presented as the error that it becomes. */
static void put_reason(scopeflow_runtime *runtime, scopeflow_ref reason, scopeflow_tape *tape) {
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_OBJECT);
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("error"));
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_OBJECT);
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("type"));
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("GuardrailRejected"));
    scopeflow__tape_put_string(tape, SCOPEFLOW__TEXT("message"));
    if (reason != 0)
        scopeflow__encode_ref(runtime, reason, tape);
    else
        scopeflow_tape_put_null(tape);
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_END);
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_END);
}

static void put_input(const scopeflow_invocation *self, scopeflow_tape *tape) {
    scopeflow_runtime *const runtime = self->task->runtime;
    const scopeflow_step *const step = self->step;
    if ((step->input_flags & SCOPEFLOW_STEP_FLAG_ERROR) != 0) {
        put_failed(runtime, step->input, tape);
        return;
    }
    if ((step->input_flags & SCOPEFLOW_STEP_FLAG_REASON) != 0) {
        put_reason(runtime, step->input, tape);
        return;
    }
    scopeflow__encode_ref(runtime, step->input, tape);
    if (self->entry->kind == SCOPEFLOW_REGISTRY_LLM_SANITIZE_REQUEST_GUARDRAIL)
        scopeflow__credentials_remove(runtime, tape);
}

static void put_what_came(const scopeflow_invocation *self, scopeflow_tape *tape) {
    if (self->outcome == NULL) return;
    if (self->outcome->kind == SCOPEFLOW_ANSWER_KIND_VALUE)
        scopeflow__encode_ref(self->task->runtime, self->outcome->value, tape);
    else
        put_failed(self->task->runtime, self->outcome->value, tape);
}

/* Everything, whatever its size: what goes on must not lack an end because of an event's budget. */
static void write_payload(const scopeflow_invocation *self, scopeflow_native_part part,
                          scopeflow__buffer *out) {
    scopeflow_runtime *const runtime = self->task->runtime;
    scopeflow_tape tape;
    scopeflow__tape_init(&tape, &runtime->memory, SIZE_MAX);
    if (part == SCOPEFLOW_NATIVE_PART_INPUT)
        put_input(self, &tape);
    else if (part == SCOPEFLOW_NATIVE_PART_ANNOTATED)
        scopeflow__encode_ref(runtime, self->step->annotated, &tape);
    else
        put_what_came(self, &tape);
    if (tape.bytes.failed) out->failed = true;

    scopeflow__json_writer writer;
    scopeflow__json_writer_init(&writer, out, UINT32_MAX,
                                (runtime->flags & SCOPEFLOW_RUNTIME_FLAG_CANONICAL) != 0);
    scopeflow__json_write(&writer, scopeflow__tape_value(&tape));
    scopeflow__tape_deinit(&tape);
}

static bool is_about_fields(const scopeflow_invocation *self) {
    scopeflow_registry const kind = self->entry->kind;
    return kind == SCOPEFLOW_REGISTRY_MARK_SANITIZE_GUARDRAIL ||
           kind == SCOPEFLOW_REGISTRY_SCOPE_SANITIZE_START_GUARDRAIL ||
           kind == SCOPEFLOW_REGISTRY_SCOPE_SANITIZE_END_GUARDRAIL;
}

static scopeflow_bytes part_of(const scopeflow_event *event, scopeflow_event_part part) {
    const scopeflow__slice *const slice = &event->parts[part];
    return scopeflow__text(event->line.ptr + slice->start, slice->len);
}

/* S3.12: what an event sanitizer may change. */
static void write_fields(const scopeflow_event *event, scopeflow__buffer *out) {
    scopeflow__buffer_put_text(out, SCOPEFLOW__TEXT("{\"data\":"));
    scopeflow__buffer_put_text(out, part_of(event, SCOPEFLOW_EVENT_PART_DATA));
    scopeflow__buffer_put_text(out, SCOPEFLOW__TEXT(",\"metadata\":"));
    scopeflow__buffer_put_text(out, part_of(event, SCOPEFLOW_EVENT_PART_METADATA));
    scopeflow__buffer_put_text(out, SCOPEFLOW__TEXT(",\"category_profile\":"));
    scopeflow__buffer_put_text(out, part_of(event, SCOPEFLOW_EVENT_PART_CATEGORY_PROFILE));
    scopeflow__buffer_put_byte(out, '}');
}

static void write_event(const scopeflow_invocation *self, scopeflow__buffer *out) {
    scopeflow_event *const event = self->step->event;
    if (!scopeflow__event_encode(event))
        out->failed = true;
    else if (is_about_fields(self))
        write_fields(event, out);
    else
        scopeflow__buffer_put_text(out, part_of(event, SCOPEFLOW_EVENT_PART_LINE));
}

static bool make_part(scopeflow_invocation *self, scopeflow_native_part part) {
    scopeflow__buffer *const text = &self->parts[part];
    scopeflow__buffer_init(text, &self->task->runtime->memory);
    if (self->step->event != NULL && part == SCOPEFLOW_NATIVE_PART_INPUT)
        write_event(self, text);
    else
        write_payload(self, part, text);
    if (text->failed) {
        scopeflow__buffer_deinit(text);
        return false;
    }
    self->made_parts |= (uint8_t)(1u << part);
    return true;
}

/* --- Answers --- */

/* Copies; false when memory ran out, which is then what the callable failed by. */
static bool keep_answer(scopeflow_invocation *self, scopeflow_bytes text) {
    if (!self->has_text) scopeflow__buffer_init(&self->text, &self->task->runtime->memory);
    self->has_text = true;
    self->text.len = 0;
    scopeflow__buffer_put_text(&self->text, text);
    if (!self->text.failed) return true;
    scopeflow__buffer_deinit(&self->text);
    self->has_text = false;
    self->verdict = SCOPEFLOW__VERDICT_FAIL;
    self->status = SCOPEFLOW_STATUS_NO_MEMORY;
    return false;
}

static scopeflow_status answer(scopeflow_invocation *self, scopeflow__verdict verdict,
                               scopeflow_bytes text, scopeflow_error *out_error) {
    if (!keep_answer(self, text)) return scopeflow__fail_memory(out_error);
    self->verdict = (uint8_t)verdict;
    return SCOPEFLOW_STATUS_OK;
}

/* The answer is refused: the callable has failed by that. */
static scopeflow_status refuse(scopeflow_invocation *self, scopeflow_status status,
                               const scopeflow_error *error, scopeflow_error *out_error) {
    if (out_error != NULL) *out_error = *error;
    if (self == NULL) return status;
    self->status = status;
    self->verdict = SCOPEFLOW__VERDICT_FAIL;
    (void)keep_answer(self, scopeflow__text(error->message, error->message_len_bytes));
    return status;
}

static scopeflow_status refuse_text(scopeflow_invocation *self, scopeflow_status status,
                                    const char *text, scopeflow_error *out_error) {
    scopeflow_error error;
    scopeflow__fail_text(&error, status, text);
    return refuse(self, status, &error, out_error);
}

/* Before anything of a text is read (S7.4). */
static scopeflow_status check_answer_length(scopeflow_invocation *self, scopeflow_bytes text,
                                            scopeflow_error *out_error) {
    if (text.len <= SCOPEFLOW_JSON_SIZE_LIMIT_BYTES) return SCOPEFLOW_STATUS_OK;
    return refuse_text(self, SCOPEFLOW_STATUS_LIMIT_EXCEEDED,
                       "the answer is longer than json_size_limit", out_error);
}

/* A callable that could not see what it is about has failed, unless it says something else. */
scopeflow_status scopeflow_invocation_json(scopeflow_invocation *self, scopeflow_native_part part,
                                           scopeflow_bytes *out_json, scopeflow_error *out_error) {
    scopeflow_error error;
    scopeflow_status const status = scopeflow__check_invocation_json(self, part, out_json, &error);
    if (status != SCOPEFLOW_STATUS_OK) return refuse(self, status, &error, out_error);
    if (self->step->event != NULL && self->step->event->is_being_encoded)
        return refuse_text(self, SCOPEFLOW_STATUS_INVALID_STATE, "the event is being encoded",
                           out_error);
    if ((self->made_parts & (1u << part)) == 0 && !make_part(self, part))
        return refuse_text(self, SCOPEFLOW_STATUS_NO_MEMORY, "the allocator returned nothing",
                           out_error);
    *out_json = scopeflow__text(self->parts[part].ptr, self->parts[part].len);
    return SCOPEFLOW_STATUS_OK;
}

static scopeflow_status check_json(scopeflow_invocation *self, scopeflow_bytes json,
                                   scopeflow_error *out_error) {
    scopeflow__json_fault fault;
    return scopeflow__json_find_fault(json, &fault)
               ? refuse_text(self, fault.status, fault.problem, out_error)
               : SCOPEFLOW_STATUS_OK;
}

static bool is_object(scopeflow_bytes json) {
    size_t at = 0;
    while (json.ptr[at] == ' ' || json.ptr[at] == '\t' || json.ptr[at] == '\n' ||
           json.ptr[at] == '\r')
        at++;
    return json.ptr[at] == '{';
}

static bool is_llm_request(scopeflow__cursor value) {
    scopeflow__cursor headers;
    scopeflow__cursor any;
    return scopeflow__member_find(value, SCOPEFLOW__TEXT("headers"), &headers) &&
           scopeflow__cursor_peek(&headers) == SCOPEFLOW_TOKEN_OBJECT &&
           scopeflow__member_find(value, SCOPEFLOW__TEXT("content"), &any);
}

static scopeflow_status check_llm_request(scopeflow_invocation *self, scopeflow_bytes json,
                                          scopeflow_error *out_error) {
    scopeflow_tape tape;
    scopeflow__tape_init(&tape, &self->task->runtime->memory, SIZE_MAX);
    bool const is_read = scopeflow__json_parse(&tape, json);
    bool const is_request = is_read && is_llm_request(scopeflow__tape_value(&tape));
    scopeflow__tape_deinit(&tape);
    if (is_request) return SCOPEFLOW_STATUS_OK;
    if (!is_read)
        return refuse_text(self, SCOPEFLOW_STATUS_NO_MEMORY, "the allocator returned nothing",
                           out_error);
    return refuse_text(self, SCOPEFLOW_STATUS_INVALID_ARGUMENT,
                       "json is no LLM request: it has no `headers`, an object, or no `content`",
                       out_error);
}

static bool is_execution(const scopeflow_invocation *self) {
    return self->entry->kind == SCOPEFLOW_REGISTRY_TOOL_EXECUTION_INTERCEPT ||
           self->entry->kind == SCOPEFLOW_REGISTRY_LLM_EXECUTION_INTERCEPT;
}

/* Whether the JSON is to be the request of an LLM call. */
static bool wants_llm_request(const scopeflow_invocation *self, scopeflow__verdict verdict) {
    scopeflow_registry const kind = self->entry->kind;
    if (kind == SCOPEFLOW_REGISTRY_LLM_EXECUTION_INTERCEPT)
        return verdict == SCOPEFLOW__VERDICT_RETRY ||
               (verdict == SCOPEFLOW__VERDICT_REPLACE && self->outcome == NULL);
    return kind == SCOPEFLOW_REGISTRY_LLM_REQUEST_INTERCEPT ||
           (kind == SCOPEFLOW_REGISTRY_LLM_SANITIZE_REQUEST_GUARDRAIL &&
            (self->step->input_flags & SCOPEFLOW_STEP_FLAG_OBSERVED) != 0);
}

static bool wants_object(const scopeflow_invocation *self) {
    return is_about_fields(self) || self->entry->kind == SCOPEFLOW_REGISTRY_EVENT_METADATA_INJECTOR;
}

static scopeflow_status answer_json(scopeflow_invocation *self, scopeflow__verdict verdict,
                                    scopeflow_bytes json, scopeflow_error *out_error) {
    scopeflow_status status = check_json(self, json, out_error);
    if (status == SCOPEFLOW_STATUS_OK && wants_llm_request(self, verdict))
        status = check_llm_request(self, json, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    if (wants_object(self) && !is_object(json))
        return refuse_text(self, SCOPEFLOW_STATUS_INVALID_ARGUMENT, "json is no object", out_error);
    return answer(self, verdict, json, out_error);
}

static bool can_refuse(const scopeflow_invocation *self) {
    return self->task->pending == SCOPEFLOW__PENDING_GUARD ||
           self->task->pending == SCOPEFLOW__PENDING_GATE;
}

scopeflow_status scopeflow_invocation_refuse(scopeflow_invocation *self, scopeflow_bytes reason,
                                             scopeflow_error *out_error) {
    scopeflow_error error;
    scopeflow_status status = scopeflow__check_invocation_refuse(self, reason, &error);
    if (status != SCOPEFLOW_STATUS_OK) return refuse(self, status, &error, out_error);
    status = check_answer_length(self, reason, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    if (!can_refuse(self))
        return refuse_text(self, SCOPEFLOW_STATUS_INVALID_STATE,
                           "only a guard or a gate can refuse", out_error);
    if (!scopeflow__utf8_is_valid(reason))
        return refuse_text(self, SCOPEFLOW_STATUS_INVALID_UTF8, "the reason is no UTF-8",
                           out_error);
    return answer(self, SCOPEFLOW__VERDICT_REFUSE, reason, out_error);
}

scopeflow_status scopeflow_invocation_replace(scopeflow_invocation *self, scopeflow_bytes json,
                                              scopeflow_error *out_error) {
    scopeflow_error error;
    scopeflow_status status = scopeflow__check_invocation_replace(self, json, &error);
    if (status != SCOPEFLOW_STATUS_OK) return refuse(self, status, &error, out_error);
    status = check_answer_length(self, json, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    if (can_refuse(self) || self->task->pending == SCOPEFLOW__PENDING_DELIVER)
        return refuse_text(self, SCOPEFLOW_STATUS_INVALID_STATE,
                           "guards, gates and subscribers have nothing to replace", out_error);
    return answer_json(self, SCOPEFLOW__VERDICT_REPLACE, json, out_error);
}

static scopeflow_status check_decision(scopeflow_invocation *self,
                                       scopeflow_native_decision decision,
                                       scopeflow_error *out_error) {
    bool const is_before = self->outcome == NULL;
    if (!is_execution(self))
        return refuse_text(self, SCOPEFLOW_STATUS_INVALID_STATE,
                           "only an execution intercept decides", out_error);
    if (decision == SCOPEFLOW_NATIVE_DECISION_SHORT_CIRCUIT && !is_before)
        return refuse_text(self, SCOPEFLOW_STATUS_INVALID_STATE,
                           "the rest of the chain has run already: it cannot be cut short",
                           out_error);
    if (decision == SCOPEFLOW_NATIVE_DECISION_RETRY && is_before)
        return refuse_text(self, SCOPEFLOW_STATUS_INVALID_STATE,
                           "the rest of the chain has not run yet: it cannot be retried",
                           out_error);
    return SCOPEFLOW_STATUS_OK;
}

scopeflow_status scopeflow_invocation_decide(scopeflow_invocation *self,
                                             scopeflow_native_decision decision,
                                             scopeflow_bytes json, scopeflow_error *out_error) {
    static const uint8_t verdicts[] = {SCOPEFLOW__VERDICT_NONE, SCOPEFLOW__VERDICT_SHORT_CIRCUIT,
                                       SCOPEFLOW__VERDICT_RETRY, SCOPEFLOW__VERDICT_REPLACE};
    scopeflow_error error;
    scopeflow_status status = scopeflow__check_invocation_decide(self, decision, json, &error);
    if (status != SCOPEFLOW_STATUS_OK) return refuse(self, status, &error, out_error);
    status = check_answer_length(self, json, out_error);
    if (status == SCOPEFLOW_STATUS_OK) status = check_decision(self, decision, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;

    scopeflow__verdict const verdict = (scopeflow__verdict)verdicts[decision];
    bool const needs_no_json = verdict == SCOPEFLOW__VERDICT_NONE ||
                               (verdict == SCOPEFLOW__VERDICT_RETRY && json.len == 0);
    return needs_no_json ? answer(self, verdict, SCOPEFLOW__TEXT(""), out_error)
                         : answer_json(self, verdict, json, out_error);
}

scopeflow_status scopeflow_invocation_fail(scopeflow_invocation *self, scopeflow_status status,
                                           scopeflow_bytes message, scopeflow_error *out_error) {
    scopeflow_error error;
    scopeflow_status checked = scopeflow__check_invocation_fail(self, status, message, &error);
    if (checked != SCOPEFLOW_STATUS_OK) return refuse(self, checked, &error, out_error);
    checked = check_answer_length(self, message, out_error);
    if (checked != SCOPEFLOW_STATUS_OK) return checked;
    scopeflow_status const kind =
        status == SCOPEFLOW_STATUS_OK ? SCOPEFLOW_STATUS_PLUGIN_ERROR : status;
    if (scopeflow__same_text(scopeflow__c_text(scopeflow__status_name(kind)),
                             SCOPEFLOW__TEXT("unknown")))
        return refuse_text(self, SCOPEFLOW_STATUS_INVALID_ARGUMENT, "status is no error",
                           out_error);
    if (!scopeflow__utf8_is_valid(message))
        return refuse_text(self, SCOPEFLOW_STATUS_INVALID_ARGUMENT, "the message is no UTF-8",
                           out_error);
    self->status = kind;
    self->verdict = SCOPEFLOW__VERDICT_FAIL;
    if (!keep_answer(self, scopeflow__c_text(scopeflow__status_prefix(kind))))
        return scopeflow__fail_memory(out_error);
    scopeflow__buffer_put_text(&self->text, SCOPEFLOW__TEXT(": "));
    scopeflow__buffer_put_text(&self->text, message);
    if (!self->text.failed) return SCOPEFLOW_STATUS_OK;
    self->text.len = 0;
    return scopeflow__fail_memory(out_error);
}

bool scopeflow__invocation_says_null(const scopeflow_invocation *self) {
    scopeflow_bytes const text = scopeflow__invocation_text(self);
    for (size_t i = 0; i < text.len; i++) {
        char const c = text.ptr[i];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return c == 'n';
    }
    return false;
}
#endif
