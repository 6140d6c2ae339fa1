/* What comes before the start of a call (S4.1): guards decide, request intercepts rewrite. What
 * fails here leaves a mark, since there is no span that could tell of it (S4.5). */
#include "base/utf8.h"
#include "pipeline/task.h"

#define STEP_GUARD "guard"
#define STEP_CODEC "codec"
#define STEP_INTERCEPT "request_intercept"

/* --- The chains --- */

static scopeflow__chain *guards_of(const scopeflow__task *self) {
    return &self->middleware->chains[scopeflow__task_registry(
        self, SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL,
        SCOPEFLOW_REGISTRY_LLM_CONDITIONAL_EXECUTION_GUARDRAIL)];
}

static scopeflow__chain *intercepts_of(const scopeflow__task *self) {
    return &self->middleware->chains[scopeflow__task_registry(
        self, SCOPEFLOW_REGISTRY_TOOL_REQUEST_INTERCEPT, SCOPEFLOW_REGISTRY_LLM_REQUEST_INTERCEPT)];
}

static void go_to(scopeflow__task *self, scopeflow__phase phase) {
    self->phase = (uint8_t)phase;
    self->index = 0;
}

/* --- Failure --- */

/* The mark stands under the scope that was current, not under the call, which never began. */
static void emit_verdict(scopeflow__task *self, const scopeflow_answer *answer, const char *what,
                         scopeflow__entry *entry) {
    scopeflow_scope *const span = self->scope;
    bool const is_refusal = answer->kind == SCOPEFLOW_ANSWER_KIND_REFUSE;
    scopeflow__set *const listeners = scopeflow__listeners_of(span->inherit);
    if (listeners == NULL) return;
    scopeflow_event *const mark = scopeflow__event_new_mark(
        span->parent, scopeflow__scope_name(span), SCOPEFLOW__TEXT(""), SCOPEFLOW_TIMESTAMP_NONE);
    if (mark != NULL) {
        if (entry != NULL) scopeflow__ref_up(&entry->refs);
        mark->entry = entry;
        mark->step = what;
        /* The cast is for C++, which will not mix an enumerator with a number. */
        mark->type = is_refusal ? (scopeflow_scope_type)SCOPEFLOW_SCOPE_TYPE_GUARDRAIL : span->type;
        mark->is_llm_call = span->type == SCOPEFLOW_SCOPE_TYPE_LLM;
        mark->data_source = is_refusal ? SCOPEFLOW__DATA_REFUSAL : SCOPEFLOW__DATA_FAILURE;
        mark->data = answer->value;
        scopeflow__event_sanitize_by(mark, self->middleware);
    }
    scopeflow__task_emit(self, mark, listeners);
}

/* The call ends here: refused, failed or cancelled. */
static void turn_away(scopeflow__task *self, const scopeflow_answer *answer, const char *what,
                      scopeflow__entry *entry) {
    bool const is_refusal = answer->kind == SCOPEFLOW_ANSWER_KIND_REFUSE;
    self->phase = SCOPEFLOW__PHASE_FINISH;
    self->final_step = SCOPEFLOW_STEP_KIND_RAISE;
    self->final_status = is_refusal ? SCOPEFLOW_STATUS_GUARDRAIL_REJECTED : SCOPEFLOW_STATUS_OK;
    self->value = answer->value;
    if (answer->kind != SCOPEFLOW_ANSWER_KIND_CANCEL && !self->is_standalone)
        emit_verdict(self, answer, what, entry);
}

/* Ends a standalone helper that went through (S4.9). */
static void give_back(scopeflow__task *self) {
    self->phase = SCOPEFLOW__PHASE_FINISH;
    self->final_step = SCOPEFLOW_STEP_KIND_RETURN;
    if (!self->owns_request) return;
    self->value = self->request;
    self->owns_request = false;
}

/* --- Guards --- */

bool scopeflow__call_guard(scopeflow__task *self, scopeflow_step *step) {
    if (self->has_held) { /* While the ends of forgotten scopes were delivered (S5.2). */
        self->phase = SCOPEFLOW__PHASE_FINISH;
        return false;
    }
    const scopeflow__chain *const guards = self->middleware != NULL ? guards_of(self) : NULL;
    if (guards == NULL || self->index == guards->count) {
        bool const has_more = self->middleware != NULL && intercepts_of(self)->count > 0;
        go_to(self, has_more ? SCOPEFLOW__PHASE_DECODE : SCOPEFLOW__PHASE_START);
        if (self->is_standalone) give_back(self);
        return false;
    }
    scopeflow__task_fill(self, step, SCOPEFLOW_STEP_KIND_INVOKE, guards->entries[self->index++]);
    step->scope = self->scope->opener;
    step->input = self->request;
    self->pending = SCOPEFLOW__PENDING_GUARD;
    return true;
}

