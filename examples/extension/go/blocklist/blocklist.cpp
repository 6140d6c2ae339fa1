#include "blocklist.h"

#include "blocklist.hpp"

#include <cstring>

// No exception may leave it: Go is as little C++ as the core is.
char *block(void *table, void *runtime, const char *name, char **tools, size_t tool_count) {
    try {
        blocklist::use(static_cast<const scopeflow_functions *>(table));
        blocklist::add(static_cast<scopeflow_runtime *>(runtime), name,
                       std::vector<std::string>(tools, tools + tool_count), 0);
        return nullptr;
    } catch (const std::exception &error) {
        return strdup(error.what());
    }
}
