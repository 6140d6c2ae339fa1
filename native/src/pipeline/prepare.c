/* What happens to an event before anybody gets it, in this order (S3.12): tool or LLM sanitizers,
 * the codec's annotation, metadata injectors, event sanitizers. Sanitizers fail closed (S3.6). */
#include "pipeline/task.h"

#include "event/compare.h"
#include "scope/log.h"
#include "value/tape.h"

/* --- Looking at a payload --- */

enum { LOOK_SIZE_BYTES = 512, NO_TOKEN = 0x7F };

static void *refuse_memory(void *context, void *block, size_t old_size_bytes,
                           size_t new_size_bytes) {
    (void)context, (void)block, (void)old_size_bytes, (void)new_size_bytes;
    return NULL;
}

/* The first token of what a reference is written as. The host is asked to stop right after it; what
 * does not fit on the stack fails, with the first token in its place. Only a text may be too long
 * to be begun. */
static scopeflow_token first_token(scopeflow_runtime *runtime, scopeflow_ref ref) {
    if (ref == 0 || runtime->host.encode == NULL) return SCOPEFLOW_TOKEN_NULL;
    char place[LOOK_SIZE_BYTES];
    place[0] = NO_TOKEN;
    scopeflow__memory const none = {refuse_memory, NULL};
    scopeflow_tape tape;
    scopeflow__tape_init(&tape, &none, 1);
    scopeflow__buffer_init_in(&tape.bytes, &none, place, sizeof place);
    runtime->host.encode(runtime->host.context, ref, &tape);
    if (place[0] != NO_TOKEN) return (scopeflow_token)place[0];
    return tape.bytes.failed ? SCOPEFLOW_TOKEN_STRING : SCOPEFLOW_TOKEN_NULL;
}

bool scopeflow__ref_is_null(scopeflow_runtime *runtime, scopeflow_ref ref) {
    return first_token(runtime, ref) == SCOPEFLOW_TOKEN_NULL;
}

bool scopeflow__ref_is_json(scopeflow_runtime *runtime, scopeflow_ref ref) {
    return first_token(runtime, ref) != SCOPEFLOW_TOKEN_UNSERIALIZABLE;
}

bool scopeflow__ref_is_object(scopeflow_runtime *runtime, scopeflow_ref ref) {
    return first_token(runtime, ref) == SCOPEFLOW_TOKEN_OBJECT;
}

static bool is_object_or_nothing(scopeflow_runtime *runtime, scopeflow_ref ref) {
    return ref == 0 || scopeflow__ref_is_object(runtime, ref) ||
           scopeflow__ref_is_null(runtime, ref);
}

scopeflow_status scopeflow__mark_check(scopeflow_runtime *runtime, scopeflow_ref profile,
                                       scopeflow_ref data_schema, scopeflow_error *out_error) {
    SCOPEFLOW__REQUIRE(is_object_or_nothing(runtime, profile), out_error,
                       "the category profile of a mark must be an object");
    SCOPEFLOW__REQUIRE(is_object_or_nothing(runtime, data_schema), out_error,
                       "the data schema of a mark must be an object");
    return SCOPEFLOW_STATUS_OK;
}

/* --- Which chain is due --- */

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
    return event->data != 0 && event->data_source == SCOPEFLOW__DATA_PAYLOAD;
}

static bool has_error(const scopeflow_event *event) {
    return error_of(event) != 0 && (event->kind == SCOPEFLOW_EVENT_KIND_SCOPE ||
                                    event->data_source != SCOPEFLOW__DATA_PAYLOAD);
}