void scopeflow__call_guarded(scopeflow__task *self, const scopeflow_answer *answer) {
    if (answer->kind == SCOPEFLOW_ANSWER_KIND_VALUE) {
        if (answer->value != 0) scopeflow__runtime_release_ref(self->runtime, answer->value);
        return;
    }
    turn_away(self, answer, STEP_GUARD, guards_of(self)->entries[self->index - 1]);
}

/* --- The request codec --- */

static bool fill_codec(scopeflow__task *self, scopeflow_step *step, scopeflow_codec_action action,
                       scopeflow__pending pending) {
    scopeflow__task_fill(self, step, SCOPEFLOW_STEP_KIND_CODEC, NULL);
    step->scope = self->scope->opener;
    step->callable = self->codec;
    step->codec_action = action;
    step->input = self->request;
    if (!self->owns_request) step->input_flags = SCOPEFLOW_STEP_FLAG_PRIVATE_COPY;
    step->annotated = self->annotated;
    step->value = 0;
    self->pending = (uint8_t)pending;
    return true;
}

/* Comes only where there are intercepts: nobody else would look at what was decoded. */
bool scopeflow__call_decode(scopeflow__task *self, scopeflow_step *step) {
    if (self->codec == 0) {
        go_to(self, SCOPEFLOW__PHASE_INTERCEPT);
        return false;
    }
    self->decoded = self->request;
    return fill_codec(self, step, SCOPEFLOW_CODEC_ACTION_DECODE_REQUEST, SCOPEFLOW__PENDING_DECODE);
}

void scopeflow__call_decoded(scopeflow__task *self, const scopeflow_answer *answer) {
    if (answer->kind != SCOPEFLOW_ANSWER_KIND_VALUE) {
        turn_away(self, answer, STEP_CODEC, NULL);
        return;
    }
    self->annotated = answer->value;
    go_to(self, SCOPEFLOW__PHASE_INTERCEPT);
}

bool scopeflow__call_encode(scopeflow__task *self, scopeflow_step *step) {
    if (self->codec == 0 || !self->was_annotated) {
        go_to(self, SCOPEFLOW__PHASE_START);
        return false;
    }
    (void)fill_codec(self, step, SCOPEFLOW_CODEC_ACTION_ENCODE_REQUEST, SCOPEFLOW__PENDING_ENCODE);
    if (self->request != self->decoded) step->value = self->decoded;
    return true;
}

static void replace_request(scopeflow__task *self, scopeflow_ref request) {
    if (self->owns_request) scopeflow__runtime_release_ref(self->runtime, self->request);
    self->request = request;
    self->owns_request = true;
}

void scopeflow__call_encoded(scopeflow__task *self, const scopeflow_answer *answer) {
    if (answer->kind != SCOPEFLOW_ANSWER_KIND_VALUE) {
        turn_away(self, answer, STEP_CODEC, NULL);
        return;
    }
    replace_request(self, answer->value);
    go_to(self, SCOPEFLOW__PHASE_START);
}

/* --- Request intercepts --- */

bool scopeflow__call_intercept(scopeflow__task *self, scopeflow_step *step) {
    if (self->middleware == NULL || self->index == intercepts_of(self)->count) {
        go_to(self, SCOPEFLOW__PHASE_ENCODE);
        if (self->is_standalone) give_back(self);
        return false;
    }
    scopeflow__task_fill(self, step, SCOPEFLOW_STEP_KIND_INVOKE,
                         intercepts_of(self)->entries[self->index++]);
    step->scope = self->scope->opener;
    step->input = self->request;
    step->annotated = self->annotated;
    if (!self->owns_request) step->input_flags = SCOPEFLOW_STEP_FLAG_PRIVATE_COPY;
    self->pending = SCOPEFLOW__PENDING_INTERCEPT;
    return true;
}

/* Puts a piece of a message together in place; what does not fit is cut. */
static scopeflow_bytes join(char *out, size_t capacity, const char *a, scopeflow_bytes b,
                            const char *c) {
    scopeflow_bytes const parts[] = {scopeflow__c_text(a), b, scopeflow__c_text(c)};
    size_t used = 0;
    for (int i = 0; i < 3; i++) {
        size_t const len = scopeflow__utf8_cut(parts[i], capacity - used);
        scopeflow__copy(out + used, parts[i].ptr, len);
        used += len;
    }
    return scopeflow__text(out, used);
}

