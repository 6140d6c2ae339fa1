/* Middleware in C for the tests, in an addon of its own that knows scopeflow by its headers only.
 *
 *   register(functions, owner, isScope, { registry, name, priority, flags, act, text, run })
 *
 * registers a callable and gives its counters, an external for `counts`. It does one of the acts
 * below; `run` is one that asks a function of JavaScript what to answer. */
#include "scopeflow/node.h"

#include <stdlib.h>
#include <string.h>

typedef struct script script;

struct script {
    const scopeflow_functions *core;
    napi_env env;
    napi_ref run; /* Null but for the act `run`. */
    void (*act)(script *self, scopeflow_invocation *invocation);
    char *text;
    uint32_t run_count;
    uint32_t destroy_count;
    int holder_count; /* The core, and the counters of JavaScript. */
};

static void let_go(script *self) {
    if (--self->holder_count > 0) return;
    free(self->text);
    free(self);
}

/* --- Acts --- */

static scopeflow_bytes bytes(const char *text, size_t size) {
    scopeflow_bytes const made = {text, size};
    return made;
}

static scopeflow_bytes text_of(const script *self) {
    return bytes(self->text, strlen(self->text));
}

static void count(script *self, scopeflow_invocation *invocation) {
    (void)self;
    (void)invocation;
}

static void refuse(script *self, scopeflow_invocation *invocation) {
    (void)self->core->invocation_refuse(invocation, text_of(self), NULL);
}

static void replace(script *self, scopeflow_invocation *invocation) {
    (void)self->core->invocation_replace(invocation, text_of(self), NULL);
}

static void fail(script *self, scopeflow_invocation *invocation) {
    (void)self->core->invocation_fail(invocation, SCOPEFLOW_STATUS_OK, text_of(self), NULL);
}

static void fail_as_rejected(script *self, scopeflow_invocation *invocation) {
    (void)self->core->invocation_fail(invocation, SCOPEFLOW_STATUS_GUARDRAIL_REJECTED,
                                      text_of(self), NULL);
}

/* Masks the digits that stand in the payload's strings. */
static void redact(script *self, scopeflow_invocation *invocation) {
    scopeflow_bytes json;
    if (self->core->invocation_json(invocation, SCOPEFLOW_NATIVE_PART_INPUT, &json, NULL) !=
        SCOPEFLOW_STATUS_OK)
        return;
    char *const masked = malloc(json.len);
    if (masked == NULL) return;
    int is_text = 0;
    for (size_t i = 0; i < json.len; i++) {
        masked[i] = json.ptr[i];
        if (masked[i] == '"') is_text = !is_text;
        if (is_text && masked[i] >= '0' && masked[i] <= '9') masked[i] = '*';
    }
    (void)self->core->invocation_replace(invocation, bytes(masked, json.len), NULL);
    free(masked);
}

static void retry(script *self, scopeflow_invocation *invocation) {
    if (self->core->invocation_moment(invocation) == SCOPEFLOW_NATIVE_MOMENT_AFTER &&
        self->core->invocation_outcome(invocation) == SCOPEFLOW_ANSWER_KIND_ERROR &&
        self->core->invocation_attempt(invocation) < 3)
        (void)self->core->invocation_decide(invocation, SCOPEFLOW_NATIVE_DECISION_RETRY,
                                            bytes(NULL, 0), NULL);
}

static void short_circuit(script *self, scopeflow_invocation *invocation) {
    (void)self->core->invocation_decide(invocation, SCOPEFLOW_NATIVE_DECISION_SHORT_CIRCUIT,
                                        text_of(self), NULL);
}

static void replace_request(script *self, scopeflow_invocation *invocation) {
    if (self->core->invocation_moment(invocation) == SCOPEFLOW_NATIVE_MOMENT_BEFORE)
        (void)self->core->invocation_decide(invocation, SCOPEFLOW_NATIVE_DECISION_REPLACE,
                                            text_of(self), NULL);
}

static void replace_result(script *self, scopeflow_invocation *invocation) {
    if (self->core->invocation_moment(invocation) == SCOPEFLOW_NATIVE_MOMENT_AFTER)
        (void)self->core->invocation_decide(invocation, SCOPEFLOW_NATIVE_DECISION_REPLACE,
                                            text_of(self), NULL);
}

