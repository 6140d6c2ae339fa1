/* Middleware of a case in C (ADR 0020): callables that say `native` are registered so. With
 * `vectors --native` so are those of the host's that only look, refuse or return JSON, and
 * everything has to come out as it does with the host's. Those that do steps of their own, fail
 * with an error of the host's, or edit the very object that they were given can only be the
 * host's. */
#include "native_script.h"
#include "reached.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_wanted;

void natively_wanted(void) {
    is_wanted = true;
}

typedef struct kind {
    const char *title; /* Without `scope_` and `register_`. */
    scopeflow_registry registry;
    bool is_mixed;       /* With `--native` also those of the host's that do not say so. */
    const char *outcome; /* What the answers of such a one may have; null for nothing. */
} kind;

static const kind kinds[] = {
    {"tool_conditional_execution_guardrail",
     SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL, true, "refuse"},
    {"llm_conditional_execution_guardrail", SCOPEFLOW_REGISTRY_LLM_CONDITIONAL_EXECUTION_GUARDRAIL,
     true, "refuse"},
    {"tool_sanitize_request_guardrail", SCOPEFLOW_REGISTRY_TOOL_SANITIZE_REQUEST_GUARDRAIL, true,
     "return"},
    {"tool_sanitize_response_guardrail", SCOPEFLOW_REGISTRY_TOOL_SANITIZE_RESPONSE_GUARDRAIL, true,
     "return"},
    {"llm_sanitize_request_guardrail", SCOPEFLOW_REGISTRY_LLM_SANITIZE_REQUEST_GUARDRAIL, true,
     "return"},
    {"llm_sanitize_response_guardrail", SCOPEFLOW_REGISTRY_LLM_SANITIZE_RESPONSE_GUARDRAIL, true,
     "return"},
    {"tool_request_intercept", SCOPEFLOW_REGISTRY_TOOL_REQUEST_INTERCEPT, true, NULL},
    {"mark_sanitize_guardrail", SCOPEFLOW_REGISTRY_MARK_SANITIZE_GUARDRAIL, true, "return"},
    {"scope_sanitize_start_guardrail", SCOPEFLOW_REGISTRY_SCOPE_SANITIZE_START_GUARDRAIL, true,
     "return"},
    {"scope_sanitize_end_guardrail", SCOPEFLOW_REGISTRY_SCOPE_SANITIZE_END_GUARDRAIL, true,
     "return"},
    {"event_metadata_injector", SCOPEFLOW_REGISTRY_EVENT_METADATA_INJECTOR, true, "return"},
    {"subscriber", SCOPEFLOW_REGISTRY_SUBSCRIBER, false, NULL},
    {"conditional_middleware_guardrail", SCOPEFLOW_REGISTRY_CONDITIONAL_MIDDLEWARE_GUARDRAIL, false,
     NULL},
    {"llm_request_intercept", SCOPEFLOW_REGISTRY_LLM_REQUEST_INTERCEPT, false, NULL},
    {"tool_execution_intercept", SCOPEFLOW_REGISTRY_TOOL_EXECUTION_INTERCEPT, false, NULL},
    {"llm_execution_intercept", SCOPEFLOW_REGISTRY_LLM_EXECUTION_INTERCEPT, false, NULL},
    {"llm_stream_execution_intercept", SCOPEFLOW_REGISTRY_LLM_STREAM_EXECUTION_INTERCEPT, false,
     NULL},
};

/* --- Which --- */

/* The operation's name behind `[scope_]<verb>`, or null. */
static const char *after_verb(const char *name, const char *verb, bool *out_is_scopes) {
    *out_is_scopes = strncmp(name, "scope_", 6) == 0;
    if (*out_is_scopes) name += 6;
    size_t const len = strlen(verb);
    return strncmp(name, verb, len) == 0 ? name + len : NULL;
}

static const kind *kind_of(const char *name, const char *verb, bool *out_is_scopes) {
    const char *const title = after_verb(name, verb, out_is_scopes);
    for (size_t i = 0; title != NULL && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].title, title) == 0) return &kinds[i];
    return NULL;
}

static bool is_json(const json *payload) {
    const json *const text = json_get(payload, "json");
    return text != NULL && strcmp(text->text, "null") != 0;
}

static bool can_answer(const kind *of, const json *answers) {
    if (answers == NULL) return true;
    for (const json *answer = answers->first; answer != NULL; answer = answer->next) {
        const json *const outcome = of->outcome == NULL ? NULL : json_get(answer, of->outcome);
        if (json_count(answer) != (outcome != NULL)) return false;
        if (outcome != NULL && strcmp(of->outcome, "return") == 0 && !is_json(outcome))
            return false;
    }
    return true;
}

