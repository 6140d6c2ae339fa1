/* The default allocator. It is the only place where the core names the C library's. */
#include "base/base.h"

#if SCOPEFLOW_HOSTED
#include <stdlib.h>

static void *reallocate_from_library(void *context, void *block, size_t old_size_bytes,
                                     size_t new_size_bytes) {
    (void)context;
    (void)old_size_bytes;
    if (new_size_bytes > 0) return realloc(block, new_size_bytes);
    free(block);
    return NULL;
}
#endif

scopeflow__memory scopeflow__memory_default(void) {
    scopeflow__memory memory;
    memory.context = NULL;
#if SCOPEFLOW_HOSTED
    memory.reallocate = reallocate_from_library;
#else
    memory.reallocate = NULL;
#endif
    return memory;
}
