/* A codec, two JSON texts, and more of them as chunks (ADR 0023): what was decoded and not edited
 * is no edit; what one text says comes into the other one, or is refused; a stream takes anything.
 */
#include "codec/codec.h"
#include "codec/prices.h"
#include "host.h"

#include "json/parse.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static scopeflow__memory memory;

enum { TREES_BYTES = 64 * 1024 * 1024 };

/* Each tree needs its tokens for as long as it is looked at. */
static scopeflow__node *read_text(scopeflow__trees *trees, scopeflow_tape *tape,
                                  scopeflow_bytes text) {
    scopeflow__tape_init(tape, &memory, SIZE_MAX);
    if (!scopeflow__json_parse(tape, text)) return scopeflow__node_new(trees, SCOPEFLOW_TOKEN_NULL);
    return scopeflow__node_read(trees, scopeflow__tape_value(tape));
}

static void check_law(scopeflow__trees *trees, scopeflow_codec_id codec,
                      const scopeflow__node *first, const scopeflow__node *second) {
    scopeflow_bytes path = scopeflow__text("", 0);
    scopeflow__node *const annotated = scopeflow__decode_request(trees, codec, first);
    const scopeflow__node *edits = scopeflow__edit_request(trees, codec, annotated, first, &path);
    MUST(edits != NULL && (edits->count == 0 || trees->failed));
    /* What a text says twice is one member for whoever reads it. */
    edits = scopeflow__edit_request(trees, codec, scopeflow__decode_request(trees, codec, second),
                                    first, &path);
    MUST(edits != NULL || path.len > 0 || trees->failed);
    (void)scopeflow__detect_request(first, scopeflow__text("", 0));
}

/* The other text is the catalogue, where it is one. */
static void check_prices(scopeflow__trees *trees, scopeflow_codec_id codec,
                         const scopeflow__node *response, const scopeflow__node *catalogue) {
    scopeflow__prices prices;
    scopeflow_error error;
    memset(&prices, 0, sizeof prices);
    scopeflow__trees_init(&prices.trees, &memory, 7, TREES_BYTES);
    bool const is_read = scopeflow__prices_read(&prices, catalogue, &error) == SCOPEFLOW_STATUS_OK;
    if (response != NULL) scopeflow__put_cost(trees, is_read ? &prices : NULL, codec, response);
    scopeflow__trees_deinit(&prices.trees);
}

static void check_requests(scopeflow_codec_id codec, scopeflow_bytes a, scopeflow_bytes b) {
    scopeflow__trees trees;
    scopeflow_tape tapes[2];
    scopeflow__trees_init(&trees, &memory, 7, TREES_BYTES);
    const scopeflow__node *const first = read_text(&trees, &tapes[0], a);
    const scopeflow__node *const second = read_text(&trees, &tapes[1], b);
    if (first->kind == SCOPEFLOW_TOKEN_OBJECT && second->kind == SCOPEFLOW_TOKEN_OBJECT)
        check_law(&trees, codec, first, second);
    check_prices(&trees, codec, scopeflow__decode_response(&trees, codec, first), second);
    (void)scopeflow__detect_response(first);
    scopeflow__tape_deinit(&tapes[0]);
    scopeflow__tape_deinit(&tapes[1]);
    scopeflow__trees_deinit(&trees);
}

/* Each line is a chunk. */
static void check_stream(scopeflow_runtime *runtime, host *h, scopeflow_codec_id codec,
                         scopeflow_bytes text) {
    scopeflow_codec_stream_new_options options = SCOPEFLOW_CODEC_STREAM_NEW_OPTIONS_INIT;
    scopeflow_codec_stream *stream = NULL;
    scopeflow_codec_output *output = NULL;
    options.runtime = runtime;
    options.codec = codec;
    MUST(scopeflow_codec_stream_new(&options, &stream, NULL) == SCOPEFLOW_STATUS_OK);
    for (size_t at = 0; at < text.len;) {
        size_t end = at;
        while (end < text.len && text.ptr[end] != '\n') end++;
        object *const chunk = object_new_json(h, text.ptr + at, end - at);
        MUST(scopeflow_codec_stream_feed(stream, object_ref(chunk), NULL) == SCOPEFLOW_STATUS_OK);
        object_release(chunk);
        at = end + 1;
    }
    MUST(scopeflow_codec_stream_finish(stream, &output, NULL) == SCOPEFLOW_STATUS_OK);
    scopeflow_codec_output_free(output);
    scopeflow_codec_stream_free(stream);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    scopeflow_runtime *runtime = NULL;
    host h;
    if (size < 2) return 0;
    memory = scopeflow__memory_default();
    scopeflow_codec_id const codec = data[0] % 4 + 1;
    scopeflow_bytes const all = scopeflow__text((const char *)data + 1, size - 1);
    size_t first_len = 0;
    while (first_len < all.len && all.ptr[first_len] != '\n') first_len++;
    size_t const behind = first_len < all.len ? first_len + 1 : first_len;
    check_requests(codec, scopeflow__text(all.ptr, first_len),
                   scopeflow__text(all.ptr + behind, all.len - behind));
    host_init(&h);
    MUST(scopeflow_runtime_new(&h.table, &options, &runtime, NULL) == SCOPEFLOW_STATUS_OK);
    check_stream(runtime, &h, codec, all);
    scopeflow_runtime_free(runtime);
    MUST(h.block_count == 0 && h.object_count == 0);
    return 0;
}