static scopeflow_status fail_intercept(const scopeflow__task *self, const char *returned,
                                       scopeflow_error *out_error) {
    const scopeflow__entry *const entry = intercepts_of(self)->entries[self->index - 1];
    char start[64];
    char end[120];
    scopeflow_bytes target = scopeflow__scope_name(self->scope);
    target.len = scopeflow__utf8_cut(target, 64);
    return scopeflow__fail(out_error, SCOPEFLOW_STATUS_INVALID_ARGUMENT,
                           join(start, sizeof start, scopeflow__registry_titles[entry->kind],
                                SCOPEFLOW__TEXT(""), " '"),
                           scopeflow__entry_name(entry),
                           join(end, sizeof end, returned, target, "'"));
}

SCOPEFLOW__INLINE scopeflow_status check_intercepted(const scopeflow__task *self,
                                                     const scopeflow_answer *answer,
                                                     scopeflow_error *out_error) {
    bool const is_tool = self->kind == SCOPEFLOW__TASK_TOOL;
    if (answer->value != 0) {
        bool const is_known =
            answer->value == self->request || (answer->flags & SCOPEFLOW_ANSWER_FLAG_JSON) != 0;
        if (is_tool && is_known) return SCOPEFLOW_STATUS_OK;
        bool const is_request = is_tool ? scopeflow__ref_is_json(self->runtime, answer->value)
                                        : scopeflow__ref_is_object(self->runtime, answer->value);
        if (is_request) return SCOPEFLOW_STATUS_OK;
        return fail_intercept(
            self, is_tool ? "' returned no JSON value for '" : "' returned no LLM request for '",
            out_error);
    }
    if (scopeflow__ref_is_null(self->runtime, self->request)) return SCOPEFLOW_STATUS_OK;
    return fail_intercept(self, "' returned nothing for '", out_error);
}

static scopeflow_status check_encoded(const scopeflow__task *self, const scopeflow_answer *answer,
                                      scopeflow_error *out_error) {
    if (scopeflow__ref_is_object(self->runtime, answer->value)) return SCOPEFLOW_STATUS_OK;
    return scopeflow__fail(out_error, SCOPEFLOW_STATUS_INVALID_ARGUMENT,
                           SCOPEFLOW__TEXT("the codec returned no LLM request for '"),
                           scopeflow__scope_name(self->scope), SCOPEFLOW__TEXT("'"));
}

scopeflow_status scopeflow__call_check_rewritten(const scopeflow__task *self,
                                                 const scopeflow_answer *answer,
                                                 scopeflow_error *out_error) {
    if (answer->kind != SCOPEFLOW_ANSWER_KIND_VALUE) return SCOPEFLOW_STATUS_OK;
    if (self->pending == SCOPEFLOW__PENDING_INTERCEPT)
        return check_intercepted(self, answer, out_error);
    if (self->pending == SCOPEFLOW__PENDING_ENCODE) return check_encoded(self, answer, out_error);
    return SCOPEFLOW_STATUS_OK;
}

SCOPEFLOW__INLINE void take_intercepted(scopeflow__task *self, const scopeflow_answer *answer) {
    scopeflow__chain *const chain = intercepts_of(self);
    scopeflow__entry *const entry = chain->entries[self->index - 1];
    if (answer->annotated != 0 && self->kind != SCOPEFLOW__TASK_TOOL) {
        scopeflow__runtime_release_ref(self->runtime, self->annotated);
        self->annotated = answer->annotated;
        self->was_annotated = true;
    }
    if (answer->kind != SCOPEFLOW_ANSWER_KIND_VALUE) {
        turn_away(self, answer, STEP_INTERCEPT, entry);
        return;
    }
    if (answer->value != 0) replace_request(self, answer->value);
    if ((entry->flags & SCOPEFLOW_CALLABLE_FLAG_BREAK_CHAIN) != 0) self->index = chain->count;
}

void scopeflow__call_intercepted(scopeflow__task *self, const scopeflow_answer *answer) {
    take_intercepted(self, answer);
}

SCOPEFLOW__NOINLINE scopeflow_status scopeflow__call_check_native(const scopeflow__task *self,
                                                                  const scopeflow_answer *answer,
                                                                  scopeflow_error *out_error) {
    bool const is_request = self->pending == SCOPEFLOW__PENDING_INTERCEPT;
    return is_request ? check_intercepted(self, answer, out_error) : SCOPEFLOW_STATUS_OK;
}

SCOPEFLOW__NOINLINE void scopeflow__call_intercepted_natively(scopeflow__task *self,
                                                              const scopeflow_answer *answer) {
    take_intercepted(self, answer);
}
