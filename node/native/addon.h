/* The Node addon: the flat interface (node/src/core.gen.ts) over the core, by Node-API.
 *
 * addon.c is written by hand: the environment's data, how values cross, what the core asks of
 * JavaScript. addon.gen.c has a function for each operation. */
#ifndef SCOPEFLOW_ADDON_H
#define SCOPEFLOW_ADDON_H

#include "scopeflow/scopeflow.h"

#include <node_api.h>
#include <stdbool.h>

/* More than an operation has arguments; the compiler says so if that changes. */
#define ADDON_ARGUMENT_LIMIT 16
#define ADDON_TEXT_LIMIT 3
/* Longer texts take a trip to the heap. */
#define ADDON_TEXT_SIZE_BYTES 256

/* The functions of the host (node/src/host.ts). */
typedef enum addon_host_function {
    ADDON_HOST_RELEASE,
    ADDON_HOST_ENCODE,
    ADDON_HOST_DESCRIBE_ERROR,
    ADDON_HOST_SAME,
    ADDON_HOST_DECODE,
    ADDON_HOST_MAKE_ERROR,
    ADDON_HOST_CORE_CODEC,
    ADDON_HOST_LOG,
    ADDON_HOST_FUNCTION_COUNT
} addon_host_function;

typedef struct addon_object addon_object;

/* What an environment gives back when it ends. */
typedef enum addon_kind { ADDON_KIND_RUNTIME, ADDON_KIND_ATOF_SINK } addon_kind;

/* What belongs to one environment: the main thread of Node or a worker. Used by its thread only.
 * Runtimes have it as their host's context. */
typedef struct addon {
    napi_env env;
    napi_ref host[ADDON_HOST_FUNCTION_COUNT];
    napi_ref slots_buffer;
    double *slots;
    scopeflow_emitter emitter;
    scopeflow_error error; /* Of the last call that failed. */
    addon_object *objects;
    bool is_ending; /* JavaScript cannot be called any more. */
} addon;

/* One call of one function. What is taken by it is given back by `addon_leave`. */
typedef struct addon_call {
    napi_env env;
    addon *addon;
    napi_value arguments[ADDON_ARGUMENT_LIMIT];
    bool is_valid; /* No argument so far had a wrong type. */
    size_t text_count;
    char *heap_texts[ADDON_TEXT_LIMIT];
    char texts[ADDON_TEXT_LIMIT][ADDON_TEXT_SIZE_BYTES];
} addon_call;

typedef struct addon_function {
    const char *name;
    napi_callback call;
} addon_function;

extern const addon_function addon_functions[];
extern size_t const addon_function_count;

/* False, with an exception pending, if the arguments cannot be read. */
bool addon_enter(addon_call *call, napi_env env, napi_callback_info info, size_t argument_count);
napi_value addon_leave(addon_call *call);
/* Leaves with a TypeError: the TypeScript layer passed what the interface does not declare. */
napi_value addon_refuse(addon_call *call, const char *function);
napi_value addon_number(addon_call *call, double value);
/* Leaves with what a step is given as: the line of the event that it delivers, else the status. */
napi_value addon_step(addon_call *call, scopeflow_status status, const scopeflow_step *step);

/* How arguments cross. A wrong type clears `is_valid`. */
void *addon_pointer(addon_call *call, size_t index);
scopeflow_ref addon_ref(addon_call *call, size_t index);
size_t addon_size(addon_call *call, size_t index);
int32_t addon_i32(addon_call *call, size_t index);
uint32_t addon_u32(addon_call *call, size_t index);
int64_t addon_i64(addon_call *call, size_t index);
uint64_t addon_u64(addon_call *call, size_t index);
double addon_f64(addon_call *call, size_t index);
scopeflow_bytes addon_text(addon_call *call, size_t index);  /* undefined is absent */
scopeflow_bytes addon_bytes(addon_call *call, size_t index); /* borrowed from the array */

/* --- addon_host.c --- */

/* Takes the functions out of the object that JavaScript lends; false with an exception pending, or
 * where one is missing. */
bool addon_keep_host(addon *self, napi_env env, napi_value host);
/* The function table of a new runtime. */
scopeflow_host addon_host(const addon_call *call);

/* --- addon_objects.c --- */

/* Remembers what was made until it is given back. */
void addon_keep(addon *self, addon_kind kind, void *address);
void addon_forget(addon *self, const void *address);
/* Gives all that is left back. A queued sink writes what waits, within its own time limit. */
void addon_end_objects(addon *self);

/* --- addon_handles.c --- */

/* nativeHandle(kind, address): what a C addon of others gets (node/include/scopeflow/node.h). */
napi_value addon_native_handle(napi_env env, napi_callback_info info);

#endif
