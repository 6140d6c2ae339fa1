#include "go.h"

#include "bridge.h"

#include "shims.gen.h"

#include <stddef.h>

SCOPEFLOW_GO_IMPORT("scopeflowGoClock") extern int64_t scopeflowGoClock(void);
SCOPEFLOW_GO_IMPORT("scopeflowGoEntropy")
extern void scopeflowGoEntropy(uint8_t *out, size_t out_len_bytes);

static int64_t system_clock(void *context) {
    (void)context;
    return scopeflowGoClock();
}

static void system_entropy(void *context, uint8_t *out, size_t out_len_bytes) {
    (void)context;
    scopeflowGoEntropy(out, out_len_bytes);
}

void scopeflow_go_lend_system(scopeflow_host *host) {
    host->clock = system_clock;
    host->entropy = system_entropy;
    host->reallocate = heap_reallocate;
}

EXPORT("scopeflow_go_abi_hash") uint64_t scopeflow_go_abi_hash(void) {
    return scopeflow_abi_hash();
}

EXPORT("scopeflow_go_allocate") void *scopeflow_go_allocate(size_t size) {
    return heap_reallocate(NULL, NULL, 0, size);
}

EXPORT("scopeflow_go_deallocate") void scopeflow_go_deallocate(void *block, size_t size) {
    (void)heap_reallocate(NULL, block, size, 0);
}

EXPORT("scopeflow_go_call_new") scopeflow_go_call *scopeflow_go_call_new(void) {
    scopeflow_go_call *const call = heap_reallocate(NULL, NULL, 0, sizeof *call);
    if (call != NULL) memset(call, 0, sizeof *call);
    return call;
}

EXPORT("scopeflow_go_call_free") void scopeflow_go_call_free(scopeflow_go_call *call) {
    if (call != NULL) (void)heap_reallocate(NULL, call, sizeof *call, 0);
}

/* Where in a call its step, error, emitter and span are, and in an error its message. */
EXPORT("scopeflow_go_call_place") size_t scopeflow_go_call_place(uint32_t member) {
    static const size_t places[] = {
        offsetof(scopeflow_go_call, step),    offsetof(scopeflow_go_call, error),
        offsetof(scopeflow_go_call, emitter), offsetof(scopeflow_go_call, span),
        offsetof(scopeflow_error, message),
    };
    return member < sizeof places / sizeof places[0] ? places[member] : 0;
}
