#include "addon.h"

#include "scopeflow_build_hash.h"
#include "step_line.h"

#include <stdlib.h>
#include <string.h>

/* A text that leaves less room than one code point may have been cut. */
#define CODE_POINT_SIZE_BYTES 4

/* --- Calls --- */

bool addon_enter(addon_call *call, napi_env env, napi_callback_info info, size_t argument_count) {
    size_t count = argument_count;
    call->env = env;
    call->is_valid = true;
    call->text_count = 0;
    void *data = NULL;
    if (napi_get_cb_info(env, info, &count, call->arguments, NULL, &data) != napi_ok) {
        (void)napi_throw_error(env, NULL, "scopeflow: the arguments cannot be read");
        return false;
    }
    call->addon = data;
    return true;
}

napi_value addon_leave(addon_call *call) {
    for (size_t i = 0; i < call->text_count; i++) free(call->heap_texts[i]);
    return NULL;
}

napi_value addon_refuse(addon_call *call, const char *function) {
    (void)napi_throw_type_error(call->env, function, "an argument has the wrong type");
    return addon_leave(call);
}

napi_value addon_number(addon_call *call, double value) {
    napi_value result = NULL;
    (void)addon_leave(call);
    (void)napi_create_double(call->env, value, &result);
    return result;
}

/* --- Arguments --- */

static bool is_undefined(addon_call *call, size_t index) {
    napi_valuetype type;
    return napi_typeof(call->env, call->arguments[index], &type) == napi_ok &&
           type == napi_undefined;
}

/* Keeps `is_valid` and gives back whether this one was. */
static bool note(addon_call *call, bool is_right) {
    call->is_valid = call->is_valid && is_right;
    return is_right;
}

/* Addresses and references are whole numbers below 2^53. */
static uintptr_t whole_number(addon_call *call, size_t index) {
    double value = 0;
    bool const is_number =
        napi_get_value_double(call->env, call->arguments[index], &value) == napi_ok;
    if (!note(call, is_number && value >= 0 && value <= 9007199254740991.0)) return 0;
    return (uintptr_t)value;
}

void *addon_pointer(addon_call *call, size_t index) {
    return (void *)whole_number(call, index);
}

scopeflow_ref addon_ref(addon_call *call, size_t index) {
    return whole_number(call, index);
}

size_t addon_size(addon_call *call, size_t index) {
    return whole_number(call, index);
}

int32_t addon_i32(addon_call *call, size_t index) {
    int32_t value = 0;
    (void)note(call, napi_get_value_int32(call->env, call->arguments[index], &value) == napi_ok);
    return value;
}

uint32_t addon_u32(addon_call *call, size_t index) {
    uint32_t value = 0;
    (void)note(call, napi_get_value_uint32(call->env, call->arguments[index], &value) == napi_ok);
    return value;
}

int64_t addon_i64(addon_call *call, size_t index) {
    int64_t value = 0;
    bool is_exact = false;
    napi_value const argument = call->arguments[index];
    (void)note(call,
               napi_get_value_bigint_int64(call->env, argument, &value, &is_exact) == napi_ok);
    return value;
}

uint64_t addon_u64(addon_call *call, size_t index) {
    uint64_t value = 0;
    bool is_exact = false;
    napi_value const argument = call->arguments[index];
    (void)note(call,
               napi_get_value_bigint_uint64(call->env, argument, &value, &is_exact) == napi_ok);
    return value;
}

double addon_f64(addon_call *call, size_t index) {
    double value = 0;
    (void)note(call, napi_get_value_double(call->env, call->arguments[index], &value) == napi_ok);
    return value;
}

scopeflow_bytes addon_text(addon_call *call, size_t index) {
    scopeflow_bytes text = {NULL, 0};
    if (!note(call, call->text_count < ADDON_TEXT_LIMIT)) return text;
    napi_value const argument = call->arguments[index];
    char *const buffer = call->texts[call->text_count];
    size_t size = 0;
    napi_status const status =
        napi_get_value_string_utf8(call->env, argument, buffer, ADDON_TEXT_SIZE_BYTES, &size);
    if (status != napi_ok) {
        (void)note(call, is_undefined(call, index));
        return text;
    }
    text.ptr = buffer;
    text.len = size;
    call->heap_texts[call->text_count] = NULL;
    if (size + CODE_POINT_SIZE_BYTES < ADDON_TEXT_SIZE_BYTES) {
        call->text_count++;
        return text;
    }

    (void)napi_get_value_string_utf8(call->env, argument, NULL, 0, &size);
    char *const heap_text = malloc(size + 1);
    if (!note(call, heap_text != NULL)) return text;
    (void)napi_get_value_string_utf8(call->env, argument, heap_text, size + 1, &size);
    call->heap_texts[call->text_count++] = heap_text;
    text.ptr = heap_text;
    text.len = size;
    return text;
}

