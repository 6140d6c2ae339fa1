/* What a native callable of a case does when it is asked: tests/vectors/README.md, "Native
 * callables". */
#include "native_script.h"
#include "reached.h"

#include <string.h>

typedef struct asked {
    const native *self;
    scopeflow_invocation *invocation;
    bool is_after;
    const char *label;
} asked;

static runner *runner_of(const asked *of) {
    return of->self->runner;
}

/* --- What it is shown --- */

static bool same_bytes(scopeflow_bytes a, scopeflow_bytes b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static bool is_about_event(scopeflow_registry registry) {
    return registry == SCOPEFLOW_REGISTRY_SUBSCRIBER ||
           (registry >= SCOPEFLOW_REGISTRY_MARK_SANITIZE_GUARDRAIL &&
            registry <= SCOPEFLOW_REGISTRY_EVENT_METADATA_INJECTOR);
}

/* What holds in every case, without being told. */
static void check_facts(const asked *of) {
    const scopeflow_invocation *const invocation = of->invocation;
    const json *const name = json_get(of->self->arguments, "name");
    if (scopeflow_invocation_registry(invocation) != of->self->registry)
        fail(runner_of(of), "%s stands in another registry", of->label);
    if (!same_bytes(scopeflow_invocation_registration(invocation), json_bytes(name)))
        fail(runner_of(of), "%s is registered under another name", of->label);
    if (scopeflow_invocation_runtime(invocation) != runner_of(of)->runtime)
        fail(runner_of(of), "%s is asked by another runtime", of->label);
    if (scopeflow_invocation_scope(invocation) == NULL)
        fail(runner_of(of), "the work that %s is about belongs nowhere", of->label);
    if ((scopeflow_invocation_event(invocation) != NULL) != is_about_event(of->self->registry))
        fail(runner_of(of), "%s has an event, or lacks one", of->label);
    reached_operation("invocation_scope");
    reached_operation("invocation_event");
    reached_operation("invocation_registry");
    reached_operation("invocation_registration");
    reached_operation("invocation_runtime");
    reached_operation("invocation_moment");
}

/* A part that could not be had for want of memory is asked for again; the host hears of it as a
 * failure all the same, unless the callable answers something else. */
static void check_part(const asked *of, const json *got, const char *name,
                       scopeflow_native_part part) {
    const json *const wanted = json_get(got, name);
    if (wanted == NULL) return;
    scopeflow_bytes text;
    scopeflow_status status;
    do status = scopeflow_invocation_json(of->invocation, part, &text, NULL);
    while (status == SCOPEFLOW_STATUS_NO_MEMORY);
    reached_operation("invocation_json");
    if (status != SCOPEFLOW_STATUS_OK) {
        fail(runner_of(of), "%s was not shown its %s", of->label, name);
        return;
    }
    object *const shown = object_new_json(&runner_of(of)->host, text.ptr, text.len);
    if (!payload_is(shown, wanted))
        differ(runner_of(of), "the %s of %s is %s", name, of->label, shown->text);
    object_release(shown);
}

static void check_text(const asked *of, const json *got, const char *name, scopeflow_bytes text) {
    const json *const wanted = json_get(got, name);
    if (wanted != NULL && !same_bytes(json_bytes(wanted), text))
        differ(runner_of(of), "the %s of %s is '%.*s'", name, of->label, (int)text.len, text.ptr);
}

static void look(const asked *of, const json *got) {
    const scopeflow_invocation *const invocation = of->invocation;
    if (got == NULL) return;
    check_part(of, got, "input", SCOPEFLOW_NATIVE_PART_INPUT);
    check_part(of, got, "annotated", SCOPEFLOW_NATIVE_PART_ANNOTATED);
    check_part(of, got, "outcome", SCOPEFLOW_NATIVE_PART_OUTCOME);
    check_text(of, got, "target", scopeflow_invocation_target(invocation));
    check_text(of, got, "tool_call_id", scopeflow_invocation_tool_call_id(invocation));
    check_text(of, got, "model_name", scopeflow_invocation_model_name(invocation));
    const json *const attempt = json_get(got, "attempt");
    const json *const failed = json_get(got, "failed");
    const bool has_failed = scopeflow_invocation_outcome(invocation) == SCOPEFLOW_ANSWER_KIND_ERROR;
    if (attempt != NULL &&
        json_integer(attempt, -1) != (long long)scopeflow_invocation_attempt(invocation))
        differ(runner_of(of), "%s is asked in another attempt", of->label);
    if (failed != NULL && json_is_true(failed) != has_failed)
        differ(runner_of(of), "%s is told of another outcome", of->label);
    reached_operation("invocation_target");
    reached_operation("invocation_tool_call_id");
    reached_operation("invocation_model_name");
    reached_operation("invocation_attempt");
    reached_operation("invocation_outcome");
}

/* --- What it answers --- */

static scopeflow_native_decision decision_of(const json *name) {
    static const char *const names[] = {"proceed", "short_circuit", "retry", "replace"};
    scopeflow_native_decision decision = 0;
    while (!json_is(name, names[decision])) decision++;
    return decision;
}

static scopeflow_bytes text_or_none(const json *text) {
    scopeflow_bytes const none = {NULL, 0};
    return text == NULL ? none : json_bytes(text);
}

static scopeflow_status status_of(const json *name) {
    if (name == NULL) return SCOPEFLOW_STATUS_OK;
    for (scopeflow_status status = 1; status < 10000; status++)
        if (json_is(name, scopeflow_status_name(status))) return status;
    return SCOPEFLOW_STATUS_INTERNAL;
}

/* Says which operation it was. */
static scopeflow_status say_once(const asked *of, const json *what, const char **out_said,
                                 scopeflow_error *error) {
    const json *const reason = json_get(what, "refuse");
    const json *const replacement = json_get(what, "replace");
    const json *const decision = json_get(what, "decide");
    const json *const message = json_get(what, "fail");
    if (reason != NULL) {
        if (of->self->registry == SCOPEFLOW_REGISTRY_CONDITIONAL_MIDDLEWARE_GUARDRAIL)
            runner_of(of)->was_gated = true;
        *out_said = "invocation_refuse";
        return scopeflow_invocation_refuse(of->invocation, json_bytes(reason), error);
    }
    if (replacement != NULL) {
        *out_said = "invocation_replace";
        return scopeflow_invocation_replace(of->invocation, json_bytes(replacement), error);
    }
    if (decision != NULL) {
        *out_said = "invocation_decide";
        reached_decision(decision_of(decision), scopeflow_invocation_moment(of->invocation));
        return scopeflow_invocation_decide(of->invocation, decision_of(decision),
                                           text_or_none(json_get(what, "json")), error);
    }
    *out_said = "invocation_fail";
    return scopeflow_invocation_fail(of->invocation, status_of(json_get(what, "status")),
                                     json_bytes(message), error);
}

static void say(const asked *of, const json *what) {
    const json *const refused = json_get(what, "refused");
    const char *said = NULL;
    scopeflow_error error;
    scopeflow_status status;
    do status = say_once(of, what, &said, &error);
    while (status == SCOPEFLOW_STATUS_NO_MEMORY);
    reached_operation(said);
    if (status != SCOPEFLOW_STATUS_OK) reached_error(said, status);

    const bool is_as_told =
        refused == NULL ? status == SCOPEFLOW_STATUS_OK
                        : json_is(json_get(refused, "status"), scopeflow_status_name(status));
    if (!is_as_told)
        fail(runner_of(of), "%s: %s came to %s", of->label, said, scopeflow_status_name(status));
    else if (refused != NULL && !json_is(json_get(refused, "message"), error.message))
        fail(runner_of(of), "%s: %s was refused: %s", of->label, said, error.message);
}

/* A host's callable that is registered natively has what it refuses with, or returns. */
static void say_as_host(const asked *of, const json *answer) {
    const json *const reason = json_get(answer, "refuse");
    const json *const made = json_get(json_get(answer, "return"), "json");
    scopeflow_status status = SCOPEFLOW_STATUS_OK;
    do {
        if (reason != NULL)
            status = scopeflow_invocation_refuse(of->invocation, json_bytes(reason), NULL);
        if (made != NULL)
            status = scopeflow_invocation_replace(of->invocation, json_bytes(made), NULL);
    } while (status == SCOPEFLOW_STATUS_NO_MEMORY);
}

/* --- Its turn --- */

static void act_natively(const asked *of, const json *answer) {
    runner *const owner = runner_of(of);
    const json *const all = json_get(answer, "says");
    look(of, json_get(answer, "got"));
    owner->native_depth++;
    object *const error = run_steps(owner, owner->operating, json_get(answer, "steps"));
    owner->native_depth--;
    if (error != NULL) fail(owner, "a native callable let an error through");
    object_release(error);
    if (all == NULL) return;
    for (const json *what = all->first; what != NULL; what = what->next) say(of, what);
}

void run_native(void *user_data, scopeflow_invocation *invocation) {
    native *const self = user_data;
    runner *const owner = self->runner;
    const json *const definition = json_get(self->arguments, "callable");
    const json *const script = json_get(definition, "native");
    asked of;
    of.self = self;
    of.invocation = invocation;
    of.is_after = scopeflow_invocation_moment(invocation) == SCOPEFLOW_NATIVE_MOMENT_AFTER;
    of.label = json_text(json_get(definition, "label"), "?");
    if (self->destroy_count > 0) fail(owner, "%s is asked though it was given back", of.label);
    if (owner->is_over) return;

    check_facts(&of);
    if (self->registry == SCOPEFLOW_REGISTRY_SUBSCRIBER)
        (void)record_line(owner, of.label, scopeflow_invocation_event(invocation));
    note_call(owner, of.label, of.is_after ? "after" : NULL);
    size_t *const count = &self->counts[of.is_after];
    if (script == NULL) {
        say_as_host(&of, next_answer(json_get(definition, "answers"), count));
        return;
    }
    reached_native(self->registry);
    act_natively(&of, next_answer(json_get(script, of.is_after ? "after" : "before"), count));
}
