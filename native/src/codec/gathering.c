/* A stream put together. Each chunk is a tree of its own for as long as it is looked at; what is
 * kept of it is copied into trees that live as long as the stream. */
#include "base/checks.gen.h"
#include "codec/chunks.h"
#include "codec/codec.h"
#include "codec/output.h"
#include "event/metadata.h"

struct scopeflow_codec_stream {
    scopeflow_runtime *runtime; /* Held: it lends the memory. */
    scopeflow_codec_id codec;
    bool is_finished;
    scopeflow__trees kept;
    scopeflow__trees chunk; /* Of the chunk that is being looked at. */
    scopeflow_tape tape;    /* Its tokens. */
    scopeflow__gathering gathering;
};

scopeflow_status scopeflow_codec_stream_new(const scopeflow_codec_stream_new_options *options,
                                            scopeflow_codec_stream **out_stream,
                                            scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_codec_stream_new(options, out_stream, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    scopeflow_runtime *const runtime = options->runtime;
    SCOPEFLOW__REQUIRE(runtime != NULL, out_error, "runtime must not be null");

    scopeflow_codec_stream *const self =
        (scopeflow_codec_stream *)scopeflow__allocate(&runtime->memory, sizeof *self);
    if (self == NULL) return scopeflow__fail_memory(out_error);
    memset(self, 0, sizeof *self);
    scopeflow__ref_up(&runtime->refs);
    self->runtime = runtime;
    self->codec = options->codec;
    scopeflow__trees_init(&self->kept, &runtime->memory, runtime->seed[0],
                          options->memory_limit_bytes);
    scopeflow__trees_init(&self->chunk, &runtime->memory, runtime->seed[0],
                          SCOPEFLOW_CODEC_MEMORY_LIMIT_BYTES);
    scopeflow__tape_init(&self->tape, &runtime->memory, SIZE_MAX);
    self->gathering.kept = &self->kept;
    self->gathering.response = scopeflow__node_new(&self->kept, SCOPEFLOW_TOKEN_OBJECT);
    self->gathering.items = scopeflow__node_new(&self->kept, SCOPEFLOW_TOKEN_ARRAY);
    if (self->kept.failed) {
        scopeflow_codec_stream_free(self);
        return scopeflow__fail_memory(out_error);
    }
    *out_stream = self;
    return SCOPEFLOW_STATUS_OK;
}

void scopeflow_codec_stream_free(scopeflow_codec_stream *self) {
    if (self == NULL) return;
    scopeflow_runtime *const runtime = self->runtime;
    scopeflow__tape_deinit(&self->tape);
    scopeflow__trees_deinit(&self->chunk);
    scopeflow__trees_deinit(&self->kept);
    scopeflow__deallocate(&runtime->memory, self, sizeof *self);
    scopeflow__runtime_release(runtime);
}

/* --- Chunks --- */

static bool is_anthropic_event(scopeflow_bytes type) {
    return scopeflow__starts_with(type, SCOPEFLOW__TEXT("message_")) ||
           scopeflow__starts_with(type, SCOPEFLOW__TEXT("content_block_")) ||
           scopeflow__same_text(type, SCOPEFLOW__TEXT("ping"));
}

static scopeflow_codec_id detect_chunk(const scopeflow__node *chunk) {
    scopeflow_bytes const type = scopeflow__node_string(scopeflow__chunk_part(chunk, "type"));
    if (scopeflow__chunk_part(chunk, "choices") != NULL) return SCOPEFLOW_CODEC_ID_OPENAI_CHAT;
    if (scopeflow__starts_with(type, SCOPEFLOW__TEXT("response.")))
        return SCOPEFLOW_CODEC_ID_OPENAI_RESPONSES;
    if (is_anthropic_event(type)) return SCOPEFLOW_CODEC_ID_ANTHROPIC_MESSAGES;
    if (scopeflow__chunk_part(chunk, "candidates") != NULL ||
        scopeflow__chunk_part(chunk, "promptFeedback") != NULL)
        return SCOPEFLOW_CODEC_ID_GEMINI_GENERATE_CONTENT;
    return SCOPEFLOW_CODEC_ID_AUTO;
}

static void gather_chunk(scopeflow_codec_stream *self, const scopeflow__node *chunk) {
    if (chunk->kind != SCOPEFLOW_TOKEN_OBJECT) return;
    if (self->codec == SCOPEFLOW_CODEC_ID_AUTO) self->codec = detect_chunk(chunk);
    switch (self->codec) {
    case SCOPEFLOW_CODEC_ID_OPENAI_CHAT: scopeflow__gather_chat(&self->gathering, chunk); break;
    case SCOPEFLOW_CODEC_ID_OPENAI_RESPONSES:
        scopeflow__gather_responses(&self->gathering, chunk);
        break;
    case SCOPEFLOW_CODEC_ID_ANTHROPIC_MESSAGES:
        scopeflow__gather_anthropic(&self->gathering, chunk);
        break;
    case SCOPEFLOW_CODEC_ID_GEMINI_GENERATE_CONTENT:
        scopeflow__gather_gemini(&self->gathering, scopeflow__gemini_served(&self->chunk, chunk));
        break;
    default: break;
    }
}

static scopeflow_status fail_stream(const scopeflow_codec_stream *self,
                                    scopeflow_error *out_error) {
    if (self->kept.is_full || self->chunk.is_full)
        return scopeflow__fail_text(out_error, SCOPEFLOW_STATUS_LIMIT_EXCEEDED,
                                    "the stream needs more memory than its memory_limit_bytes");
    return scopeflow__fail_memory(out_error);
}

static scopeflow_status fail_finished(scopeflow_error *out_error) {
    return scopeflow__fail_text(out_error, SCOPEFLOW_STATUS_INVALID_STATE,
                                "the stream was finished");
}

scopeflow_status scopeflow_codec_stream_feed(scopeflow_codec_stream *self, scopeflow_ref chunk,
                                             scopeflow_error *out_error) {
    scopeflow_status const status = scopeflow__check_codec_stream_feed(self, chunk, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    if (self->is_finished) return fail_finished(out_error);
    if (self->kept.failed) return fail_stream(self, out_error);
    self->tape.bytes.len = 0;
    self->tape.bytes.failed = false;
    self->tape.depth = self->tape.skipped_depth = 0;
    self->tape.has_set = false;
    scopeflow__trees_reset(&self->chunk);
    scopeflow__encode_ref(self->runtime, chunk, &self->tape);
    if (self->tape.bytes.failed) return scopeflow__fail_memory(out_error);
    gather_chunk(self, scopeflow__node_read(&self->chunk, scopeflow__tape_value(&self->tape)));
    if (self->kept.failed || self->chunk.failed) return fail_stream(self, out_error);
    return SCOPEFLOW_STATUS_OK;
}

/* --- The end --- */

scopeflow_status scopeflow_codec_stream_finish(scopeflow_codec_stream *self,
                                               scopeflow_codec_output **out_output,
                                               scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_codec_stream_finish(self, out_output, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    if (self->is_finished) return fail_finished(out_error);
    if (self->codec == SCOPEFLOW_CODEC_ID_OPENAI_CHAT) scopeflow__finish_chat(&self->gathering);
    if (self->codec == SCOPEFLOW_CODEC_ID_OPENAI_RESPONSES)
        scopeflow__finish_responses(&self->gathering);
    if (self->codec == SCOPEFLOW_CODEC_ID_ANTHROPIC_MESSAGES)
        scopeflow__finish_anthropic(&self->gathering);
    if (self->kept.failed) return fail_stream(self, out_error);
    self->is_finished = true;
    return scopeflow__output_new(self->runtime, self->gathering.response, out_output, out_error);
}