/* --- Acts of JavaScript: run(json) gives { refuse }, { replace } or nothing --- */

/* A text of an object, or null. The caller frees it. */
static char *text_member(napi_env env, napi_value object, const char *name, size_t *out_size) {
    napi_value value;
    napi_valuetype type;
    if (napi_get_named_property(env, object, name, &value) != napi_ok ||
        napi_typeof(env, value, &type) != napi_ok || type != napi_string ||
        napi_get_value_string_utf8(env, value, NULL, 0, out_size) != napi_ok)
        return NULL;
    char *const text = malloc(*out_size + 1);
    if (text != NULL) (void)napi_get_value_string_utf8(env, value, text, *out_size + 1, out_size);
    return text;
}

typedef scopeflow_status (*answer_function)(scopeflow_invocation *, scopeflow_bytes,
                                            scopeflow_error *);

static void answer_by(script *self, napi_value answer, const char *name, answer_function function,
                      scopeflow_invocation *invocation) {
    size_t size = 0;
    char *const text = text_member(self->env, answer, name, &size);
    if (text != NULL) (void)function(invocation, bytes(text, size), NULL);
    free(text);
}

static void run_script(script *self, scopeflow_invocation *invocation) {
    napi_env const env = self->env;
    napi_handle_scope scope;
    napi_value function = NULL;
    napi_value receiver = NULL;
    napi_value json = NULL;
    napi_value answer = NULL;
    napi_valuetype type = napi_undefined;
    scopeflow_bytes input = {NULL, 0};
    if (napi_open_handle_scope(env, &scope) != napi_ok) return;
    (void)self->core->invocation_json(invocation, SCOPEFLOW_NATIVE_PART_INPUT, &input, NULL);
    if (napi_get_reference_value(env, self->run, &function) == napi_ok &&
        napi_get_undefined(env, &receiver) == napi_ok &&
        napi_create_string_utf8(env, input.ptr, input.len, &json) == napi_ok &&
        napi_call_function(env, receiver, function, 1, &json, &answer) == napi_ok &&
        napi_typeof(env, answer, &type) == napi_ok && type == napi_object) {
        answer_by(self, answer, "refuse", self->core->invocation_refuse, invocation);
        answer_by(self, answer, "replace", self->core->invocation_replace, invocation);
    }
    (void)napi_get_and_clear_last_exception(env, &answer);
    (void)napi_close_handle_scope(env, scope);
}

static const struct {
    const char *name;
    void (*act)(script *self, scopeflow_invocation *invocation);
} acts[] = {
    {"count", count},
    {"refuse", refuse},
    {"replace", replace},
    {"fail", fail},
    {"failAsRejected", fail_as_rejected},
    {"redact", redact},
    {"retry", retry},
    {"shortCircuit", short_circuit},
    {"replaceRequest", replace_request},
    {"replaceResult", replace_result},
    {"run", run_script},
};

/* --- Registering --- */

static void run(void *user_data, scopeflow_invocation *invocation) {
    script *const self = user_data;
    self->run_count++;
    self->act(self, invocation);
}

/* Of all threads of the process. */
static uint32_t destroy_total;

static void destroy(void *user_data) {
    script *const self = user_data;
    self->destroy_count++;
    (void)__atomic_add_fetch(&destroy_total, 1, __ATOMIC_RELAXED);
    if (self->run != NULL) (void)napi_delete_reference(self->env, self->run);
    let_go(self);
}

static void forget(napi_env env, void *data, void *hint) {
    (void)env;
    (void)hint;
    let_go(data);
}

static int32_t number_member(napi_env env, napi_value object, const char *name) {
    napi_value value;
    int32_t number = 0;
    if (napi_get_named_property(env, object, name, &value) == napi_ok)
        (void)napi_get_value_int32(env, value, &number);
    return number;
}