static bool is_native(const call *c, const kind *of) {
    const json *const definition = json_get(c->arguments, "callable");
    const json *const name = json_get(c->arguments, "name");
    if (json_get(definition, "native") != NULL) return true;
    return is_wanted && of->is_mixed && name != NULL && name->kind == JSON_STRING &&
           !json_is_true(json_get(definition, "async")) &&
           can_answer(of, json_get(definition, "answers"));
}

/* --- How --- */

static native *native_new(runner *owner, const json *arguments, scopeflow_registry registry) {
    native *const made = calloc(1, sizeof *made);
    if (made == NULL) abort();
    made->runner = owner;
    made->arguments = arguments;
    made->registry = registry;
    return made;
}

static void destroy(void *user_data) {
    ((native *)user_data)->destroy_count++;
}

/* It has destroy's word from now on (ADR 0020). */
static void keep(native *self) {
    self->older = self->runner->natives;
    self->runner->natives = self;
}

bool register_natively(call *c) {
    bool is_scopes = false;
    const kind *const of = kind_of(c->name, "register_", &is_scopes);
    if (of == NULL || !is_native(c, of)) return false;
    const json *const definition = json_get(c->arguments, "callable");
    const json *const concerns = json_get(c->arguments, "registration");
    native *const self = native_new(c->runner, c->arguments, of->registry);
    scopeflow_native_callable callable = SCOPEFLOW_NATIVE_CALLABLE_INIT;
    callable.registry = of->registry;
    callable.name = call_text(c, "name");
    callable.priority = (int32_t)json_integer(json_get(c->arguments, "priority"), 0);
    if (json_is_true(json_get(definition, "break_chain")))
        callable.flags = SCOPEFLOW_CALLABLE_FLAG_BREAK_CHAIN;
    callable.kinds = (uint32_t)json_integer(json_get(c->arguments, "kinds"), 0);
    if (concerns != NULL) callable.gated = json_bytes(concerns);
    callable.run = run_native;
    callable.user_data = self;
    callable.destroy = destroy;
    if (json_count(definition) > 1) c->runner->has_scripts = true;

    c->is_native = true;
    const char *const said = is_scopes ? "native_scope_register" : "native_register";
    c->status = is_scopes ? scopeflow_native_scope_register(c->scope, &callable, &c->error)
                          : scopeflow_native_register(c->runtime, &callable, &c->error);
    reached_operation(said);
    if (c->status == SCOPEFLOW_STATUS_OK) {
        keep(self);
        return true;
    }
    reached_error(said, c->status);
    if (self->destroy_count > 0) fail(c->runner, "what was not registered was given back");
    free(self);
    return true;
}

/* In a native callable as an extension does it, which has no other functions. */
bool deregister_natively(call *c) {
    bool is_scopes = false;
    const kind *const of = kind_of(c->name, "deregister_", &is_scopes);
    if (of == NULL || c->runner->native_depth == 0) return false;
    uint32_t removed = 0;
    c->is_native = true;
    scopeflow_bytes const name = call_text(c, "name");
    c->status =
        is_scopes
            ? scopeflow_native_scope_deregister(c->scope, of->registry, name, &removed, &c->error)
            : scopeflow_native_deregister(c->runtime, of->registry, name, &removed, &c->error);
    reached_operation(is_scopes ? "native_scope_deregister" : "native_deregister");
    c->out_count = 1;
    c->outs[0].name = "removed";
    c->outs[0].number = removed;
    snprintf(c->outs[0].text, sizeof c->outs[0].text, "%u", (unsigned)removed);
    return true;
}

/* --- When it is over --- */

static const char *label_of(const native *self) {
    return json_text(json_get(json_get(self->arguments, "callable"), "label"), "?");
}

static bool is_named(const json *names, const char *wanted) {
    if (names == NULL) return false;
    for (const json *name = names->first; name != NULL; name = name->next)
        if (json_is(name, wanted)) return true;
    return false;
}

void check_natives_given_back(runner *self, const json *expected) {
    for (const native *i = self->natives; i != NULL; i = i->older)
        if ((i->destroy_count > 0) != is_named(expected, label_of(i)))
            differ(self, "%s was %s", label_of(i),
                   i->destroy_count > 0 ? "given back already" : "not given back");
}

void natives_free(runner *self) {
    while (self->natives != NULL) {
        native *const newest = self->natives;
        self->natives = newest->older;
        if (newest->destroy_count != 1)
            fail(self, "%s was given back %u times", label_of(newest), newest->destroy_count);
        free(newest);
    }
}
