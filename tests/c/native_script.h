/* A native callable of a case: how it was registered (natively.c), and what it does when it is
 * asked (native_script.c). */
#ifndef SCOPEFLOW_TESTS_NATIVE_SCRIPT_H
#define SCOPEFLOW_TESTS_NATIVE_SCRIPT_H

#include "call.h"

/* It stays until the end of the case, so that one that is given back twice, never, or while it is
 * still asked, is found. */
typedef struct native {
    struct native *older;
    runner *runner;
    const json *arguments; /* Of its registration. */
    scopeflow_registry registry;
    size_t counts[2]; /* How often it was asked before and after the rest of the chain. */
    unsigned destroy_count;
} native;

void run_native(void *user_data, scopeflow_invocation *invocation);

static inline scopeflow_bytes json_bytes(const json *text) {
    scopeflow_bytes bytes;
    bytes.ptr = text->text;
    bytes.len = text->len;
    return bytes;
}

#endif
