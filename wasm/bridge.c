#include "bridge.h"

#include "scopeflow_build_hash.h"

#define NS_PER_US 1000.0
/* Room for the texts of the calls that run inside each other; longer ones go to the heap. */
#define TEXTS_SIZE_BYTES 16384

/* --- What JavaScript lends (node/src/wasm-core.ts) --- */

IMPORT("release") void import_release(scopeflow_ref ref);
IMPORT("encode") void import_encode(scopeflow_ref ref, scopeflow_tape *tape, double limit_bytes);
IMPORT("describe_error") void import_describe_error(scopeflow_ref ref, scopeflow_tape *tape);
IMPORT("core_codec") uint32_t import_core_codec(scopeflow_ref codec);
IMPORT("log") void import_log(uint32_t level, const char *message, size_t message_len_bytes);
IMPORT("clock") double import_clock(void);
IMPORT("entropy") void import_entropy(uint8_t *out, size_t out_len_bytes);

bridge_state bridge;
static char texts[TEXTS_SIZE_BYTES];

static void host_release(void *context, scopeflow_ref ref) {
    (void)context;
    import_release(ref);
}

static void host_encode(void *context, scopeflow_ref ref, scopeflow_tape *tape) {
    (void)context;
    import_encode(ref, tape, (double)scopeflow_tape_full_at(tape));
}

static void host_describe_error(void *context, scopeflow_ref ref, scopeflow_tape *tape) {
    (void)context;
    import_describe_error(ref, tape);
}

static uint32_t host_core_codec(void *context, scopeflow_ref codec) {
    (void)context;
    return import_core_codec(codec);
}

static void host_log(void *context, uint32_t level, scopeflow_bytes message) {
    (void)context;
    import_log(level, message.ptr, message.len);
}

static int64_t host_clock(void *context) {
    (void)context;
    return (int64_t)(import_clock() * NS_PER_US);
}

static void host_entropy(void *context, uint8_t *out, size_t out_len_bytes) {
    (void)context;
    import_entropy(out, out_len_bytes);
}

scopeflow_host bridge_host(void) {
    scopeflow_host host = SCOPEFLOW_HOST_INIT;
    host.release = host_release;
    host.encode = host_encode;
    host.describe_error = host_describe_error;
    host.core_codec = host_core_codec;
    host.log = host_log;
    host.clock = host_clock;
    host.entropy = host_entropy;
    host.reallocate = heap_reallocate;
    return host;
}

scopeflow_status bridge_step(scopeflow_status status, const scopeflow_step *step) {
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow_event_line const line = step_line(step, &bridge.error);
    slots_put_step_and_line(bridge.slots, step, &line);
    return SCOPEFLOW_STATUS_OK;
}

/* --- What no operation stands behind --- */

EXPORT("allocate") void *bridge_allocate(size_t size) {
    return heap_reallocate(NULL, NULL, 0, size);
}

EXPORT("deallocate") void bridge_deallocate(void *block, size_t size) {
    (void)heap_reallocate(NULL, block, size, 0);
}

EXPORT("slotsAddress") double *bridge_slots_address(void) {
    return bridge.slots;
}

EXPORT("textsAddress") char *bridge_texts_address(void) {
    return texts;
}

EXPORT("textsSize") size_t bridge_texts_size(void) {
    return sizeof texts;
}

EXPORT("abiHash") uint64_t bridge_abi_hash(void) {
    return scopeflow_abi_hash();
}

EXPORT("versionAddress") const char *bridge_version_address(void) {
    return scopeflow_version();
}

EXPORT("buildHashAddress") const char *bridge_build_hash_address(void) {
    return SCOPEFLOW_BUILD_HASH;
}

EXPORT("errorMessageAddress") const char *bridge_error_message_address(void) {
    return bridge.error.message;
}

EXPORT("errorMessageSize") uint32_t bridge_error_message_size(void) {
    return bridge.error.message_len_bytes;
}

EXPORT("taskNew") scopeflow_task *bridge_task_new(void) {
    scopeflow_task *const task = heap_reallocate(NULL, NULL, 0, sizeof *task);
    if (task != NULL) *task = (scopeflow_task){{0}};
    return task;
}

EXPORT("taskFree") void bridge_task_free(scopeflow_task *task) {
    if (task != NULL) (void)heap_reallocate(NULL, task, sizeof *task, 0);
}
