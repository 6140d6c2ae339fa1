/* What the Go binding adds to the public header: the C memory of a running operation, and the way
 * from the core's function table to the functions that Go exports. */
#ifndef SCOPEFLOW_GO_GLUE_H
#define SCOPEFLOW_GO_GLUE_H

#include "scopeflow.h"

#include <string.h>

/* A task may not move, and the core writes pointers of its own into a step: both live in C memory,
 * which Go keeps and uses again. */
typedef struct scopeflow_go_call {
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_error error;
    scopeflow_emitter emitter;
    /* The span that Go holds already: its own, or for a link that of its intercept's call. */
    scopeflow_scope *span;
} scopeflow_go_call;

static inline scopeflow_bytes scopeflow_go_bytes(const char *ptr, size_t len) {
    scopeflow_bytes bytes;
    bytes.ptr = ptr;
    bytes.len = len;
    return bytes;
}

/* The call's own span is borrowed until the task ends, but a goroutine that the target started may
 * keep its context for longer: Go holds a reference of its own, taken here to save a cgo call, and
 * once, however often the target is run. */
static inline int32_t scopeflow_go_stepped(scopeflow_go_call *call, scopeflow_status status) {
    if (status == SCOPEFLOW_STATUS_OK && call->step.kind == SCOPEFLOW_STEP_KIND_EXECUTE &&
        call->step.scope != call->span)
        call->span = scopeflow_scope_retain(call->step.scope);
    return status;
}

static inline void scopeflow_go_release_scopes(scopeflow_scope **scopes, size_t count) {
    for (size_t i = 0; i < count; i++) scopeflow_scope_release(scopes[i]);
}

/* Exported by host.go; where the core is a WebAssembly module, imported by it (wasm/go.h). */
#ifndef SCOPEFLOW_GO_IMPORT
#define SCOPEFLOW_GO_IMPORT(name)
#endif
SCOPEFLOW_GO_IMPORT("scopeflowGoRelease")
extern void scopeflowGoRelease(uintptr_t context, scopeflow_ref ref);
SCOPEFLOW_GO_IMPORT("scopeflowGoEncode")
extern void scopeflowGoEncode(uintptr_t context, scopeflow_ref ref, scopeflow_tape *tape);
SCOPEFLOW_GO_IMPORT("scopeflowGoDescribeError")
extern void scopeflowGoDescribeError(uintptr_t context, scopeflow_ref ref, scopeflow_tape *tape);
SCOPEFLOW_GO_IMPORT("scopeflowGoLog")
extern void scopeflowGoLog(uintptr_t context, uint32_t level, scopeflow_bytes message);
SCOPEFLOW_GO_IMPORT("scopeflowGoSame")
extern uint32_t scopeflowGoSame(uintptr_t context, scopeflow_ref a, scopeflow_ref b);
SCOPEFLOW_GO_IMPORT("scopeflowGoDecode")
extern scopeflow_ref scopeflowGoDecode(uintptr_t context, scopeflow_bytes json, uint32_t shape);
SCOPEFLOW_GO_IMPORT("scopeflowGoMakeError")
extern scopeflow_ref scopeflowGoMakeError(uintptr_t context, uint32_t status,
                                          scopeflow_bytes message);
SCOPEFLOW_GO_IMPORT("scopeflowGoCoreCodec")
extern uint32_t scopeflowGoCoreCodec(uintptr_t context, scopeflow_ref codec);

static inline void scopeflow_go_release(void *context, scopeflow_ref ref) {
    scopeflowGoRelease((uintptr_t)context, ref);
}

static inline void scopeflow_go_encode(void *context, scopeflow_ref ref, scopeflow_tape *tape) {
    scopeflowGoEncode((uintptr_t)context, ref, tape);
}

static inline void scopeflow_go_describe_error(void *context, scopeflow_ref ref,
                                               scopeflow_tape *tape) {
    scopeflowGoDescribeError((uintptr_t)context, ref, tape);
}

static inline void scopeflow_go_log(void *context, uint32_t level, scopeflow_bytes message) {
    scopeflowGoLog((uintptr_t)context, level, message);
}

static inline uint32_t scopeflow_go_same(void *context, scopeflow_ref a, scopeflow_ref b) {
    return a == b || scopeflowGoSame((uintptr_t)context, a, b);
}

static inline scopeflow_ref scopeflow_go_decode(void *context, scopeflow_bytes json,
                                                uint32_t shape) {
    return scopeflowGoDecode((uintptr_t)context, json, shape);
}

static inline scopeflow_ref scopeflow_go_make_error(void *context, uint32_t status,
                                                    scopeflow_bytes message) {
    return scopeflowGoMakeError((uintptr_t)context, status, message);
}

static inline uint32_t scopeflow_go_core_codec(void *context, scopeflow_ref codec) {
    return scopeflowGoCoreCodec((uintptr_t)context, codec);
}

/* Clock, entropy and memory are the core's own, but in a WebAssembly module. */
static inline scopeflow_host scopeflow_go_host(uintptr_t context) {
    scopeflow_host host;
    memset(&host, 0, sizeof host);
    host.struct_size_bytes = (uint32_t)sizeof host;
    host.context = (void *)context;
    host.release = scopeflow_go_release;
    host.encode = scopeflow_go_encode;
    host.describe_error = scopeflow_go_describe_error;
    host.log = scopeflow_go_log;
    host.same = scopeflow_go_same;
    host.decode = scopeflow_go_decode;
    host.make_error = scopeflow_go_make_error;
    host.core_codec = scopeflow_go_core_codec;
#ifdef SCOPEFLOW_GO_SYSTEM
    SCOPEFLOW_GO_SYSTEM(host);
#endif
    return host;
}

#endif
