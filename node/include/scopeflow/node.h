/* For addons that bring middleware in C into a Node process (spec/adr/0020): what is inside of the
 * handles that the package `scopeflow` gives, `extensions.functions()`, `runtime.nativeHandle` and
 * `scope.nativeHandle`. Each of them is an external of Node-API with a type tag of its own.
 *
 * An addon needs this header, scopeflow.h and Node's own, and is not linked to scopeflow. What it
 * gets belongs to the thread of JavaScript that it got it from; so do the functions of the table.
 * The table lives as long as the process has the package loaded; a runtime or a scope as long as
 * JavaScript or a reference of Node-API holds the handle. A scope can also be retained.
 *
 * A registered callable may leave no exception pending. */
#ifndef SCOPEFLOW_NODE_H
#define SCOPEFLOW_NODE_H

#include "scopeflow/scopeflow.h"

#include <node_api.h>
#include <stdbool.h>

/* The type tags; they never change. */
static const napi_type_tag scopeflow_node_functions_tag = {UINT64_C(0xf964ab046394cb2e),
                                                           UINT64_C(0x23a27baca628dade)};
static const napi_type_tag scopeflow_node_runtime_tag = {UINT64_C(0x6d42e3426b67d1d1),
                                                         UINT64_C(0x8b8016dbff1c988c)};
static const napi_type_tag scopeflow_node_scope_tag = {UINT64_C(0xbb6333c0c8a836dd),
                                                       UINT64_C(0x3e25db8c410b12e3)};

/* What is inside of a handle. Null, with a TypeError of this message pending, if the value has no
 * such tag. */
static inline void *scopeflow_node_open(napi_env env, napi_value value, const napi_type_tag *tag,
                                        const char *message) {
    napi_valuetype type;
    bool is_right = false;
    void *inside = NULL;
    if (napi_typeof(env, value, &type) == napi_ok && type == napi_external &&
        napi_check_object_type_tag(env, value, tag, &is_right) == napi_ok && is_right &&
        napi_get_value_external(env, value, &inside) == napi_ok)
        return inside;
    (void)napi_throw_type_error(env, "ERR_INVALID_ARG_TYPE", message);
    return NULL;
}

/* What `extensions.functions()` gave. */
static inline const scopeflow_functions *scopeflow_node_functions(napi_env env, napi_value value) {
    return (const scopeflow_functions *)scopeflow_node_open(
        env, value, &scopeflow_node_functions_tag,
        "expected the function table of scopeflow: extensions.functions()");
}

/* The `nativeHandle` of a runtime. Borrowed from the handle. */
static inline scopeflow_runtime *scopeflow_node_runtime(napi_env env, napi_value value) {
    return (scopeflow_runtime *)scopeflow_node_open(
        env, value, &scopeflow_node_runtime_tag,
        "expected the nativeHandle of a scopeflow runtime");
}

/* The `nativeHandle` of a scope. Borrowed from the handle. */
static inline scopeflow_scope *scopeflow_node_scope(napi_env env, napi_value value) {
    return (scopeflow_scope *)scopeflow_node_open(env, value, &scopeflow_node_scope_tag,
                                                  "expected the nativeHandle of a scopeflow scope");
}

#endif
