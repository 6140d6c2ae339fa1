/* Error texts: what, where, which limit (S7.2), in a fixed place that the caller lends. */
#include "base/base.h"
#include "base/names.gen.h"

#define QUOTED_LIMIT_BYTES 120u

static uint32_t append_part(char *message, uint32_t used, size_t capacity, scopeflow_bytes part) {
    size_t len = part.len;
    bool cut = false;
    if (len > QUOTED_LIMIT_BYTES) {
        len = QUOTED_LIMIT_BYTES;
        cut = true;
    }
    if (len > capacity - used) len = capacity - used;
    if (len < part.len) /* Never end inside a code point. */
        while (len > 0 && ((unsigned char)part.ptr[len] & 0xC0u) == 0x80u) len--;

    scopeflow__copy(message + used, part.ptr, len);
    used += (uint32_t)len;
    if (cut && capacity - used >= 3) {
        memcpy(message + used, "...", 3);
        used += 3;
    }
    return used;
}

scopeflow_status scopeflow__fail(scopeflow_error *out_error, scopeflow_status status,
                                 scopeflow_bytes a, scopeflow_bytes b, scopeflow_bytes c) {
    if (out_error == NULL) return status;

    size_t const capacity = sizeof out_error->message - 1;
    uint32_t used = 0;
    used = append_part(out_error->message, used, capacity,
                       scopeflow__c_text(scopeflow__status_prefix(status)));
    used = append_part(out_error->message, used, capacity, SCOPEFLOW__TEXT(": "));
    used = append_part(out_error->message, used, capacity, a);
    used = append_part(out_error->message, used, capacity, b);
    used = append_part(out_error->message, used, capacity, c);

    out_error->message[used] = '\0';
    out_error->message_len_bytes = used;
    out_error->status = status;
    return status;
}

scopeflow_status scopeflow__fail_text(scopeflow_error *out_error, scopeflow_status status,
                                      const char *text) {
    return scopeflow__fail(out_error, status, scopeflow__c_text(text), SCOPEFLOW__TEXT(""),
                           SCOPEFLOW__TEXT(""));
}

scopeflow_status scopeflow__fail_memory(scopeflow_error *out_error) {
    return scopeflow__fail_text(out_error, SCOPEFLOW_STATUS_NO_MEMORY,
                                "the allocator returned nothing");
}