scopeflow_bytes addon_bytes(addon_call *call, size_t index) {
    scopeflow_bytes bytes = {NULL, 0};
    napi_typedarray_type type = napi_float64_array;
    void *data = NULL;
    napi_status const status = napi_get_typedarray_info(call->env, call->arguments[index], &type,
                                                        &bytes.len, &data, NULL, NULL);
    if (note(call, status == napi_ok && type == napi_uint8_array)) bytes.ptr = data;
    return bytes;
}

/* --- The functions that no operation stands behind --- */

static napi_value text_value(napi_env env, const char *text, size_t size) {
    napi_value result = NULL;
    (void)napi_create_string_utf8(env, text, size, &result);
    return result;
}

static napi_value abi_hash(napi_env env, napi_callback_info info) {
    static char const digits[] = "0123456789abcdef";
    (void)info;
    char text[16];
    uint64_t hash = scopeflow_abi_hash();
    for (size_t i = sizeof text; i-- > 0; hash >>= 4) text[i] = digits[hash & 15];
    return text_value(env, text, sizeof text);
}

static napi_value version(napi_env env, napi_callback_info info) {
    (void)info;
    return text_value(env, scopeflow_version(), NAPI_AUTO_LENGTH);
}

static napi_value build_hash(napi_env env, napi_callback_info info) {
    (void)info;
    return text_value(env, SCOPEFLOW_BUILD_HASH, NAPI_AUTO_LENGTH);
}

static napi_value error_message(napi_env env, napi_callback_info info) {
    addon_call call;
    if (!addon_enter(&call, env, info, 0)) return NULL;
    return text_value(env, call.addon->error.message, call.addon->error.message_len_bytes);
}

static napi_value text(napi_env env, napi_callback_info info) {
    addon_call call;
    if (!addon_enter(&call, env, info, 2)) return NULL;
    const char *const address = addon_pointer(&call, 0);
    size_t const size = addon_size(&call, 1);
    if (!call.is_valid) return addon_refuse(&call, "text");
    return text_value(env, address != NULL ? address : "", size);
}

/* A line goes over with a character for each byte, which is a copy into the engine's own memory. To
 * read it as UTF-8 takes several times as long, and most lines are never looked at. */
static napi_value line_value(addon_call *call, scopeflow_bytes line) {
    napi_value result = NULL;
    (void)napi_create_string_latin1(call->env, line.ptr, line.len, &result);
    return result;
}

static napi_value event_line(napi_env env, napi_callback_info info) {
    addon_call call;
    if (!addon_enter(&call, env, info, 1)) return NULL;
    scopeflow_event *const event = addon_pointer(&call, 0);
    if (!call.is_valid) return addon_refuse(&call, "eventLine");
    scopeflow_bytes line = {NULL, 0};
    scopeflow_status const status =
        scopeflow_event_json(event, SCOPEFLOW_EVENT_PART_LINE, &line, &call.addon->error);
    return status == SCOPEFLOW_STATUS_OK ? line_value(&call, line)
                                         : addon_number(&call, (double)status);
}

napi_value addon_step(addon_call *call, scopeflow_status status, const scopeflow_step *step) {
    scopeflow_event_line line = {{NULL, 0}, 0, 0, 0, 0};
    if (status == SCOPEFLOW_STATUS_OK) {
        line = step_line(step, &call->addon->error);
        slots_put_step_and_line(call->addon->slots, step, &line);
    }
    if (line.json.ptr == NULL) return addon_number(call, (double)status);
    (void)addon_leave(call);
    return line_value(call, line.json);
}

static napi_value line_text(napi_env env, napi_callback_info info) {
    addon_call call;
    if (!addon_enter(&call, env, info, 1)) return NULL;
    napi_value const line = call.arguments[0];
    size_t size = 0;
    if (napi_get_value_string_latin1(env, line, NULL, 0, &size) != napi_ok)
        return addon_refuse(&call, "lineText");
    char *const bytes = malloc(size + 1);
    napi_value result = NULL;
    if (bytes == NULL) {
        (void)napi_throw_error(env, NULL, "scopeflow: out of memory");
        return NULL;
    }
    if (napi_get_value_string_latin1(env, line, bytes, size + 1, &size) == napi_ok)
        result = text_value(env, bytes, size);
    free(bytes);
    return result;
}

