/* What the callables, codecs and targets of a case do when it is their turn. */
#include "call.h"
#include "reached.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Whose turn it is --- */

void note_call(runner *self, const char *of, const char *action) {
    if (of == NULL) return;
    if (self->call_count == CALLS) abort();
    snprintf(self->calls[self->call_count++], LABEL_SIZE, "%s%s%s", of, action == NULL ? "" : "_",
             action == NULL ? "" : action);
}

const json *next_answer(const json *answers, size_t *count) {
    size_t const all = json_count(answers);
    size_t const index = *count < all ? *count : all - 1;
    ++*count;
    return all == 0 ? NULL : json_at(answers, index);
}

void answer_error(scopeflow_answer *answer, object *error) {
    answer->kind = error->is_cancel ? SCOPEFLOW_ANSWER_KIND_CANCEL : SCOPEFLOW_ANSWER_KIND_ERROR;
    answer->status = error->status;
    answer->value = object_ref(error);
}

static void answer_value(scopeflow_answer *answer, object *returned) {
    answer->kind = SCOPEFLOW_ANSWER_KIND_VALUE;
    answer->value = object_ref(returned);
}

static bool struck(call *c, scopeflow_answer *answer) {
    faults *const disturbing = &c->runner->faults;
    if (!faults_strike(disturbing, PLACE_CALLABLE)) return false;
    object *const error = object_new_error(&c->runner->host, "Fault", "a fault strikes");
    error->is_cancel = disturbing->kind == FAULT_CANCEL;
    answer_error(answer, error);
    return true;
}

bool act(call *c, const json *script, scopeflow_answer *answer) {
    if (struck(c, answer)) return false;
    object *const propagated =
        c->runner->is_over ? NULL : run_steps(c->runner, c->context, json_get(script, "steps"));
    if (propagated == NULL) {
        if (json_get(script, "propagate") != NULL && json_get(script, "chunks") == NULL)
            differ(c->runner, "nothing was let through");
        return true;
    }
    answer_error(answer, propagated);
    return false;
}

bool act_failure(call *c, const json *script, scopeflow_answer *answer) {
    const json *const raised = json_get(script, "raise");
    const json *const cancelled = json_get(script, "cancel");
    if (raised == NULL && cancelled == NULL) return false;
    object *const error = new_error(c->runner, raised != NULL ? raised : cancelled);
    error->is_cancel = cancelled != NULL;
    answer_error(answer, error);
    return true;
}

static const json *begin_turn(call *c, object *callable) {
    note_call(c->runner, json_text(json_get(callable->definition, "label"), NULL), NULL);
    return next_answer(json_get(callable->definition, "answers"), &callable->call_counts[0]);
}

/* --- Marks --- */

static scopeflow_bytes bytes_of(const json *text) {
    scopeflow_bytes bytes = {"", 0};
    if (text == NULL) return bytes;
    bytes.ptr = text->text;
    bytes.len = text->len;
    return bytes;
}

/* Says in `c->error` why it was refused. */
static bool leave_mark(call *c, const json *mark) {
    static const char *const members[] = {"data", "metadata", "category_profile", "data_schema"};
    object *objects[4];
    scopeflow_ref refs[4];
    for (int i = 0; i < 4; i++) {
        const json *const given = json_get(mark, members[i]);
        objects[i] = given == NULL ? NULL : new_payload(c->runner, given);
        refs[i] = object_ref(objects[i]);
    }
    scopeflow_bytes const name = bytes_of(json_get(mark, "name"));
    scopeflow_bytes const category = bytes_of(json_get(mark, "category"));
    scopeflow_status status;
    do
        status = scopeflow_task_mark(&c->task, name, refs[0], refs[1], category, refs[2], refs[3],
                                     &c->error);
    while (status == SCOPEFLOW_STATUS_NO_MEMORY);
    reached_operation("task_mark");
    if (status == SCOPEFLOW_STATUS_OK) return true;
    for (int i = 0; i < 4; i++) object_release(objects[i]);
    return false;
}

