/* The decoder of server-sent events: WHATWG's rules, whatever the pieces are, and its limits. */
#include "check.h"
#include "session.h"

#include <stdlib.h>

static session s;

/* What was decoded, as text: `event|data|id` and `retry` for each event, `bad` for a bad one. */
typedef struct decoding {
    char text[4096];
    size_t len;
    uint64_t covered_bytes; /* Of events, one behind the other. */
} decoding;

static void put(decoding *self, const char *bytes, size_t len) {
    if (self->len + len >= sizeof self->text) abort();
    memcpy(self->text + self->len, bytes, len);
    self->len += len;
    self->text[self->len] = '\0';
}

static void put_text(decoding *self, scopeflow_bytes text) {
    put(self, text.ptr, text.len);
}

static void put_item(decoding *self, const scopeflow_sse_item *item) {
    char number[32];
    CHECK(item->offset_bytes == self->covered_bytes);
    self->covered_bytes += item->size_bytes;
    if (item->item == SCOPEFLOW_SSE_ITEM_KIND_BAD_EVENT) {
        put(self, "bad;", 4);
        return;
    }
    put_text(self, item->event);
    put(self, "|", 1);
    put_text(self, item->data);
    put(self, "|", 1);
    put_text(self, item->last_id);
    if (item->has_retry) {
        int const len =
            snprintf(number, sizeof number, "|%llu", (unsigned long long)item->retry_ms);
        put(self, number, (size_t)len);
    }
    put(self, ";", 1);
}

static scopeflow_sse_decoder *new_decoder(uint32_t line_limit) {
    scopeflow_sse_decoder_new_options options = SCOPEFLOW_SSE_DECODER_NEW_OPTIONS_INIT;
    scopeflow_sse_decoder *decoder = NULL;
    options.runtime = s.runtime;
    if (line_limit != 0) options.line_limit_bytes = line_limit;
    CHECK(scopeflow_sse_decoder_new(&options, &decoder, NULL) == SCOPEFLOW_STATUS_OK);
    return decoder;
}

static void read_on(scopeflow_sse_decoder *decoder, decoding *out) {
    scopeflow_sse_item item;
    for (;;) {
        CHECK(scopeflow_sse_decoder_next(decoder, &item, NULL) == SCOPEFLOW_STATUS_OK);
        if (item.item == SCOPEFLOW_SSE_ITEM_KIND_MORE || item.item == SCOPEFLOW_SSE_ITEM_KIND_END)
            return;
        put_item(out, &item);
    }
}

/* Fed in the pieces [0, first), [first, second) and what is left. */
static void decode_pieces(const char *text, size_t len, size_t first, size_t second, uint32_t limit,
                          decoding *out) {
    size_t const ends[] = {first, second, len};
    scopeflow_sse_decoder *const decoder = new_decoder(limit);
    size_t at = 0;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < 3; i++) {
        scopeflow_bytes const piece = {text + at, ends[i] - at};
        CHECK(scopeflow_sse_decoder_feed(decoder, piece, NULL) == SCOPEFLOW_STATUS_OK);
        read_on(decoder, out);
        at = ends[i];
    }
    CHECK(scopeflow_sse_decoder_finish(decoder, NULL) == SCOPEFLOW_STATUS_OK);
    read_on(decoder, out);
    scopeflow_sse_decoder_free(decoder);
}

/* In every two cuts. */
static bool decodes(const char *text, size_t len, uint32_t limit, const char *expected) {
    static decoding out;
    for (size_t first = 0; first <= len; first++)
        for (size_t second = first; second <= len; second++) {
            decode_pieces(text, len, first, second, limit, &out);
            if (strcmp(out.text, expected) == 0) continue;
            fprintf(stderr, "cut at %zu and %zu: %s\n", first, second, out.text);
            return false;
        }
    return true;
}

#define DECODES(text, expected) decodes(text, sizeof(text) - 1, 0, expected)

static void lines_end_in_three_ways(void) {
    CHECK(DECODES("data: a\n\ndata: b\r\rdata: c\r\n\r\n", "message|a|;message|b|;message|c|;"));
    CHECK(DECODES("data: a\r\n\n\r\ndata: b\n\r", "message|a|;message|b|;"));
    CHECK(DECODES("data: a\rdata: b\r\n\r", "message|a\nb|;"));
}

