/* What happens to an event before anybody gets it, in this order (S3.12): tool or LLM sanitizers,
 * the codec's annotation, metadata injectors, event sanitizers. Sanitizers fail closed (S3.6). */
#include "pipeline/task.h"

#include "scope/log.h"
#include "value/tape.h"

/* --- Looking at a payload --- */

enum { ARENA_SIZE_BYTES = 512 };

static void *reallocate_in_arena(void *arena, void *block, size_t old_size_bytes,
                                 size_t new_size_bytes) {
    (void)block;
    (void)old_size_bytes;
    return new_size_bytes > 0 && new_size_bytes <= ARENA_SIZE_BYTES ? arena : NULL;
}

/* The first token of what a reference is written as: the host is asked to stop right after it, and
 * the tape has a place on the stack. Only a long text does not fit there. */
static scopeflow_token first_token(scopeflow_runtime *runtime, scopeflow_ref ref) {
    if (ref == 0 || runtime->host.encode == NULL) return SCOPEFLOW_TOKEN_NULL;
    char arena[ARENA_SIZE_BYTES];
    scopeflow__memory const memory = {reallocate_in_arena, arena};
    scopeflow_tape tape;
    scopeflow__tape_init(&tape, &memory, 1);
    runtime->host.encode(runtime->host.context, ref, &tape);
    if (tape.bytes.len > 0) return (scopeflow_token)arena[0];
    return tape.bytes.failed ? SCOPEFLOW_TOKEN_STRING : SCOPEFLOW_TOKEN_NULL;
}

bool scopeflow__ref_is_null(scopeflow_runtime *runtime, scopeflow_ref ref) {
    return first_token(runtime, ref) == SCOPEFLOW_TOKEN_NULL;
}

/* --- Which chain is due --- */

static bool is_call_event(const scopeflow_event *event) {
    if (event->data_source == SCOPEFLOW__DATA_REFUSAL ||
        event->data_source == SCOPEFLOW__DATA_FAILURE)
        return true;
    return event->kind == SCOPEFLOW_EVENT_KIND_SCOPE && event->scope->is_call;
}

static scopeflow_registry response_sanitizers(const scopeflow_event *event) {
    return event->is_llm_call ? SCOPEFLOW_REGISTRY_LLM_SANITIZE_RESPONSE_GUARDRAIL
                              : SCOPEFLOW_REGISTRY_TOOL_SANITIZE_RESPONSE_GUARDRAIL;
}

static scopeflow_registry payload_sanitizers(const scopeflow_event *event) {
    if (event->is_response) return response_sanitizers(event);
    return event->is_llm_call ? SCOPEFLOW_REGISTRY_LLM_SANITIZE_REQUEST_GUARDRAIL
                              : SCOPEFLOW_REGISTRY_TOOL_SANITIZE_REQUEST_GUARDRAIL;
}

static scopeflow_registry event_sanitizers(const scopeflow_event *event) {
    if (event->kind == SCOPEFLOW_EVENT_KIND_MARK) return SCOPEFLOW_REGISTRY_MARK_SANITIZE_GUARDRAIL;
    return event->scope_category == SCOPEFLOW_SCOPE_CATEGORY_START
               ? SCOPEFLOW_REGISTRY_SCOPE_SANITIZE_START_GUARDRAIL
               : SCOPEFLOW_REGISTRY_SCOPE_SANITIZE_END_GUARDRAIL;
}

/* The error or reason whose text the response sanitizers see, or 0. */
static scopeflow_ref error_of(const scopeflow_event *event) {
    bool const is_mark = event->kind == SCOPEFLOW_EVENT_KIND_MARK;
    return is_mark ? event->data : event->outcome.error;
}

static bool has_payload(const scopeflow_event *event) {
    return is_call_event(event) && event->data != 0 &&
           event->data_source == SCOPEFLOW__DATA_PAYLOAD;
}

