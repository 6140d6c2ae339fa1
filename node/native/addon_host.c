/* What the core asks of JavaScript: the host's function table over functions of node/src/host.ts.
 */
#include "addon.h"

static const char *const names[ADDON_HOST_FUNCTION_COUNT] = {
    [ADDON_HOST_RELEASE] = "release",
    [ADDON_HOST_ENCODE] = "encode",
    [ADDON_HOST_DESCRIBE_ERROR] = "describeError",
    [ADDON_HOST_SAME] = "same",
    [ADDON_HOST_DECODE] = "decode",
    [ADDON_HOST_MAKE_ERROR] = "makeError",
    [ADDON_HOST_CORE_CODEC] = "coreCodec",
    [ADDON_HOST_LOG] = "log",
};

/* More than any of them has. */
#define ARGUMENT_LIMIT 3

bool addon_keep_host(addon *self, napi_env env, napi_value host) {
    for (size_t i = 0; i < ADDON_HOST_FUNCTION_COUNT; i++) {
        napi_value function;
        if (napi_get_named_property(env, host, names[i], &function) != napi_ok ||
            napi_create_reference(env, function, 1, &self->host[i]) != napi_ok)
            return false;
    }
    return true;
}

/* Calls a function of the host with numbers; NULL if it throws. They do that only where nothing
 * better can be done, as with an exhausted stack, and that must not reach the core. */
static napi_value call_host(addon *self, addon_host_function function, size_t count,
                            double const *numbers) {
    napi_env const env = self->env;
    napi_value callable = NULL;
    napi_value receiver = NULL;
    napi_value returned = NULL;
    napi_value arguments[ARGUMENT_LIMIT];
    bool is_ready = napi_get_reference_value(env, self->host[function], &callable) == napi_ok &&
                    napi_get_undefined(env, &receiver) == napi_ok;
    for (size_t i = 0; i < count && is_ready; i++)
        is_ready = napi_create_double(env, numbers[i], &arguments[i]) == napi_ok;
    if (!is_ready) return NULL;
    napi_status const status =
        napi_call_function(env, receiver, callable, count, arguments, &returned);
    if (status == napi_ok) return returned;
    napi_value exception;
    if (status == napi_pending_exception) (void)napi_get_and_clear_last_exception(env, &exception);
    return NULL;
}

/* The same; what it gives is 0 unless it is a number. */
static double ask_number(addon *self, addon_host_function function, size_t count,
                         double const *numbers) {
    napi_handle_scope scope;
    double result = 0;
    if (self->is_ending || napi_open_handle_scope(self->env, &scope) != napi_ok) return 0;
    napi_value const returned = call_host(self, function, count, numbers);
    if (returned != NULL) (void)napi_get_value_double(self->env, returned, &result);
    (void)napi_close_handle_scope(self->env, scope);
    return result;
}

/* The same; what it gives is a row of tokens, which the core copies. */
static void ask_tokens(addon *self, addon_host_function function, size_t count,
                       double const *numbers, scopeflow_tape *tape) {
    napi_handle_scope scope;
    napi_typedarray_type type;
    void *data = NULL;
    size_t size = 0;
    if (self->is_ending || napi_open_handle_scope(self->env, &scope) != napi_ok) return;
    napi_value const row = call_host(self, function, count, numbers);
    if (row != NULL &&
        napi_get_typedarray_info(self->env, row, &type, &size, &data, NULL, NULL) == napi_ok)
        scopeflow_tape_put_tokens(tape, (scopeflow_bytes){data, size});
    (void)napi_close_handle_scope(self->env, scope);
}

static double number_of(const void *address) {
    return (double)(uintptr_t)address;
}

static void host_release(void *context, scopeflow_ref ref) {
    double const numbers[] = {(double)ref};
    (void)ask_number(context, ADDON_HOST_RELEASE, 1, numbers);
}

static void host_encode(void *context, scopeflow_ref ref, scopeflow_tape *tape) {
    double const numbers[] = {(double)ref, (double)scopeflow_tape_full_at(tape)};
    ask_tokens(context, ADDON_HOST_ENCODE, 2, numbers, tape);
}

static void host_describe_error(void *context, scopeflow_ref ref, scopeflow_tape *tape) {
    double const numbers[] = {(double)ref};
    ask_tokens(context, ADDON_HOST_DESCRIBE_ERROR, 1, numbers, tape);
}

static uint32_t host_same(void *context, scopeflow_ref a, scopeflow_ref b) {
    double const numbers[] = {(double)a, (double)b};
    return ask_number(context, ADDON_HOST_SAME, 2, numbers) != 0;
}

static scopeflow_ref host_decode(void *context, scopeflow_bytes json, uint32_t shape) {
    double const numbers[] = {number_of(json.ptr), (double)json.len, shape};
    return (scopeflow_ref)ask_number(context, ADDON_HOST_DECODE, 3, numbers);
}

static scopeflow_ref host_make_error(void *context, uint32_t status, scopeflow_bytes message) {
    double const numbers[] = {status, number_of(message.ptr), (double)message.len};
    return (scopeflow_ref)ask_number(context, ADDON_HOST_MAKE_ERROR, 3, numbers);
}

static uint32_t host_core_codec(void *context, scopeflow_ref codec) {
    double const numbers[] = {(double)codec};
    return (uint32_t)ask_number(context, ADDON_HOST_CORE_CODEC, 1, numbers);
}

static void host_log(void *context, uint32_t level, scopeflow_bytes message) {
    double const numbers[] = {level, number_of(message.ptr), (double)message.len};
    (void)ask_number(context, ADDON_HOST_LOG, 3, numbers);
}

scopeflow_host addon_host(const addon_call *call) {
    scopeflow_host host = SCOPEFLOW_HOST_INIT;
    host.context = call->addon;
    host.release = host_release;
    host.encode = host_encode;
    host.describe_error = host_describe_error;
    host.same = host_same;
    host.decode = host_decode;
    host.make_error = host_make_error;
    host.core_codec = host_core_codec;
    host.log = host_log;
    return host;
}
