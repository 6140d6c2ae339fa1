/* The operations: payloads become trees for as long as the operation takes, and what was made of
 * them is handed over as a row of tokens. */
#include "base/checks.gen.h"
#include "codec/codec.h"
#include "codec/output.h"
#include "event/metadata.h"
#include "json/write.h"

struct scopeflow_codec_output {
    scopeflow_runtime *runtime; /* Held: it lends the memory. */
    scopeflow_tape tape;
    scopeflow__buffer json; /* Once somebody has asked for it. */
};

/* --- What comes out --- */

scopeflow_status scopeflow__output_new(scopeflow_runtime *runtime, const scopeflow__node *value,
                                       scopeflow_codec_output **out_output,
                                       scopeflow_error *out_error) {
    scopeflow_codec_output *const self =
        (scopeflow_codec_output *)scopeflow__allocate(&runtime->memory, sizeof *self);
    if (self == NULL) return scopeflow__fail_memory(out_error);
    scopeflow__ref_up(&runtime->refs);
    self->runtime = runtime;
    scopeflow__tape_init(&self->tape, &runtime->memory, SIZE_MAX);
    scopeflow__buffer_init(&self->json, &runtime->memory);
    scopeflow__node_write(value, &self->tape);
    if (self->tape.bytes.failed) {
        scopeflow_codec_output_free(self);
        return scopeflow__fail_memory(out_error);
    }
    *out_output = self;
    return SCOPEFLOW_STATUS_OK;
}

void scopeflow_codec_output_free(scopeflow_codec_output *self) {
    if (self == NULL) return;
    scopeflow_runtime *const runtime = self->runtime;
    scopeflow__buffer_deinit(&self->json);
    scopeflow__tape_deinit(&self->tape);
    scopeflow__deallocate(&runtime->memory, self, sizeof *self);
    scopeflow__runtime_release(runtime);
}

scopeflow_bytes scopeflow_codec_output_tokens(const scopeflow_codec_output *self) {
    if (self == NULL) return scopeflow__text("", 0);
    return scopeflow__text(self->tape.bytes.ptr, self->tape.bytes.len);
}