static bool has_error(const scopeflow_event *event) {
    return is_call_event(event) && error_of(event) != 0 &&
           (event->kind == SCOPEFLOW_EVENT_KIND_SCOPE ||
            event->data_source != SCOPEFLOW__DATA_PAYLOAD);
}

/* Whether the stage has anything to do, and with which registry. */
static bool stage_registry(const scopeflow_event *event, scopeflow_registry *out) {
    switch ((scopeflow__preparation)event->preparation) {
    case SCOPEFLOW__PREPARE_PAYLOAD: *out = payload_sanitizers(event); return has_payload(event);
    case SCOPEFLOW__PREPARE_ERROR: *out = response_sanitizers(event); return has_error(event);
    case SCOPEFLOW__PREPARE_INJECTION:
        *out = SCOPEFLOW_REGISTRY_EVENT_METADATA_INJECTOR;
        return true;
    case SCOPEFLOW__PREPARE_FIELDS: *out = event_sanitizers(event); return true;
    case SCOPEFLOW__PREPARE_ANNOTATION:
    case SCOPEFLOW__PREPARED: break;
    }
    return false;
}

static void next_stage(scopeflow_event *event) {
    event->preparation++;
    event->chain_index = 0;
}

/* --- Failure --- */

/* S3.6, S3.12: what a failing callable of this stage costs. `entry` is null for a cancellation. */
static void fail_stage(scopeflow_event *event, scopeflow__entry *entry) {
    switch ((scopeflow__preparation)event->preparation) {
    case SCOPEFLOW__PREPARE_PAYLOAD:
    case SCOPEFLOW__PREPARE_ERROR: scopeflow__event_withhold(event, entry); break;
    case SCOPEFLOW__PREPARE_FIELDS: scopeflow__event_strip(event, entry); break;
    case SCOPEFLOW__PREPARE_INJECTION: return; /* It is passed over, the next one runs. */
    case SCOPEFLOW__PREPARE_ANNOTATION:
    case SCOPEFLOW__PREPARED: break;
    }
    next_stage(event);
}

static void fail_entry(scopeflow_event *event, scopeflow__entry *entry, scopeflow_ref error) {
    scopeflow__log_failure(event->scope->runtime, SCOPEFLOW_LOG_LEVEL_ERROR,
                           scopeflow__c_text(scopeflow__registry_titles[entry->kind]),
                           scopeflow__entry_name(entry), error);
    fail_stage(event, entry);
}

/* --- Asking --- */

static void fill_input(const scopeflow_event *event, scopeflow_step *step) {
    if (event->preparation == SCOPEFLOW__PREPARE_PAYLOAD) {
        step->input = event->data;
        if (!event->was_sanitized) step->input_flags = SCOPEFLOW_STEP_FLAG_PRIVATE_COPY;
        if (!event->is_response) step->input_flags |= SCOPEFLOW_STEP_FLAG_OBSERVED;
    } else if (event->preparation == SCOPEFLOW__PREPARE_ERROR) {
        bool const is_reason = event->data_source == SCOPEFLOW__DATA_REFUSAL;
        bool const is_first = event->error_text == SCOPEFLOW__ERROR_TEXT_OWN;
        step->input = is_first ? error_of(event) : event->sanitized_error;
        if (is_first)
            step->input_flags = is_reason ? SCOPEFLOW_STEP_FLAG_REASON : SCOPEFLOW_STEP_FLAG_ERROR;
    } else {
        step->event = (scopeflow_event *)(uintptr_t)event;
    }
}

static void fill(scopeflow__task *self, scopeflow_event *event, const scopeflow__entry *entry,
                 scopeflow_step *step) {
    scopeflow__task_fill(self, step, SCOPEFLOW_STEP_KIND_INVOKE, entry);
    step->scope = event->scope;
    step->target = scopeflow__event_name(event);
    fill_input(event, step);
    self->pending = SCOPEFLOW__PENDING_PREPARE;
}