/* The chain that the stage goes through, or null if it has nothing to do. */
static const scopeflow__chain *stage_chain(const scopeflow_event *event) {
    const scopeflow__set *const own = event->sanitizers;
    switch ((scopeflow__preparation)event->preparation) {
    case SCOPEFLOW__PREPARE_PAYLOAD:
        return own != NULL && has_payload(event) ? &own->chains[payload_sanitizers(event)] : NULL;
    case SCOPEFLOW__PREPARE_ERROR:
        return own != NULL && has_error(event) ? &own->chains[response_sanitizers(event)] : NULL;
    case SCOPEFLOW__PREPARE_INJECTION:
        return &event->listeners->chains[SCOPEFLOW_REGISTRY_EVENT_METADATA_INJECTOR];
    case SCOPEFLOW__PREPARE_FIELDS: return &event->listeners->chains[event_sanitizers(event)];
    case SCOPEFLOW__PREPARE_ANNOTATION:
    case SCOPEFLOW__PREPARE_PLACE:
    case SCOPEFLOW__PREPARED: break;
    }
    return NULL;
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
    case SCOPEFLOW__PREPARE_PLACE:
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

static void fault_entry(scopeflow_event *event, scopeflow__entry *entry, const char *fault) {
    scopeflow__log_fault(event->scope->runtime, SCOPEFLOW_LOG_LEVEL_ERROR,
                         scopeflow__c_text(scopeflow__registry_titles[entry->kind]),
                         scopeflow__entry_name(entry), fault);
    fail_stage(event, entry);
}

/* --- Asking --- */

static void fill_input(scopeflow_event *event, scopeflow_step *step) {
    if (event->preparation == SCOPEFLOW__PREPARE_PAYLOAD) {
        step->input = event->data;
        step->codec = event->codec;
        if (!event->was_sanitized) step->input_flags = SCOPEFLOW_STEP_FLAG_PRIVATE_COPY;
        if (!event->is_response) step->input_flags |= SCOPEFLOW_STEP_FLAG_OBSERVED;
        event->was_shown = true;
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
static bool ask_chain(scopeflow__task *self, scopeflow_event *event, scopeflow_step *step) {
    uint8_t const stage = event->preparation;
    const scopeflow__chain *const chain = stage_chain(event);
    while (chain != NULL && event->preparation == stage && event->chain_index < chain->count) {
        scopeflow__entry *const entry = chain->entries[event->chain_index++];
        if (can_run(self, event, entry)) {
            fill(self, event, entry, step);
            return true;
        }
        fault_entry(event, entry, "it is async, and nothing can be awaited here");
    }
    if (event->preparation == stage) next_stage(event);
    return false;
}

/* S2.8: what was given with the payload stands as long as observers see that very payload. Where
 * sanitizers had a word that is asked of the text, also of one in C that had nothing to say. */
static bool still_fits(scopeflow_event *event) {
    if (event->annotation == 0 || !has_payload(event)) return false;
    scopeflow_ref const before = event->was_sanitized ? event->original : event->data;
    return !event->was_shown || scopeflow__payloads_are_equal(event->scope->runtime, before,
                                                              event->data, &event->is_lost);
}

static bool is_core_codec(scopeflow_event *event) {
    const scopeflow_host *const host = &event->scope->runtime->host;
    uint32_t const found =
        host->core_codec != NULL ? host->core_codec(host->context, event->codec) : 0;
    event->core_codec =
        found <= SCOPEFLOW_CODEC_ID_GEMINI_GENERATE_CONTENT + 1 ? (uint8_t)found : 0;
    return event->core_codec != 0;
}

/* An annotation comes from the payload that observers see; one of the core's own codecs makes it
 * when somebody looks. */
static bool ask_codec(scopeflow__task *self, scopeflow_event *event, scopeflow_step *step) {
    bool const fits = still_fits(event);
    if (fits || event->codec == 0 || !has_payload(event)) {
        if (!fits) scopeflow__event_set_annotation(event, 0);
        next_stage(event);
        return false;
    }
    if (is_core_codec(event)) {
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
    /* A sanitizer may have put credential headers back, which only a copy can go without. */
    if (!event->is_response)
        step->input_flags = SCOPEFLOW_STEP_FLAG_PRIVATE_COPY | SCOPEFLOW_STEP_FLAG_OBSERVED;
    else if (!event->was_sanitized)
        step->input_flags = SCOPEFLOW_STEP_FLAG_PRIVATE_COPY;
    self->pending = SCOPEFLOW__PENDING_PREPARE;
    return true;
}

/* Most events have nothing that would have to be done. */
static bool needs_nothing(const scopeflow_event *event) {
    const scopeflow__set *const set = event->listeners;
    return set->entry_count == set->chains[SCOPEFLOW_REGISTRY_SUBSCRIBER].count &&
           event->codec == 0 && event->sanitizers == NULL;
}

bool scopeflow__task_prepare(scopeflow__task *self, scopeflow_step *step) {
    scopeflow_event *const event = self->events;
    if (needs_nothing(event)) event->preparation = SCOPEFLOW__PREPARE_PLACE;
    while (event->preparation != SCOPEFLOW__PREPARE_PLACE && !event->is_lost) {
        bool const asks = event->preparation == SCOPEFLOW__PREPARE_ANNOTATION
                              ? ask_codec(self, event, step)
                              : ask_chain(self, event, step);
        if (asks) return true;
    }
    return false;
}

/* --- Answers --- */

/* S3.6: a sanitizer gives a value of the kind that it was given. */
static bool is_sane(scopeflow_event *event, scopeflow_ref value) {
    scopeflow_token const first = first_token(event->scope->runtime, value);
    switch ((scopeflow__preparation)event->preparation) {
    case SCOPEFLOW__PREPARE_PAYLOAD:
        if (event->is_llm_call && !event->is_response) return first == SCOPEFLOW_TOKEN_OBJECT;
        return first != SCOPEFLOW_TOKEN_UNSERIALIZABLE &&
               (first != SCOPEFLOW_TOKEN_NULL ||
                scopeflow__ref_is_null(event->scope->runtime, event->data));
    case SCOPEFLOW__PREPARE_ERROR:
        return first != SCOPEFLOW_TOKEN_UNSERIALIZABLE && first != SCOPEFLOW_TOKEN_NULL;
    case SCOPEFLOW__PREPARE_FIELDS:
        return first == SCOPEFLOW_TOKEN_OBJECT &&
               scopeflow__fields_are_sane(event->scope->runtime, value, &event->is_lost);
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
        if (scopeflow__event_inject(event, value)) break;
        scopeflow__runtime_release_ref(runtime, value);
        event->is_lost = true;
        break;
    case SCOPEFLOW__PREPARE_FIELDS: scopeflow__event_set_fields(event, value); break;
    case SCOPEFLOW__PREPARE_ANNOTATION:
    case SCOPEFLOW__PREPARE_PLACE:
    case SCOPEFLOW__PREPARED: scopeflow__runtime_release_ref(runtime, value); break;
    }
    scopeflow__event_touch(event);
}

static scopeflow__entry *asked_entry(const scopeflow_event *event) {
    return stage_chain(event)->entries[event->chain_index - 1];
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
    bool const is_object =
        is_value && first_token(self->runtime, answer->value) == SCOPEFLOW_TOKEN_OBJECT;
    bool const is_wrong = is_value && answer->value != 0 && !is_object;
    if (is_wrong)
        scopeflow__log_fault(self->runtime, SCOPEFLOW_LOG_LEVEL_WARNING,
                             SCOPEFLOW__TEXT("the codec for"), scopeflow__event_name(event),
                             "what it made is no object");
    if (is_value && !is_object) scopeflow__runtime_release_ref(self->runtime, answer->value);
    event->codec_failed = answer->kind == SCOPEFLOW_ANSWER_KIND_ERROR || is_wrong;
    scopeflow__event_set_annotation(event, is_object ? answer->value : 0);
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
    if (is_value)
        fault_entry(event, entry,
                    answer->value == 0 ? "it returned nothing"
                                       : "it returned what cannot stand there");
    else
        fail_entry(event, entry, answer->value);
    scopeflow__runtime_release_ref(self->runtime, answer->value);
}
