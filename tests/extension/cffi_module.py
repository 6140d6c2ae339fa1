"""The guardrail of examples/extension without C++: plain C, which cffi compiles and calls."""

from __future__ import annotations

from cffi import FFI

SOURCE = r"""
#include <scopeflow/scopeflow.h>
#include <stdlib.h>
#include <string.h>

static const scopeflow_functions *core;

/* One tool. The name stands behind it. */
typedef struct guard {
    size_t len;
} guard;

static void run(void *user_data, scopeflow_invocation *invocation) {
    const guard *const self = user_data;
    scopeflow_bytes const target = core->invocation_target(invocation);
    if (target.len != self->len || memcmp(target.ptr, self + 1, self->len) != 0) return;
    char reason[256];
    scopeflow_bytes text = {reason, 0};
    text.len = (size_t)snprintf(reason, sizeof reason, "tool '%.*s' is blocked", (int)target.len,
                                target.ptr);
    (void)core->invocation_refuse(invocation, text, NULL);
}

static int block(uintptr_t table, uintptr_t runtime, const char *name, const char *tool,
                 int priority) {
    size_t const len = strlen(tool);
    guard *const self = malloc(sizeof *self + len);
    scopeflow_native_callable callable = SCOPEFLOW_NATIVE_CALLABLE_INIT;
    core = (const scopeflow_functions *)table;
    if (self == NULL) return SCOPEFLOW_STATUS_NO_MEMORY;
    self->len = len;
    memcpy(self + 1, tool, len);
    callable.registry = SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL;
    callable.priority = priority;
    callable.name.ptr = name;
    callable.name.len = strlen(name);
    callable.run = run;
    callable.user_data = self;
    callable.destroy = free;
    int const status = core->native_register((scopeflow_runtime *)runtime, &callable, NULL);
    if (status != SCOPEFLOW_STATUS_OK) free(self);
    return status;
}
"""

WRAPPER = """
import ctypes
from scopeflow import _native
from _blocklist import lib

def _address(capsule, name):
    get = ctypes.pythonapi.PyCapsule_GetPointer
    get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return get(capsule, name)

def block(runtime, name, tools, priority=0):
    table = _address(_native.functions, b"scopeflow._native.functions")
    pointer = _address(runtime.capsule, b"scopeflow.runtime")
    for tool in tools:
        status = lib.block(table, pointer, f"{name} {tool}".encode(), tool.encode(), priority)
        if status != 0:
            raise ValueError(f"status {status}")
"""


def build(folder: str, include: str) -> None:
    """The modules `_blocklist` and `blocklist` in this folder."""
    ffi = FFI()
    ffi.cdef("int block(uintptr_t table, uintptr_t runtime, const char *, const char *, int);")
    ffi.set_source("_blocklist", "#include <stdio.h>\n" + SOURCE, include_dirs=[include])
    ffi.compile(tmpdir=folder)
    with open(f"{folder}/blocklist.py", "w", encoding="utf-8") as file:
        file.write(WRAPPER)
