/* What Go sees of it: C, without the types of scopeflow, which Go has no need to know. */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Registers the guard; what went wrong, to be freed, or null. */
char *block(void *table, void *runtime, const char *name, char **tools, size_t tool_count);

#ifdef __cplusplus
}
#endif
