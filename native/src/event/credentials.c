#include "event/credentials.h"

#include "value/described.h"

static bool has_credential(const scopeflow_runtime *runtime, scopeflow__cursor headers) {
    (void)scopeflow__cursor_read(&headers);
    while (scopeflow__cursor_peek(&headers) != SCOPEFLOW_TOKEN_END) {
        if (scopeflow__is_credential_header(runtime, scopeflow__cursor_read(&headers).text))
            return true;
        (void)scopeflow__cursor_take(&headers);
    }
    return false;
}

static void put_headers(const scopeflow_runtime *runtime, scopeflow__cursor headers,
                        scopeflow_tape *out) {
    scopeflow_tape_put_mark(out, SCOPEFLOW_TOKEN_OBJECT);
    (void)scopeflow__cursor_read(&headers);
    while (scopeflow__cursor_peek(&headers) != SCOPEFLOW_TOKEN_END) {
        scopeflow_bytes const name = scopeflow__cursor_read(&headers).text;
        scopeflow__cursor const value = scopeflow__cursor_take(&headers);
        if (scopeflow__is_credential_header(runtime, name)) continue;
        scopeflow__tape_put_string(out, name);
        scopeflow__tape_put_value(out, value);
    }
    scopeflow_tape_put_mark(out, SCOPEFLOW_TOKEN_END);
}

/* Every member called `headers`, should the host have written several. */
static void put_filtered(const scopeflow_runtime *runtime, scopeflow__cursor request,
                         scopeflow_tape *out) {
    scopeflow_tape_put_mark(out, SCOPEFLOW_TOKEN_OBJECT);
    (void)scopeflow__cursor_read(&request);
    while (scopeflow__cursor_peek(&request) != SCOPEFLOW_TOKEN_END) {
        scopeflow_bytes const key = scopeflow__cursor_read(&request).text;
        scopeflow__cursor const value = scopeflow__cursor_take(&request);
        scopeflow__tape_put_string(out, key);
        if (scopeflow__same_text(key, SCOPEFLOW__TEXT("headers")) &&
            scopeflow__cursor_peek(&value) == SCOPEFLOW_TOKEN_OBJECT)
            put_headers(runtime, value, out);
        else
            scopeflow__tape_put_value(out, value);
    }
    scopeflow_tape_put_mark(out, SCOPEFLOW_TOKEN_END);
}

static bool needs_filter(const scopeflow_runtime *runtime, scopeflow__cursor request) {
    if (scopeflow__cursor_read(&request).kind != SCOPEFLOW_TOKEN_OBJECT) return false;
    while (scopeflow__cursor_peek(&request) != SCOPEFLOW_TOKEN_END) {
        bool const is_headers =
            scopeflow__same_text(scopeflow__cursor_read(&request).text, SCOPEFLOW__TEXT("headers"));
        scopeflow__cursor const value = scopeflow__cursor_take(&request);
        if (is_headers && scopeflow__cursor_peek(&value) == SCOPEFLOW_TOKEN_OBJECT &&
            has_credential(runtime, value))
            return true;
    }
    return false;
}

void scopeflow__credentials_remove(const scopeflow_runtime *runtime, scopeflow_tape *tape) {
    scopeflow__cursor const request = scopeflow__tape_value(tape);
    if (!needs_filter(runtime, request)) return;
    scopeflow_tape filtered;
    scopeflow__tape_init(&filtered, &runtime->memory, tape->full_at);
    put_filtered(runtime, request, &filtered);
    scopeflow__tape_deinit(tape);
    *tape = filtered;
}
