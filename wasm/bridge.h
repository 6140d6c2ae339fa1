/* The WebAssembly build: the flat interface (node/src/core.gen.ts) over the core, as exports.
 *
 * bridge.c is written by hand: what the module holds, and what it asks of JavaScript. bridge.gen.c
 * has a function for each operation. There is one thread and one host, so all is static. */
#ifndef SCOPEFLOW_BRIDGE_H
#define SCOPEFLOW_BRIDGE_H

#include "scopeflow/scopeflow.h"

#include "../node/native/step_line.h"

#define EXPORT(name) __attribute__((export_name(name)))
#define IMPORT(name) __attribute__((import_module("host"), import_name(name)))

typedef struct bridge_state {
    double slots[SLOT_COUNT];
    scopeflow_emitter emitter;
    scopeflow_error error; /* Of the last call that failed. */
} bridge_state;

extern bridge_state bridge;

/* The function table of a new runtime. */
scopeflow_host bridge_host(void);

/* What an operation that makes steps gives: the step, and the line that goes with it, in the slots.
 */
scopeflow_status bridge_step(scopeflow_status status, const scopeflow_step *step);

static inline scopeflow_bytes bridge_text(const char *address, size_t size) {
    scopeflow_bytes const text = {address, size};
    return text;
}

/* One function for all memory, as scopeflow_host has it (heap.c). */
void *heap_reallocate(void *context, void *block, size_t old_size_bytes, size_t new_size_bytes);

#endif
