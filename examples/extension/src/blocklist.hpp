// A guardrail that refuses tools by name. It knows scopeflow's header and no binding library.
#pragma once

#include <scopeflow/scopeflow.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace blocklist {

// The functions of the scopeflow that this process has loaded.
inline const scopeflow_functions *core = nullptr;

inline void use(const scopeflow_functions *table) {
    if (table == nullptr || !SCOPEFLOW_HAS_FUNCTION(table, invocation_fail))
        throw std::runtime_error(
            "this scopeflow has no table of functions, or one that is too old");
    core = table;
}

inline scopeflow_bytes text(std::string_view view) {
    return {view.data(), view.size()};
}

class Guard {
  public:
    explicit Guard(std::vector<std::string> tools) : tools_(std::move(tools)) {}

    // Looks at the tool's name only: the request is never encoded.
    void run(scopeflow_invocation *invocation) const {
        scopeflow_bytes const name = core->invocation_target(invocation);
        std::string_view const tool(name.ptr, name.len);
        if (std::find(tools_.begin(), tools_.end(), tool) == tools_.end()) return;
        std::string const reason = "tool '" + std::string(tool) + "' is blocked";
        (void)core->invocation_refuse(invocation, text(reason), nullptr);
    }

  private:
    std::vector<std::string> tools_;
};

// No exception may leave a callable: the core is C.
inline void run(void *user_data, scopeflow_invocation *invocation) noexcept {
    try {
        static_cast<const Guard *>(user_data)->run(invocation);
    } catch (const std::exception &error) {
        (void)core->invocation_fail(invocation, SCOPEFLOW_STATUS_OK, text(error.what()), nullptr);
    } catch (...) {
        (void)core->invocation_fail(invocation, SCOPEFLOW_STATUS_OK, text("unknown exception"),
                                    nullptr);
    }
}

inline void destroy(void *user_data) noexcept {
    delete static_cast<Guard *>(user_data);
}

// Registers a guard, which is scopeflow's from then on.
inline void add(scopeflow_runtime *runtime, std::string_view name, std::vector<std::string> tools,
                int priority) {
    auto guard = std::make_unique<Guard>(std::move(tools));
    scopeflow_native_callable callable = SCOPEFLOW_NATIVE_CALLABLE_INIT;
    callable.registry = SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL;
    callable.priority = priority;
    callable.name = text(name);
    callable.run = run;
    callable.user_data = guard.get();
    callable.destroy = destroy;
    scopeflow_error error;
    if (core->native_register(runtime, &callable, &error) != SCOPEFLOW_STATUS_OK)
        throw std::invalid_argument(error.message);
    (void)guard.release();
}

} // namespace blocklist