/* One that is refused is the intercept's failure. */
static void leave_marks(call *c, const json *script, scopeflow_answer *answer) {
    const json *const marks = json_get(script, "marks");
    if (marks == NULL || answer->kind != SCOPEFLOW_ANSWER_KIND_VALUE) return;
    for (const json *mark = marks->first; mark != NULL; mark = mark->next) {
        if (leave_mark(c, mark)) continue;
        object_release(object_of(answer->value));
        object_release(object_of(answer->annotated));
        answer->annotated = 0;
        answer_error(answer,
                     own_error(c->runner, (scopeflow_status)c->error.status, c->error.message));
        return;
    }
}

/* --- Guards, request intercepts, sanitizers, injectors --- */

static void check_target(call *c) {
    const json *const name = json_get(c->operation->arguments, "name");
    scopeflow_bytes const target = c->step.target;
    if (target.len != name->len || memcmp(target.ptr, name->text, target.len) != 0)
        fail(c->runner, "a callable was given the name %.*s", (int)target.len, target.ptr);
}

/* What a native callable made in its place nobody knows beforehand. */
static void check_request(call *c, const char *who) {
    object *const given = object_of(c->step.input);
    if (given != c->request && !object_is_decoded(given))
        fail(c->runner, "%s was given another request", who);
}

/* A guard, or a gate: that one has to do with a registration, not with the request. */
static void ask_guard(call *c, const json *script, scopeflow_answer *answer) {
    const json *const refusal = json_get(script, "refuse");
    if (c->step.registry != SCOPEFLOW_REGISTRY_CONDITIONAL_MIDDLEWARE_GUARDRAIL) {
        check_target(c);
        check_request(c, "a guard");
    }
    if (!act(c, script, answer) || act_failure(c, script, answer) || refusal == NULL) return;
    if (c->step.registry == SCOPEFLOW_REGISTRY_CONDITIONAL_MIDDLEWARE_GUARDRAIL)
        c->runner->was_gated = true;
    answer->kind = SCOPEFLOW_ANSWER_KIND_REFUSE;
    answer->value =
        object_ref(object_new_error(&c->runner->host, "GuardrailRejected", json_text(refusal, "")));
}

/* S3.11: only a host knows its types. What is none of its requests it hands to the core as what the
 * core can tell from one. */
static object *as_request(call *c, object *returned) {
    if (returned == NULL || is_llm_request(returned)) return returned;
    object_release(returned);
    return object_new_json(&c->runner->host, "false", 5);
}

static void ask_intercept(call *c, const json *script, scopeflow_answer *answer) {
    const json *const annotated = json_get(script, "annotated");
    check_target(c);
    check_request(c, "a request intercept");
    if (!act(c, script, answer) || act_failure(c, script, answer)) return;
    object *returned = rewritten(c, present(c), script);
    if (c->step.registry == SCOPEFLOW_REGISTRY_LLM_REQUEST_INTERCEPT)
        returned = as_request(c, returned);
    answer_value(answer, returned);
    if (annotated != NULL) answer->annotated = object_ref(new_payload(c->runner, annotated));
    if (returned == NULL) return;
    c->request = returned;
    c->returned = returned;
    leave_marks(c, script, answer);
}

static void ask_sanitizer(call *c, const json *script, scopeflow_answer *answer) {
    object *const got = c->step.event != NULL ? present_fields(c) : present(c);
    bool const is_request = c->step.registry == SCOPEFLOW_REGISTRY_LLM_SANITIZE_REQUEST_GUARDRAIL;
    if (!act(c, script, answer) || act_failure(c, script, answer)) {
        object_release(got);
        return;
    }
    object *const returned = rewritten(c, got, script);
    bool const is_object = returned != NULL && returned->len > 0 && returned->text[0] == '{';
    if (is_object && is_request && !is_llm_request(returned))
        object_release(returned); /* An object of another class: only the host can tell (S3.6). */
    else
        answer_value(answer, returned);
}

static void ask_injector(call *c, const json *script, scopeflow_answer *answer) {
    const json *const returned = json_get(script, "return");
    if (!act(c, script, answer) || act_failure(c, script, answer)) return;
    if (json_get(script, "nothing") != NULL) return;
    answer_value(answer, returned != NULL ? new_payload(c->runner, returned)
                                          : object_new_json(&c->runner->host, "{}", 2));
}