static void a_mark_stands_at_the_beginning_only(void) {
    CHECK(DECODES("\xEF\xBB\xBF"
                  "data: a\n\n",
                  "message|a|;"));
    CHECK(DECODES("\xEF\xBB\xBF\xEF\xBB\xBF"
                  "data: a\n\ndata: b\n\n",
                  "message|b|;"));
    CHECK(DECODES("\xEF\xBB", ""));
}

static void fields_as_the_rules_say(void) {
    CHECK(DECODES("event: e\ndata:x\ndata:  y\ndata\nfoo: z\n: c\n\n", "e|x\n y\n|;"));
    CHECK(DECODES("data\n\ndata\ndata\n\n", "message||;message|\n|;"));
    CHECK(DECODES("event: e\n\ndata: a\n\n", "message|a|;"));
    CHECK(DECODES("id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
                  "message|a|1;message|b|1;message|c|;"));
    CHECK(DECODES("id: 1\n\nid: x\0y\ndata: a\n\n", "message|a|1;"));
    CHECK(DECODES("retry: 12\nretry: x3\nretry:\ndata: a\n\n", "message|a||12;"));
    CHECK(DECODES("data: a", ""));
    CHECK(DECODES("data: a\n", ""));
}

static void text_is_mended_and_may_be_cut(void) {
    CHECK(DECODES("data: \xE2\x82\xAC\n\n", "message|\xE2\x82\xAC|;"));
    CHECK(DECODES("event: \xFF\ndata: \xE2\x82\n\n", "\xEF\xBF\xBD|\xEF\xBF\xBD|;"));
}

static void what_is_beyond_the_limit_is_skipped(void) {
    char text[256] = "data: ";
    memset(text + 6, 'x', 80);
    strcpy(text + 86, "\ndata: y\n\ndata: z\n\n");
    CHECK(decodes(text, strlen(text), 64, "bad;message|z|;"));
    strcpy(text,
           "data: 0123456789012345678901234567890\ndata: 012345678901234567890123456789012\n\n"
           "data: z\n\n");
    CHECK(decodes(text, strlen(text), 64, "bad;message|z|;"));
}

/* An endless line without an end takes no more memory than the limit. */
static void an_endless_line_is_not_kept(void) {
    static char piece[65536];
    scopeflow_sse_decoder *const decoder = new_decoder(1024);
    scopeflow_bytes const chunk = {piece, sizeof piece};
    scopeflow_sse_item item;
    memset(piece, 'x', sizeof piece);
    for (size_t i = 0; i < 1000; i++) {
        CHECK(scopeflow_sse_decoder_feed(decoder, chunk, NULL) == SCOPEFLOW_STATUS_OK);
        CHECK(scopeflow_sse_decoder_next(decoder, &item, NULL) == SCOPEFLOW_STATUS_OK);
        CHECK(item.item == SCOPEFLOW_SSE_ITEM_KIND_MORE);
    }
    scopeflow_sse_decoder_free(decoder);
}

static void out_of_turn_is_refused(void) {
    scopeflow_sse_decoder *const decoder = new_decoder(0);
    scopeflow_bytes const chunk = session_text("data: a\n\n");
    CHECK(scopeflow_sse_decoder_feed(decoder, chunk, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_sse_decoder_feed(decoder, chunk, NULL) == SCOPEFLOW_STATUS_INVALID_STATE);
    CHECK(scopeflow_sse_decoder_finish(decoder, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_sse_decoder_feed(decoder, chunk, NULL) == SCOPEFLOW_STATUS_INVALID_STATE);
    scopeflow_sse_decoder_free(decoder);
}

int main(void) {
    static const test tests[] = {
        {"lines end in three ways", lines_end_in_three_ways},
        {"a mark stands at the beginning only", a_mark_stands_at_the_beginning_only},
        {"fields as the rules say", fields_as_the_rules_say},
        {"text is mended and may be cut", text_is_mended_and_may_be_cut},
        {"what is beyond the limit is skipped", what_is_beyond_the_limit_is_skipped},
        {"an endless line is not kept", an_endless_line_is_not_kept},
        {"out of turn is refused", out_of_turn_is_refused},
    };
    session_init(&s);
    int const failed = RUN_TESTS(tests);
    return failed + !session_deinit(&s);
}
