/* What stands beside a payload (S2.8), made when an event is first written: whom it does not
 * interest pays nothing for it. One of the core's own codecs makes it here, of the tokens of the
 * payload; what the host's codec made, or the application gave, is the host's object. */
#include "codec/codec.h"
#include "event/credentials.h"
#include "event/metadata.h"
#include "scope/log.h"
#include "value/described.h"

/* --- By the core's own codecs --- */

/* The first payload that no codec knows is told of; the others will be like it. */
static void tell_unknown(scopeflow_event *self) {
    scopeflow_runtime *const runtime = self->scope->runtime;
    if (__atomic_exchange_n(&runtime->has_told_unknown_codec, 1, __ATOMIC_RELAXED) != 0) return;
    scopeflow__log_fault(runtime, SCOPEFLOW_LOG_LEVEL_WARNING,
                         SCOPEFLOW__TEXT("the automatic codec for"), scopeflow__event_name(self),
                         self->is_response ? "no codec knows such a response; it is left alone"
                                           : "no codec knows such a request; it is left alone");
}

static void go_without(scopeflow_event *self, scopeflow_codec_id codec,
                       const scopeflow_error *error) {
    if (error->status == SCOPEFLOW_STATUS_NO_MEMORY) {
        self->line.failed = true;
        return;
    }
    self->core_codec = 0; /* It would fail again. */
    if (codec == SCOPEFLOW_CODEC_ID_AUTO) {
        tell_unknown(self);
        return;
    }
    self->codec_failed = true;
    scopeflow__log_fault(self->scope->runtime, SCOPEFLOW_LOG_LEVEL_WARNING,
                         SCOPEFLOW__TEXT("the codec for"), scopeflow__event_name(self),
                         error->message);
}

/* A response, or a request's content, which is null where it has none. */
static scopeflow__node *read_part(const scopeflow_event *self, scopeflow__trees *trees,
                                  const scopeflow_tape *payload) {
    scopeflow__cursor const whole = scopeflow__tape_value(payload);
    scopeflow__cursor content;
    if (self->is_response) return scopeflow__node_read(trees, whole);
    return scopeflow__member_find(whole, SCOPEFLOW__TEXT("content"), &content)
               ? scopeflow__node_read(trees, content)
               : scopeflow__node_new(trees, SCOPEFLOW_TOKEN_NULL);
}

static void decode_data(scopeflow_event *self, scopeflow_tape *out) {
    scopeflow_runtime *const runtime = self->scope->runtime;
    scopeflow_codec_id codec = (scopeflow_codec_id)(self->core_codec - 1);
    scopeflow_tape payload;
    scopeflow__trees trees;
    scopeflow_error error;
    const scopeflow__node *made = NULL;
    scopeflow__tape_init(&payload, &runtime->memory, SIZE_MAX);
    scopeflow__trees_init(&trees, &runtime->memory, runtime->seed[0],
                          SCOPEFLOW_CODEC_MEMORY_LIMIT_BYTES);
    scopeflow__encode_ref(runtime, self->data, &payload);
    trees.failed = payload.bytes.failed;
    scopeflow__node *const given = read_part(self, &trees, &payload);
    if (scopeflow__decode_payload(runtime, &trees, &codec, self->is_response, given, &made,
                                  &error) == SCOPEFLOW_STATUS_OK)
        scopeflow__node_write(made, out);
    else
        go_without(self, codec, &error);
    scopeflow__trees_deinit(&trees);
    scopeflow__tape_deinit(&payload);
}

/* --- What it says --- */

static void read_facts(scopeflow__annotation *self, bool is_response) {
    scopeflow__cursor const value = scopeflow__tape_value(&self->value);
    scopeflow__cursor stream;
    self->model = scopeflow__described(value, "model");
    if (scopeflow__name_check(self->model, "", NULL) != SCOPEFLOW_STATUS_OK)
        self->model = scopeflow__text("", 0);
    self->is_streaming = !is_response &&
                         scopeflow__member_find(value, SCOPEFLOW__TEXT("stream"), &stream) &&
                         scopeflow__cursor_peek(&stream) == SCOPEFLOW_TOKEN_TRUE;
}

void scopeflow__event_annotate(scopeflow_event *self) {
    scopeflow_runtime *const runtime = self->scope->runtime;
    if (self->annotated != NULL || (self->annotation == 0 && self->core_codec == 0)) return;
    scopeflow__annotation *const made =
        (scopeflow__annotation *)scopeflow__allocate(&runtime->memory, sizeof *made);
    if (made == NULL) {
        self->line.failed = true;
        return;
    }
    scopeflow__tape_init(&made->value, &runtime->memory,
                         self->core_codec != 0 ? SIZE_MAX : scopeflow__payload_full_at(runtime));
    if (self->core_codec != 0)
        decode_data(self, &made->value);
    else
        scopeflow__encode_ref(runtime, self->annotation, &made->value);
    if (made->value.bytes.failed) self->line.failed = true;
    self->annotated = made;
    if (self->line.failed || made->value.bytes.len == 0)
        scopeflow__event_drop_annotated(self);
    else
        read_facts(made, self->is_response);
}

void scopeflow__event_drop_annotated(scopeflow_event *self) {
    const scopeflow__memory *const memory = &self->scope->runtime->memory;
    scopeflow__annotation *const made = self->annotated;
    if (made == NULL) return;
    self->annotated = NULL;
    scopeflow__tape_deinit(&made->value);
    scopeflow__deallocate(memory, made, sizeof *made);
}
