/* What a C addon of others gets (ADR 0020): the function table, and a runtime or a scope to
 * register on, each as an external with a type tag. JavaScript keeps what such a handle stands for
 * alive (node/src/native-handle.ts). */
#include "addon.h"

#include "scopeflow/node.h"

/* In the order of node/src/native-handle.ts. */
static const napi_type_tag *const tags[] = {
    &scopeflow_node_functions_tag,
    &scopeflow_node_runtime_tag,
    &scopeflow_node_scope_tag,
};

napi_value addon_native_handle(napi_env env, napi_callback_info info) {
    addon_call call;
    if (!addon_enter(&call, env, info, 2)) return NULL;
    uint32_t const kind = addon_u32(&call, 0);
    void *const address = addon_pointer(&call, 1);
    if (!call.is_valid || kind >= sizeof tags / sizeof *tags)
        return addon_refuse(&call, "nativeHandle");

    napi_value handle = NULL;
    void *const inside = kind == 0 ? (void *)(uintptr_t)scopeflow_get_functions() : address;
    if (napi_create_external(env, inside, NULL, NULL, &handle) == napi_ok &&
        napi_type_tag_object(env, handle, tags[kind]) == napi_ok)
        return handle;
    (void)napi_throw_error(env, NULL, "scopeflow: a native handle cannot be made");
    return NULL;
}
