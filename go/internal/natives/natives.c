#include "natives.h"

#include <stdlib.h>
#include <string.h>

/* In Go. */
extern void nativesAskGo(uintptr_t function, scopeflow_invocation *invocation);

static const scopeflow_functions *core;

struct natives_callable {
    natives_script script;
    uint32_t runs;
    uint32_t destroyed;
};

/* --- Texts --- */

static char *copy(const char *text, size_t len) {
    char *const made = malloc(len + 1);
    memcpy(made, text, len);
    made[len] = '\0';
    return made;
}

static scopeflow_bytes bytes(const char *text, size_t len) {
    scopeflow_bytes const made = {text, len};
    return made;
}

static scopeflow_bytes given(scopeflow_invocation *invocation) {
    scopeflow_bytes json = {NULL, 0};
    (void)core->invocation_json(invocation, SCOPEFLOW_NATIVE_PART_INPUT, &json, NULL);
    return json;
}

/* The script's text, with the JSON that was given in the place of `%`. */
static char *compose(const char *text, scopeflow_invocation *invocation) {
    const char *const place = strchr(text, '%');
    if (place == NULL) return copy(text, strlen(text));
    scopeflow_bytes const json = given(invocation);
    size_t const before = (size_t)(place - text);
    char *const made = malloc(strlen(text) + json.len);
    memcpy(made, text, before);
    if (json.len > 0) memcpy(made + before, json.ptr, json.len);
    memcpy(made + before + json.len, place + 1, strlen(place)); /* With its end. */
    return made;
}

static void mask(scopeflow_invocation *invocation) {
    scopeflow_bytes const json = given(invocation);
    char *const made = copy(json.ptr, json.len);
    int is_text = 0;
    for (size_t i = 0; i < json.len; i++) {
        if (made[i] == '"') is_text = !is_text;
        if (is_text && made[i] >= '0' && made[i] <= '9') made[i] = '*';
    }
    (void)core->invocation_replace(invocation, bytes(made, json.len), NULL);
    free(made);
}

/* --- Answers --- */

scopeflow_status natives_answer(scopeflow_invocation *invocation, natives_act act,
                                scopeflow_bytes text) {
    switch (act) {
    case NATIVES_REFUSE: return core->invocation_refuse(invocation, text, NULL);
    case NATIVES_SHORT_CIRCUIT:
        return core->invocation_decide(invocation, SCOPEFLOW_NATIVE_DECISION_SHORT_CIRCUIT, text,
                                       NULL);
    case NATIVES_RETRY:
        return core->invocation_decide(invocation, SCOPEFLOW_NATIVE_DECISION_RETRY, text, NULL);
    case NATIVES_FAIL: return core->invocation_fail(invocation, SCOPEFLOW_STATUS_OK, text, NULL);
    default: return core->invocation_replace(invocation, text, NULL);
    }
}

static int is_time_for(const natives_script *script, const scopeflow_invocation *invocation) {
    int const is_before = core->invocation_moment(invocation) == SCOPEFLOW_NATIVE_MOMENT_BEFORE;
    if (script->act == NATIVES_REPLACE_RESULT) return !is_before;
    if (script->act != NATIVES_RETRY) return is_before;
    return !is_before && core->invocation_outcome(invocation) == SCOPEFLOW_ANSWER_KIND_ERROR &&
           core->invocation_attempt(invocation) <= script->retries;
}

static void act(const natives_script *script, scopeflow_invocation *invocation) {
    char *const text = script->text == NULL ? NULL : compose(script->text, invocation);
    scopeflow_bytes const answer = bytes(text, text == NULL ? 0 : strlen(text));
    if (script->act == NATIVES_FAIL)
        (void)core->invocation_fail(invocation, script->status, answer, NULL);
    else
        (void)natives_answer(invocation, script->act, answer);
    free(text);
}

static void run(void *user_data, scopeflow_invocation *invocation) {
    natives_callable *const self = user_data;
    __atomic_add_fetch(&self->runs, 1, __ATOMIC_RELAXED);
    if (self->script.act == NATIVES_LOOK) return;
    if (self->script.act == NATIVES_ASK_GO)
        nativesAskGo(self->script.function, invocation);
    else if (self->script.act == NATIVES_MASK)
        mask(invocation);
    else if (is_time_for(&self->script, invocation))
        act(&self->script, invocation);
}

static void destroy(void *user_data) {
    natives_callable *const self = user_data;
    __atomic_add_fetch(&self->destroyed, 1, __ATOMIC_RELAXED);
}

/* --- Registering --- */

natives_callable *natives_register(const scopeflow_functions *table, scopeflow_runtime *runtime,
                                   scopeflow_scope *scope, const scopeflow_native_callable *how,
                                   const natives_script *script, scopeflow_error *error) {
    natives_callable *const self = calloc(1, sizeof *self);
    scopeflow_native_callable callable = *how;
    __atomic_store_n(&core, table, __ATOMIC_RELAXED);
    self->script = *script;
    if (script->text != NULL) self->script.text = copy(script->text, strlen(script->text));
    callable.run = run;
    callable.user_data = self;
    callable.destroy = destroy;
    scopeflow_status const status = scope != NULL
                                        ? core->native_scope_register(scope, &callable, error)
                                        : core->native_register(runtime, &callable, error);
    if (status == SCOPEFLOW_STATUS_OK) return self;
    free((void *)self->script.text);
    free(self);
    return NULL;
}

uint32_t natives_run_count(const natives_callable *self) {
    return __atomic_load_n(&self->runs, __ATOMIC_RELAXED);
}

uint32_t natives_destroy_count(const natives_callable *self) {
    return __atomic_load_n(&self->destroyed, __ATOMIC_RELAXED);
}

scopeflow_status natives_json(scopeflow_invocation *invocation, scopeflow_native_part part,
                              scopeflow_bytes *out) {
    return core->invocation_json(invocation, part, out, NULL);
}

void natives_read_facts(const scopeflow_invocation *invocation, natives_facts *out) {
    out->registry = core->invocation_registry(invocation);
    out->runtime = core->invocation_runtime(invocation);
    out->registration = core->invocation_registration(invocation);
    out->target = core->invocation_target(invocation);
    out->tool_call_id = core->invocation_tool_call_id(invocation);
    out->model_name = core->invocation_model_name(invocation);
    out->attempt = core->invocation_attempt(invocation);
    out->is_after = core->invocation_moment(invocation) == SCOPEFLOW_NATIVE_MOMENT_AFTER;
    out->has_failed = core->invocation_outcome(invocation) == SCOPEFLOW_ANSWER_KIND_ERROR;
}

/* `number` is the decision, or the status to fail with. */
scopeflow_status natives_say(scopeflow_invocation *invocation, natives_word word, int32_t number,
                             scopeflow_bytes text, scopeflow_error *error) {
    switch (word) {
    case NATIVES_SAY_REFUSE: return core->invocation_refuse(invocation, text, error);
    case NATIVES_SAY_REPLACE: return core->invocation_replace(invocation, text, error);
    case NATIVES_SAY_DECIDE: return core->invocation_decide(invocation, number, text, error);
    default: return core->invocation_fail(invocation, number, text, error);
    }
}
