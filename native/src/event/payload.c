#include "base/checks.gen.h"
#include "event/credentials.h"
#include "event/metadata.h"
#include "event/payload.h"
#include "json/direct.h"

/* --- As they stand in events --- */

void scopeflow__payload_writer_init(const scopeflow_runtime *runtime, scopeflow__buffer *out,
                                    scopeflow__json_writer *writer) {
    scopeflow__json_writer_init(writer, out, runtime->payload_budget_bytes,
                                (runtime->flags & SCOPEFLOW_RUNTIME_FLAG_CANONICAL) != 0);
}

/* Text is made of it at once, but for what needs to be seen as a whole first: canonical form sorts
 * keys. */
bool scopeflow__payload_write(scopeflow_runtime *runtime, scopeflow_ref payload,
                              scopeflow__buffer *out) {
    scopeflow_tape tape;
    scopeflow__json_writer writer;
    scopeflow__json_direct direct;
    bool is_null;
    scopeflow__tape_init(&tape, &runtime->memory, scopeflow__payload_full_at(runtime));
    scopeflow__payload_writer_init(runtime, out, &writer);
    if (writer.canonical) {
        scopeflow__encode_ref(runtime, payload, &tape);
        scopeflow__cursor const value = scopeflow__tape_value(&tape);
        scopeflow__json_write(&writer, value);
        is_null = scopeflow__cursor_peek(&value) == SCOPEFLOW_TOKEN_NULL;
    } else {
        scopeflow__json_direct_begin(&direct, &tape, &writer);
        scopeflow__encode_ref(runtime, payload, &tape);
        is_null = scopeflow__json_direct_end(&direct);
    }
    if (tape.bytes.failed) out->failed = true;
    scopeflow__tape_deinit(&tape);
    return is_null;
}

/* It is looked through, and copied only if it has such headers. */
bool scopeflow__payload_write_request(scopeflow_runtime *runtime, scopeflow_ref request,
                                      scopeflow__buffer *out) {
    scopeflow_tape tape;
    scopeflow__json_writer writer;
    scopeflow__tape_init(&tape, &runtime->memory, scopeflow__payload_full_at(runtime));
    scopeflow__encode_ref(runtime, request, &tape);
    scopeflow__credentials_remove(runtime, &tape);
    scopeflow__payload_writer_init(runtime, out, &writer);
    scopeflow__cursor const value = scopeflow__tape_value(&tape);
    scopeflow__json_write(&writer, value);
    bool const is_null = scopeflow__cursor_peek(&value) == SCOPEFLOW_TOKEN_NULL;
    if (tape.bytes.failed) out->failed = true;
    scopeflow__tape_deinit(&tape);
    return is_null;
}

/* --- By themselves, for hosts that have kept one for later --- */

struct scopeflow_payload_text {
    scopeflow_runtime *runtime; /* Held: it lends the memory. */
    scopeflow__buffer json;
};

scopeflow_status scopeflow_payload_text_new(const scopeflow_payload_text_new_options *options,
                                            scopeflow_payload_text **out_text,
                                            scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_payload_text_new(options, out_text, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow_runtime *const runtime = options->runtime;
    SCOPEFLOW__REQUIRE(runtime != NULL, out_error, "runtime must not be null");

    scopeflow_payload_text *const self =
        (scopeflow_payload_text *)scopeflow__allocate(&runtime->memory, sizeof *self);
    if (self == NULL) return scopeflow__fail_memory(out_error);
    scopeflow__ref_up(&runtime->refs);
    self->runtime = runtime;
    scopeflow__buffer_init(&self->json, &runtime->memory);
    if (options->is_llm_request != 0)
        (void)scopeflow__payload_write_request(runtime, options->payload, &self->json);
    else
        (void)scopeflow__payload_write(runtime, options->payload, &self->json);
    if (self->json.failed) {
        scopeflow_payload_text_free(self);
        return scopeflow__fail_memory(out_error);
    }
    *out_text = self;
    return SCOPEFLOW_STATUS_OK;
}

scopeflow_status scopeflow_payload_text_json(scopeflow_payload_text *self,
                                             scopeflow_bytes *out_json,
                                             scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_payload_text_json(self, out_json, out_error);
    if (status == SCOPEFLOW_STATUS_OK) *out_json = scopeflow__text(self->json.ptr, self->json.len);
    return status;
}

void scopeflow_payload_text_free(scopeflow_payload_text *self) {
    if (self == NULL) return;
    scopeflow_runtime *const runtime = self->runtime;
    scopeflow__buffer_deinit(&self->json);
    scopeflow__deallocate(&runtime->memory, self, sizeof *self);
    scopeflow__runtime_release(runtime);
}