/* S3.8: an async callable fails where nothing can be awaited. */
static bool can_run(const scopeflow__task *self, const scopeflow_event *event,
                    const scopeflow__entry *entry) {
    bool const is_async = (entry->flags & SCOPEFLOW_CALLABLE_FLAG_ASYNC) != 0;
    return !is_async || (self->can_await && !event->outcome.is_abandoned);
}

/* Goes through the chain of the present stage; true when a callable has to run. */
static bool ask_chain(scopeflow__task *self, scopeflow_event *event, scopeflow_registry kind,
                      scopeflow_step *step) {
    uint8_t const stage = event->preparation;
    const scopeflow__chain *const chain = &event->listeners->chains[kind];
    while (event->preparation == stage && event->chain_index < chain->count) {
        scopeflow__entry *const entry = chain->entries[event->chain_index++];
        if (can_run(self, event, entry)) {
            fill(self, event, entry, step);
            return true;
        }
        fail_entry(event, entry, 0);
    }
    if (event->preparation == stage) next_stage(event);
    return false;
}

/* S2.8: an annotation comes from the payload that observers see. */
static bool ask_codec(scopeflow__task *self, scopeflow_event *event, scopeflow_step *step) {
    bool const can_derive = event->codec != 0 && has_payload(event);
    if (!can_derive) {
        if (event->was_sanitized || event->data_source != SCOPEFLOW__DATA_PAYLOAD)
            scopeflow__event_set_annotation(event, 0);
        next_stage(event);
        return false;
    }
    scopeflow__task_fill(self, step, SCOPEFLOW_STEP_KIND_CODEC, NULL);
    step->scope = event->scope;
    step->target = scopeflow__event_name(event);
    step->callable = event->codec;
    step->codec_action = event->is_response ? SCOPEFLOW_CODEC_ACTION_DECODE_RESPONSE
                                            : SCOPEFLOW_CODEC_ACTION_DECODE_REQUEST;
    step->input = event->data;
    if (!event->was_sanitized) step->input_flags = SCOPEFLOW_STEP_FLAG_PRIVATE_COPY;
    if (!event->is_response) step->input_flags |= SCOPEFLOW_STEP_FLAG_OBSERVED;
    self->pending = SCOPEFLOW__PENDING_PREPARE;
    return true;
}

/* Most events have nothing that would have to be done. */
static bool needs_nothing(const scopeflow_event *event) {
    const scopeflow__set *const set = event->listeners;
    return set->entry_count == set->chains[SCOPEFLOW_REGISTRY_SUBSCRIBER].count &&
           event->codec == 0;
}

bool scopeflow__task_prepare(scopeflow__task *self, scopeflow_step *step) {
    scopeflow_event *const event = self->events;
    if (needs_nothing(event)) event->preparation = SCOPEFLOW__PREPARED;
    while (event->preparation != SCOPEFLOW__PREPARED) {
        scopeflow_registry kind;
        if (event->preparation == SCOPEFLOW__PREPARE_ANNOTATION) {
            if (ask_codec(self, event, step)) return true;
        } else if (!stage_registry(event, &kind)) {
            next_stage(event);
        } else if (ask_chain(self, event, kind, step)) {
            return true;
        }
    }
    return false;
}

/* --- Answers --- */

/* S3.6: a sanitizer gives a value of the kind that it was given. */
static bool is_sane(const scopeflow_event *event, scopeflow_ref value) {
    scopeflow_token const first = first_token(event->scope->runtime, value);
    switch ((scopeflow__preparation)event->preparation) {
    case SCOPEFLOW__PREPARE_PAYLOAD:
        if (event->is_llm_call && !event->is_response) return first == SCOPEFLOW_TOKEN_OBJECT;
        return first != SCOPEFLOW_TOKEN_UNSERIALIZABLE &&
               (first != SCOPEFLOW_TOKEN_NULL ||
                scopeflow__ref_is_null(event->scope->runtime, event->data));
    case SCOPEFLOW__PREPARE_ERROR:
        return first != SCOPEFLOW_TOKEN_UNSERIALIZABLE && first != SCOPEFLOW_TOKEN_NULL;
    default: return first == SCOPEFLOW_TOKEN_OBJECT;
    }
}