/* A payload's text by one crossing; it is freed again. */
static napi_value payload_text(napi_env env, napi_callback_info info) {
    addon_call call;
    if (!addon_enter(&call, env, info, 3)) return NULL;
    scopeflow_payload_text_new_options options = SCOPEFLOW_PAYLOAD_TEXT_NEW_OPTIONS_INIT;
    scopeflow_payload_text *made = NULL;
    scopeflow_bytes json = {NULL, 0};
    options.runtime = addon_pointer(&call, 0);
    options.payload = addon_ref(&call, 1);
    options.is_llm_request = addon_u32(&call, 2);
    if (!call.is_valid) return addon_refuse(&call, "payloadText");
    scopeflow_error *const error = &call.addon->error;
    scopeflow_status status = scopeflow_payload_text_new(&options, &made, error);
    if (status == SCOPEFLOW_STATUS_OK) status = scopeflow_payload_text_json(made, &json, error);
    napi_value const result = status == SCOPEFLOW_STATUS_OK ? text_value(env, json.ptr, json.len)
                                                            : addon_number(&call, (double)status);
    scopeflow_payload_text_free(made);
    return result;
}

static napi_value count_memory(napi_env env, napi_callback_info info) {
    addon_call call;
    if (!addon_enter(&call, env, info, 1)) return NULL;
    int32_t const bytes = addon_i32(&call, 0);
    if (!call.is_valid) return addon_refuse(&call, "countMemory");
    int64_t total = 0;
    (void)napi_adjust_external_memory(env, bytes, &total);
    return NULL;
}

static napi_value task_new(napi_env env, napi_callback_info info) {
    addon_call call;
    if (!addon_enter(&call, env, info, 0)) return NULL;
    scopeflow_task *const task = calloc(1, sizeof *task);
    if (task != NULL) return addon_number(&call, (double)(uintptr_t)task);
    (void)napi_throw_error(env, NULL, "scopeflow: out of memory");
    return NULL;
}

static napi_value task_free(napi_env env, napi_callback_info info) {
    addon_call call;
    if (!addon_enter(&call, env, info, 1)) return NULL;
    scopeflow_task *const task = addon_pointer(&call, 0);
    if (!call.is_valid) return addon_refuse(&call, "taskFree");
    free(task);
    return NULL;
}

static const addon_function own_functions[] = {
    {"abiHash", abi_hash},
    {"version", version},
    {"buildHash", build_hash},
    {"errorMessage", error_message},
    {"text", text},
    {"eventLine", event_line},
    {"lineText", line_text},
    {"payloadText", payload_text},
    {"countMemory", count_memory},
    {"taskNew", task_new},
    {"taskFree", task_free},
    {"nativeHandle", addon_native_handle},
};

/* --- Loading --- */

static bool add_functions(napi_env env, napi_value core, addon *self,
                          const addon_function *functions, size_t count) {
    for (size_t i = 0; i < count; i++) {
        napi_value function;
        if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, self,
                                 &function) != napi_ok ||
            napi_set_named_property(env, core, functions[i].name, function) != napi_ok)
            return false;
    }
    return true;
}

static bool add_slots(napi_env env, napi_value core, addon *self) {
    napi_value buffer;
    napi_value slots;
    void *data = NULL;
    if (napi_create_arraybuffer(env, SLOT_COUNT * sizeof(double), &data, &buffer) != napi_ok ||
        napi_create_typedarray(env, napi_float64_array, SLOT_COUNT, buffer, 0, &slots) != napi_ok ||
        napi_create_reference(env, buffer, 1, &self->slots_buffer) != napi_ok)
        return false;
    self->slots = data;
    return napi_set_named_property(env, core, "slots", slots) == napi_ok;
}

/* Runs when the environment ends, be it the process or a worker thread. Nothing of the core runs
 * after that. */
static void unload(void *data) {
    addon *const self = data;
    self->is_ending = true;
    addon_end_objects(self);
    free(self);
}

/* load(host): Core */
static napi_value load(napi_env env, napi_callback_info info) {
    size_t count = 1;
    napi_value host;
    napi_value core;
    napi_value kind;
    addon *const self = calloc(1, sizeof *self);
    bool const is_loaded =
        self != NULL && napi_get_cb_info(env, info, &count, &host, NULL, NULL) == napi_ok &&
        addon_keep_host(self, env, host) && napi_create_object(env, &core) == napi_ok &&
        napi_create_string_utf8(env, "native", NAPI_AUTO_LENGTH, &kind) == napi_ok &&
        napi_set_named_property(env, core, "kind", kind) == napi_ok && add_slots(env, core, self) &&
        add_functions(env, core, self, own_functions,
                      sizeof own_functions / sizeof *own_functions) &&
        add_functions(env, core, self, addon_functions, addon_function_count) &&
        napi_add_env_cleanup_hook(env, unload, self) == napi_ok;
    if (is_loaded) {
        self->env = env;
        return core;
    }
    free(self);
    (void)napi_throw_error(env, NULL, "scopeflow: the addon cannot be loaded");
    return NULL;
}

NAPI_MODULE_INIT() {
    napi_value function;
    if (napi_create_function(env, "load", NAPI_AUTO_LENGTH, load, NULL, &function) != napi_ok ||
        napi_set_named_property(env, exports, "load", function) != napi_ok)
        return NULL;
    return exports;
}