void invoke(call *c, scopeflow_answer *answer) {
    const json *const script = begin_turn(c, object_of(c->step.callable));
    switch (c->step.registry) {
    case SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL:
    case SCOPEFLOW_REGISTRY_LLM_CONDITIONAL_EXECUTION_GUARDRAIL:
    case SCOPEFLOW_REGISTRY_CONDITIONAL_MIDDLEWARE_GUARDRAIL: ask_guard(c, script, answer); break;
    case SCOPEFLOW_REGISTRY_TOOL_REQUEST_INTERCEPT:
    case SCOPEFLOW_REGISTRY_LLM_REQUEST_INTERCEPT: ask_intercept(c, script, answer); break;
    case SCOPEFLOW_REGISTRY_EVENT_METADATA_INJECTOR: ask_injector(c, script, answer); break;
    default: ask_sanitizer(c, script, answer); break;
    }
}

/* --- Codecs --- */

void run_codec(call *c, scopeflow_answer *answer) {
    static const char *const actions[] = {"decode_request", "encode_request", "decode_response"};
    object *const codec = object_of(c->step.callable);
    const char *const action = actions[c->step.codec_action];
    const json *const answers = json_get(codec->definition, action);
    size_t *const count = &codec->call_counts[c->step.codec_action];
    if (answers == NULL) differ(c->runner, "a codec was asked to %s", action);
    note_call(c->runner, json_text(json_get(codec->definition, "label"), NULL), action);
    const json *const script = next_answer(answers, count);
    object *const got = present(c);
    const json *const wanted = json_get(script, "got");
    if (wanted != NULL && !payload_is(got, wanted))
        differ(c->runner, "a codec got %s", got == NULL ? "nothing" : got->text);
    object_release(got);
    if (!act(c, script, answer) || act_failure(c, script, answer)) return;

    const json *const returned = json_get(script, "return");
    object *made = returned == NULL ? NULL : new_payload(c->runner, returned);
    if (c->step.codec_action == SCOPEFLOW_CODEC_ACTION_ENCODE_REQUEST) {
        made = as_request(c, made);
        c->request = made;
        if (made != NULL) made->belongs_to = OWNER_REQUEST;
    }
    answer_value(answer, made);
}

/* --- The target and what runs around it --- */

static void run_target(call *c, scopeflow_answer *answer) {
    call *const whole = c->operation;
    const json *const target = json_get(whole->step_of_case, "target");
    const json *const name = json_get(target, "as");
    const json *const answers = json_get(target, "answers");
    if (target == NULL) differ(c->runner, "the target was called");
    check_request(c, "the target");
    if (name != NULL) label_set(c->runner, name->text, c->step.scope);
    note_call(c->runner, json_text(json_get(target, "label"), NULL), NULL);
    const json *const script =
        answers == NULL ? target : next_answer(answers, &whole->target_count);
    if (!act(c, script, answer)) return;
    if (json_get(script, "chunks") != NULL) {
        answer_value(answer, object_new_stream(&c->runner->host, script));
        return;
    }
    const json *const returned = json_get(script, "return");
    const json *const annotation = json_get(script, "annotation");
    if (act_failure(c, script, answer) || returned == NULL) return;
    object *const result = new_payload(c->runner, returned);
    if (annotation != NULL) result->annotation = new_payload(c->runner, annotation);
    answer_value(answer, result);
}

/* What the `next` calls of an answer gave; all of them held. */
typedef struct results {
    const char *names[NEXTS];
    object *objects[NEXTS];
    size_t count;
} results;

static void results_release(results *self) {
    for (size_t i = 0; i < self->count; i++) object_release(self->objects[i]);
}

static object *results_find(const results *self, const char *name) {
    for (size_t i = self->count; i-- > 0;)
        if (name == NULL || (self->names[i] != NULL && strcmp(self->names[i], name) == 0))
            return self->objects[i];
    return NULL;
}

/* As long as the intercept runs. */
static kept_next next_of(call *c) {
    kept_next next;
    memset(&next, 0, sizeof next);
    next.call = c;
    next.request = object_of(c->step.input);
    snprintf(next.registration, LABEL_SIZE, "%.*s", (int)c->step.registration.len,
             c->step.registration.ptr);
    return next;
}