scopeflow_status scopeflow_codec_output_json(scopeflow_codec_output *self,
                                             scopeflow_bytes *out_json,
                                             scopeflow_error *out_error) {
    scopeflow__json_writer writer;
    scopeflow_status const status = scopeflow__check_codec_output_json(self, out_json, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    if (self->json.len == 0) {
        scopeflow__json_writer_init(&writer, &self->json, UINT32_MAX, false);
        scopeflow__json_write(&writer, scopeflow__tape_value(&self->tape));
    }
    if (self->json.failed) {
        self->json.failed = false; /* Memory may come back. */
        self->json.len = 0;
        return scopeflow__fail_memory(out_error);
    }
    *out_json = scopeflow__text(self->json.ptr, self->json.len);
    return SCOPEFLOW_STATUS_OK;
}

/* --- What goes in --- */

/* One operation: its trees, and the tokens that they borrow their texts from. */
typedef struct codec_work {
    scopeflow_runtime *runtime;
    scopeflow__trees trees;
    scopeflow_tape tapes[3];
    size_t tape_count;
} codec_work;

static void begin_work(codec_work *self, scopeflow_runtime *runtime) {
    self->runtime = runtime;
    self->tape_count = 0;
    scopeflow__trees_init(&self->trees, &runtime->memory, runtime->seed[0],
                          SCOPEFLOW_CODEC_MEMORY_LIMIT_BYTES);
}

static void end_work(codec_work *self) {
    for (size_t i = 0; i < self->tape_count; i++) scopeflow__tape_deinit(&self->tapes[i]);
    scopeflow__trees_deinit(&self->trees);
}

static scopeflow__node *read_payload(codec_work *self, scopeflow_ref payload) {
    scopeflow_tape *const tape = &self->tapes[self->tape_count++];
    scopeflow__tape_init(tape, &self->runtime->memory, SIZE_MAX);
    scopeflow__encode_ref(self->runtime, payload, tape);
    self->trees.failed |= tape->bytes.failed;
    return scopeflow__node_read(&self->trees, scopeflow__tape_value(tape));
}

/* Ends the work and hands over what was made. */
static scopeflow_status finish_work(codec_work *self, const scopeflow__node *made,
                                    scopeflow_codec_output **out_output,
                                    scopeflow_error *out_error) {
    scopeflow_status const status =
        self->trees.failed ? scopeflow__fail_trees(&self->trees, out_error)
                           : scopeflow__output_new(self->runtime, made, out_output, out_error);
    end_work(self);
    return status;
}

/* Ends the work with the annotated form of what was given. */
static scopeflow_status finish_decoding(codec_work *self, scopeflow_codec_id codec,
                                        bool is_response, scopeflow_ref payload,
                                        scopeflow_codec_output **out_output,
                                        scopeflow_error *out_error) {
    const scopeflow__node *made = NULL;
    scopeflow_status const status =
        scopeflow__decode_payload(self->runtime, &self->trees, &codec, is_response,
                                  read_payload(self, payload), &made, out_error);
    if (status == SCOPEFLOW_STATUS_OK) return finish_work(self, made, out_output, out_error);
    end_work(self);
    return status;
}

/* --- Operations --- */

scopeflow_status scopeflow_codec_detect_request(scopeflow_runtime *self, scopeflow_ref request,
                                                scopeflow_bytes hint, scopeflow_codec_id *out_codec,
                                                scopeflow_error *out_error) {
    codec_work work;
    scopeflow_status status =
        scopeflow__check_codec_detect_request(self, request, hint, out_codec, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    begin_work(&work, self);
    *out_codec = scopeflow__detect_request(read_payload(&work, request), hint);
    if (work.trees.failed) status = scopeflow__fail_trees(&work.trees, out_error);
    end_work(&work);
    return status;
}

scopeflow_status scopeflow_codec_detect_response(scopeflow_runtime *self, scopeflow_ref response,
                                                 scopeflow_codec_id *out_codec,
                                                 scopeflow_error *out_error) {
    codec_work work;
    scopeflow_status status =
        scopeflow__check_codec_detect_response(self, response, out_codec, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    begin_work(&work, self);
    *out_codec = scopeflow__detect_response(read_payload(&work, response));
    if (work.trees.failed) status = scopeflow__fail_trees(&work.trees, out_error);
    end_work(&work);
    return status;
}

scopeflow_status scopeflow_codec_decode_request(scopeflow_runtime *self, scopeflow_codec_id codec,
                                                scopeflow_ref request,
                                                scopeflow_codec_output **out_output,
                                                scopeflow_error *out_error) {
    codec_work work;
    scopeflow_status const status =
        scopeflow__check_codec_decode_request(self, codec, request, out_output, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    begin_work(&work, self);
    return finish_decoding(&work, codec, false, request, out_output, out_error);
}

static scopeflow_bytes title_of(scopeflow_codec_id codec) {
    return scopeflow__map_of(codec)->title;
}

static scopeflow_status edit(codec_work *self, scopeflow_codec_id codec,
                             const scopeflow__node *edited, const scopeflow__node *given,
                             const scopeflow__node **out_edits, scopeflow_error *out_error) {
    scopeflow_bytes path = scopeflow__text("", 0);
    if (self->trees.failed) return scopeflow__fail_trees(&self->trees, out_error);
    if (codec == SCOPEFLOW_CODEC_ID_AUTO)
        codec = scopeflow__detect_request(given, scopeflow__text("", 0));
    if (codec == SCOPEFLOW_CODEC_ID_AUTO) return scopeflow__fail_unknown(out_error);
    if (given->kind != SCOPEFLOW_TOKEN_OBJECT || edited->kind != SCOPEFLOW_TOKEN_OBJECT)
        return scopeflow__fail(
            out_error, SCOPEFLOW_STATUS_INVALID_ARGUMENT, title_of(codec),
            SCOPEFLOW__TEXT(" request encode: annotated form and content must be objects"),
            scopeflow__text("", 0));
    *out_edits = scopeflow__edit_request(&self->trees, codec, edited, given, &path);
    if (self->trees.failed) return scopeflow__fail_trees(&self->trees, out_error);
    if (*out_edits != NULL) return SCOPEFLOW_STATUS_OK;
    return scopeflow__fail(
        out_error, SCOPEFLOW_STATUS_INVALID_ARGUMENT, title_of(codec),
        SCOPEFLOW__TEXT(" request encode: the provider cannot carry the edit of "), path);
}

scopeflow_status scopeflow_codec_edit_request(scopeflow_runtime *self, scopeflow_codec_id codec,
                                              scopeflow_ref annotated, scopeflow_ref request,
                                              scopeflow_codec_output **out_output,
                                              scopeflow_error *out_error) {
    codec_work work;
    const scopeflow__node *edits = NULL;
    scopeflow_status status =
        scopeflow__check_codec_edit_request(self, codec, annotated, request, out_output, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    begin_work(&work, self);
    const scopeflow__node *const edited = read_payload(&work, annotated);
    const scopeflow__node *const given = read_payload(&work, request);
    status = edit(&work, codec, edited, given, &edits, out_error);
    if (status == SCOPEFLOW_STATUS_OK) return finish_work(&work, edits, out_output, out_error);
    end_work(&work);
    return status;
}

static scopeflow_status edit_changed(codec_work *self, const scopeflow__node *decoded,
                                     scopeflow_ref request, const scopeflow__node **edits,
                                     scopeflow_error *out_error) {
    scopeflow_bytes path = scopeflow__text("", 0);
    const scopeflow__node *const left = scopeflow__edit_changed_request(
        &self->trees, *edits, decoded, read_payload(self, request), &path);
    if (self->trees.failed) return scopeflow__fail_trees(&self->trees, out_error);
    *edits = left;
    if (left != NULL) return SCOPEFLOW_STATUS_OK;
    return scopeflow__fail(
        out_error, SCOPEFLOW_STATUS_INVALID_ARGUMENT, scopeflow__text("", 0),
        SCOPEFLOW__TEXT("the annotated form and the request itself were both edited at "), path);
}

scopeflow_status scopeflow_codec_edit_changed_request(scopeflow_runtime *self,
                                                      scopeflow_codec_id codec,
                                                      scopeflow_ref annotated,
                                                      scopeflow_ref decoded, scopeflow_ref request,
                                                      scopeflow_codec_output **out_output,
                                                      scopeflow_error *out_error) {
    codec_work work;
    const scopeflow__node *edits = NULL;
    scopeflow_status status = scopeflow__check_codec_edit_changed_request(
        self, codec, annotated, decoded, request, out_output, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    begin_work(&work, self);
    const scopeflow__node *const edited = read_payload(&work, annotated);
    const scopeflow__node *const was = read_payload(&work, decoded);
    status = edit(&work, codec, edited, was, &edits, out_error);
    if (status == SCOPEFLOW_STATUS_OK)
        status = edit_changed(&work, was, request, &edits, out_error);
    if (status == SCOPEFLOW_STATUS_OK) return finish_work(&work, edits, out_output, out_error);
    end_work(&work);
    return status;
}

scopeflow_status scopeflow_codec_decode_response(scopeflow_runtime *self, scopeflow_codec_id codec,
                                                 scopeflow_ref response,
                                                 scopeflow_codec_output **out_output,
                                                 scopeflow_error *out_error) {
    codec_work work;
    scopeflow_status const status =
        scopeflow__check_codec_decode_response(self, codec, response, out_output, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    begin_work(&work, self);
    return finish_decoding(&work, codec, true, response, out_output, out_error);
}
