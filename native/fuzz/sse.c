/* Any bytes as server-sent events: however they are cut, the same events come out, one behind the
 * other, and nothing beyond the limit is kept. */
#include "base/buffer.h"
#include "base/utf8.h"
#include "host.h"

#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE_LIMIT_BYTES = 256 };

typedef struct decoded {
    scopeflow__buffer text;
    uint64_t covered_bytes;
} decoded;

static scopeflow__memory memory;

static void put_one(decoded *self, scopeflow_bytes text) {
    MUST(scopeflow__utf8_is_valid(text));
    scopeflow__buffer_put_text(&self->text, text);
    scopeflow__buffer_put_byte(&self->text, '\0');
}

static void read_all(scopeflow_sse_decoder *decoder, decoded *out) {
    scopeflow_sse_item item;
    for (;;) {
        MUST(scopeflow_sse_decoder_next(decoder, &item, NULL) == SCOPEFLOW_STATUS_OK);
        if (item.item == SCOPEFLOW_SSE_ITEM_KIND_MORE || item.item == SCOPEFLOW_SSE_ITEM_KIND_END)
            return;
        MUST(item.offset_bytes == out->covered_bytes && item.size_bytes > 0);
        /* Ill-formed bytes grow threefold when they are mended. */
        MUST(item.data.len <= 3 * LINE_LIMIT_BYTES);
        out->covered_bytes += item.size_bytes;
        scopeflow__buffer_put_byte(&out->text, (char)('0' + item.item));
        put_one(out, item.event);
        put_one(out, item.data);
        put_one(out, item.last_id);
    }
}

/* In pieces of `piece` bytes. */
static void decode(scopeflow_runtime *runtime, scopeflow_bytes all, size_t piece, decoded *out) {
    scopeflow_sse_decoder_new_options options = SCOPEFLOW_SSE_DECODER_NEW_OPTIONS_INIT;
    scopeflow_sse_decoder *decoder = NULL;
    options.runtime = runtime;
    options.line_limit_bytes = LINE_LIMIT_BYTES;
    scopeflow__buffer_init(&out->text, &memory);
    out->covered_bytes = 0;
    MUST(scopeflow_sse_decoder_new(&options, &decoder, NULL) == SCOPEFLOW_STATUS_OK);
    for (size_t at = 0; at < all.len; at += piece) {
        size_t const len = all.len - at < piece ? all.len - at : piece;
        MUST(scopeflow_sse_decoder_feed(decoder, scopeflow__text(all.ptr + at, len), NULL) ==
             SCOPEFLOW_STATUS_OK);
        read_all(decoder, out);
    }
    MUST(scopeflow_sse_decoder_finish(decoder, NULL) == SCOPEFLOW_STATUS_OK);
    read_all(decoder, out);
    MUST(out->covered_bytes <= all.len);
    scopeflow_sse_decoder_free(decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    scopeflow_runtime *runtime = NULL;
    host h;
    decoded whole;
    decoded cut;
    if (size < 2) return 0;
    memory = scopeflow__memory_default();
    scopeflow_bytes const all = scopeflow__text((const char *)data + 1, size - 1);
    host_init(&h);
    MUST(scopeflow_runtime_new(&h.table, &options, &runtime, NULL) == SCOPEFLOW_STATUS_OK);
    decode(runtime, all, all.len, &whole);
    decode(runtime, all, (size_t)data[0] % 7 + 1, &cut);
    MUST(scopeflow__same_text(scopeflow__text(whole.text.ptr, whole.text.len),
                              scopeflow__text(cut.text.ptr, cut.text.len)));
    scopeflow__buffer_deinit(&whole.text);
    scopeflow__buffer_deinit(&cut.text);
    scopeflow_runtime_free(runtime);
    MUST(h.block_count == 0);
    return 0;
}