/* Returns the error that comes out, held, or null. */
static object *use_next(call *c, const json *one, results *so_far) {
    const json *const given = json_get(one, "request");
    object *const request = given == NULL ? NULL : new_payload(c->runner, given);
    if (so_far->count == NEXTS) abort();
    kept_next const next = next_of(c);
    call *const link = call_next(&next, c->context, NULL, request);
    object *const error = call_error_object(link);
    object_release(request);
    if (error != NULL && (json_get(one, "catch") == NULL || error->is_cancel)) return error;
    object_release(error);
    so_far->names[so_far->count] = json_text(json_get(one, "as"), NULL);
    so_far->objects[so_far->count++] = object_retain(link->result);
    return NULL;
}

static object *use_nexts(call *c, const json *script, results *so_far) {
    const json *const nexts = json_get(script, "next");
    if (nexts == NULL) return use_next(c, NULL, so_far);
    object *error = NULL;
    for (const json *one = nexts->first; one != NULL && error == NULL; one = one->next)
        error = use_next(c, one, so_far);
    return error;
}

static void keep_next(call *c, const char *name) {
    runner *const self = c->runner;
    size_t i = 0;
    while (i < NEXTS && self->nexts[i].name != NULL && strcmp(self->nexts[i].name, name) != 0) i++;
    if (i == NEXTS) abort();
    object_release(self->nexts[i].request);
    self->nexts[i] = next_of(c);
    self->nexts[i].name = name;
    object_retain(self->nexts[i].request);
    if (strcmp(c->operation->name, "llm_stream_execute") != 0) return;
    self->nexts[i].call = c->operation; /* S3.7: until that one has ended. */
    self->nexts[i].position = c->step.position;
}

static void answer_result(call *c, const json *script, const results *all,
                          scopeflow_answer *answer) {
    const json *const returned = json_get(script, "return");
    if (json_get(script, "chunks") != NULL)
        answer_value(answer, object_new_stream(&c->runner->host, script));
    else if (returned != NULL)
        answer_value(answer, new_payload(c->runner, returned));
    else if (!act_failure(c, script, answer))
        answer_value(answer, object_retain(results_find(
                                 all, json_text(json_get(script, "result_of"), NULL))));
    leave_marks(c, script, answer);
}

static void run_intercept(call *c, scopeflow_answer *answer) {
    const json *const script = begin_turn(c, object_of(c->step.callable));
    const json *const kept = json_get(script, "keep_next");
    results all;
    memset(&all, 0, sizeof all);
    check_target(c);
    check_request(c, "an execution intercept");
    if (kept != NULL) keep_next(c, kept->text);
    if (!act(c, script, answer)) return;
    object *const error = use_nexts(c, script, &all);
    if (error != NULL)
        answer_error(answer, error);
    else
        answer_result(c, script, &all, answer);
    results_release(&all);
}

/* S4.6: the call's span is current for the target and for what runs around it. */
void execute(call *c, scopeflow_answer *answer) {
    scopeflow_scope *const span = c->step.scope;
    bool const is_stream = strcmp(c->operation->name, "llm_stream_execute") == 0;
    bool const is_link = c->operation != c;
    bool const is_producers = is_stream && !is_link;
    value *const outside = value_retain(c->context->current);
    context_enter(c->context, scopeflow_scope_retain(span), c->operation->before);
    if (c->step.callable != 0)
        run_intercept(c, answer);
    else
        run_target(c, answer);
    c->returned = answer->kind == SCOPEFLOW_ANSWER_KIND_VALUE ? object_of(answer->value) : NULL;
    if (c->returned != NULL && c->returned->annotation != NULL)
        answer->annotated = object_ref(object_retain(c->returned->annotation));
    if (is_link) {
        context_go_back(c->context, span, value_retain(c->before));
        value_release(outside);
        return;
    }
    if (!is_producers) {
        context_restore(c->context, span);
        value_release(outside);
        return;
    }
    /* S1.11: all of it had a copy of the context, in which the chunks will be made. */
    c->stream.inside = c->context->current;
    c->context->current = outside;
}