static script *new_script(napi_env env, napi_value options) {
    size_t size = 0;
    napi_value function;
    napi_valuetype type;
    script *const self = calloc(1, sizeof *self);
    char *const act = text_member(env, options, "act", &size);
    if (self == NULL || act == NULL) abort();
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (strcmp(acts[i].name, act) == 0) self->act = acts[i].act;
    free(act);
    if (self->act == NULL) abort();
    self->env = env;
    self->text = text_member(env, options, "text", &size);
    if (napi_get_named_property(env, options, "run", &function) == napi_ok &&
        napi_typeof(env, function, &type) == napi_ok && type == napi_function)
        (void)napi_create_reference(env, function, 1, &self->run);
    self->holder_count = 1;
    return self;
}

static napi_value register_callable(napi_env env, napi_callback_info info) {
    napi_value given[4];
    size_t given_count = 4;
    size_t name_size = 0;
    bool is_scope = false;
    (void)napi_get_cb_info(env, info, &given_count, given, NULL, NULL);
    const scopeflow_functions *const core = scopeflow_node_functions(env, given[0]);
    if (core == NULL || !SCOPEFLOW_HAS_FUNCTION(core, invocation_fail)) return NULL;
    (void)napi_get_value_bool(env, given[2], &is_scope);
    void *const owner = is_scope ? (void *)scopeflow_node_scope(env, given[1])
                                 : (void *)scopeflow_node_runtime(env, given[1]);
    if (owner == NULL) return NULL;

    script *const self = new_script(env, given[3]);
    char *const name = text_member(env, given[3], "name", &name_size);
    self->core = core;
    scopeflow_native_callable callable = SCOPEFLOW_NATIVE_CALLABLE_INIT;
    callable.registry = number_member(env, given[3], "registry");
    callable.priority = number_member(env, given[3], "priority");
    callable.flags = (scopeflow_callable_flag)number_member(env, given[3], "flags");
    callable.name = bytes(name, name_size);
    callable.run = run;
    callable.user_data = self;
    callable.destroy = destroy;
    scopeflow_error error;
    scopeflow_status const status = is_scope ? core->native_scope_register(owner, &callable, &error)
                                             : core->native_register(owner, &callable, &error);
    free(name);
    if (status != SCOPEFLOW_STATUS_OK) {
        if (self->run != NULL) (void)napi_delete_reference(env, self->run);
        let_go(self);
        char code[16] = {0};
        for (int32_t i = 4, left = status; left > 0; left /= 10)
            code[--i] = (char)('0' + left % 10);
        (void)napi_throw_error(env, code, error.message);
        return NULL;
    }
    napi_value counters = NULL;
    self->holder_count++;
    (void)napi_create_external(env, self, forget, NULL, &counters);
    return counters;
}

/* counts(counters): [runs, destroyed] */
static napi_value counts(napi_env env, napi_callback_info info) {
    napi_value given;
    size_t given_count = 1;
    void *inside = NULL;
    napi_value row = NULL;
    napi_value number = NULL;
    (void)napi_get_cb_info(env, info, &given_count, &given, NULL, NULL);
    (void)napi_get_value_external(env, given, &inside);
    const script *const self = inside;
    (void)napi_create_array_with_length(env, 2, &row);
    (void)napi_create_uint32(env, self->run_count, &number);
    (void)napi_set_element(env, row, 0, number);
    (void)napi_create_uint32(env, self->destroy_count, &number);
    (void)napi_set_element(env, row, 1, number);
    return row;
}

/* destroyed(): how many callables were given back in this process */
static napi_value destroyed(napi_env env, napi_callback_info info) {
    (void)info;
    napi_value number = NULL;
    uint32_t const total = __atomic_load_n(&destroy_total, __ATOMIC_RELAXED);
    (void)napi_create_uint32(env, total, &number);
    return number;
}

NAPI_MODULE_INIT() {
    napi_value function;
    (void)napi_create_function(env, "register", NAPI_AUTO_LENGTH, register_callable, NULL,
                               &function);
    (void)napi_set_named_property(env, exports, "register", function);
    (void)napi_create_function(env, "counts", NAPI_AUTO_LENGTH, counts, NULL, &function);
    (void)napi_set_named_property(env, exports, "counts", function);
    (void)napi_create_function(env, "destroyed", NAPI_AUTO_LENGTH, destroyed, NULL, &function);
    (void)napi_set_named_property(env, exports, "destroyed", function);
    return exports;
}