/* Nothing at all is fine only for nothing. */
static bool may_be_nothing(const scopeflow_event *event) {
    return event->preparation == SCOPEFLOW__PREPARE_PAYLOAD &&
           scopeflow__ref_is_null(event->scope->runtime, event->data);
}

static void take_value(scopeflow_event *event, scopeflow_ref value) {
    scopeflow_runtime *const runtime = event->scope->runtime;
    switch ((scopeflow__preparation)event->preparation) {
    case SCOPEFLOW__PREPARE_PAYLOAD: scopeflow__event_set_data(event, value); break;
    case SCOPEFLOW__PREPARE_ERROR:
        scopeflow__runtime_release_ref(runtime, event->sanitized_error);
        event->sanitized_error = value;
        event->error_text = SCOPEFLOW__ERROR_TEXT_SANITIZED;
        break;
    case SCOPEFLOW__PREPARE_INJECTION:
        if (!scopeflow__event_inject(event, value)) scopeflow__runtime_release_ref(runtime, value);
        break;
    case SCOPEFLOW__PREPARE_FIELDS: scopeflow__event_set_fields(event, value); break;
    case SCOPEFLOW__PREPARE_ANNOTATION:
    case SCOPEFLOW__PREPARED: scopeflow__runtime_release_ref(runtime, value); break;
    }
    scopeflow__event_touch(event);
}

static scopeflow__entry *asked_entry(const scopeflow_event *event) {
    scopeflow_registry kind = SCOPEFLOW_REGISTRY_EVENT_METADATA_INJECTOR;
    (void)stage_registry(event, &kind);
    return event->listeners->chains[kind].entries[event->chain_index - 1];
}

/* S2.8: an event goes without an annotation rather than with a wrong one. */
static void take_annotation(scopeflow__task *self, scopeflow_event *event,
                            const scopeflow_answer *answer) {
    bool const is_value = answer->kind == SCOPEFLOW_ANSWER_KIND_VALUE;
    if (answer->kind == SCOPEFLOW_ANSWER_KIND_CANCEL) scopeflow__task_hold(self, answer->value);
    if (answer->kind == SCOPEFLOW_ANSWER_KIND_ERROR) {
        scopeflow__log_failure(self->runtime, SCOPEFLOW_LOG_LEVEL_WARNING,
                               SCOPEFLOW__TEXT("the codec for"), scopeflow__event_name(event),
                               answer->value);
        scopeflow__runtime_release_ref(self->runtime, answer->value);
    }
    event->codec_failed = answer->kind == SCOPEFLOW_ANSWER_KIND_ERROR;
    scopeflow__event_set_annotation(event, is_value ? answer->value : 0);
    next_stage(event);
}

void scopeflow__task_prepared(scopeflow__task *self, const scopeflow_answer *answer) {
    scopeflow_event *const event = self->events;
    if (event->preparation == SCOPEFLOW__PREPARE_ANNOTATION) {
        take_annotation(self, event, answer);
        return;
    }
    if (answer->kind == SCOPEFLOW_ANSWER_KIND_CANCEL) { /* S3.6: no failure, but no payload. */
        scopeflow__task_hold(self, answer->value);
        fail_stage(event, NULL);
        return;
    }
    scopeflow__entry *const entry = asked_entry(event);
    bool const is_value = answer->kind == SCOPEFLOW_ANSWER_KIND_VALUE;
    if (is_value && answer->value == 0 && may_be_nothing(event)) return;
    if (is_value && answer->value != 0 && is_sane(event, answer->value)) {
        take_value(event, answer->value);
        return;
    }
    fail_entry(event, entry, is_value ? 0 : answer->value);
    scopeflow__runtime_release_ref(self->runtime, answer->value);
}
