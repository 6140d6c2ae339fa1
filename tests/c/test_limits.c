/* Hostile input and its limits (S7.4), row by row as docs/limits.md has them; test_limits.py sees
 * to it that none is missing. Each is tried on both sides of the limit. */
#include "check.h"
#include "session.h"

#include <stdlib.h>

static session s;
static scopeflow_error error;

/* --- Texts of any length --- */

enum { MOST = 70000 };
static char letters[MOST];

static scopeflow_bytes text_of(size_t len) {
    scopeflow_bytes const text = {letters, len};
    return text;
}

/* `count` arrays inside each other. */
static scopeflow_ref nested(size_t count) {
    char text[2048];
    memset(text, '[', count);
    memset(text + count, ']', count);
    return object_ref(object_new_json(&s.host, text, 2 * count));
}

/* --- What becomes of a payload --- */

static scopeflow_status mark_with(session *self, scopeflow_bytes name, scopeflow_ref data) {
    scopeflow_scope_event_options options = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.name = name;
    options.emitter = &self->emitter;
    options.data = data;
    scopeflow_status const status =
        scopeflow_scope_event(self->runtime, &options, &task, &step, &error);
    if (status == SCOPEFLOW_STATUS_OK) (void)session_drive(self, &task, &step);
    if (data != 0) object_release(object_of(data));
    return status;
}

static bool newest_has(const session *self, const char *text) {
    return strstr(self->lines[(self->line_count - 1) % SESSION_LINES], text) != NULL;
}

static bool payload_gives(scopeflow_ref data, const char *text) {
    return mark_with(&s, text_of(1), data) == SCOPEFLOW_STATUS_OK && newest_has(&s, text);
}

static void payload_depth(void) {
    CHECK(payload_gives(nested(128), "[[[[]]]]") && !newest_has(&s, "$depth"));
    CHECK(payload_gives(nested(129), "[{\"$depth\":128}]"));
}

static void payload_bytes(void) {
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    scopeflow_runtime *made = NULL;
    CHECK(options.payload_budget_bytes == 1048576);
    options.payload_budget_bytes = 63;
    CHECK(scopeflow_runtime_new(NULL, &options, &made, &error) ==
          SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    char *const text = (char *)malloc(1048576 + 64);
    if (text == NULL) abort();
    memset(text, 'a', 1048576 + 64);
    memcpy(text, "[\"", 2);
    memcpy(text + 1048576 + 62, "\"]", 2);
    CHECK(payload_gives(object_ref(object_new_json(&s.host, text, 1048576 + 64)),
                        "{\"$truncated\":1048576}"));
    free(text);
}

static void payload_cycle(void) {
    CHECK(payload_gives(object_ref(object_new_fixture(&s.host, "cycle")), "\"$cycle\":"));
}

static void payload_foreign(void) {
    CHECK(payload_gives(object_ref(object_new_fixture(&s.host, "bytes")), "\"$bytes\":"));
    CHECK(payload_gives(object_ref(object_new_fixture(&s.host, "not_finite")), "null"));
}

static void payload_encoding(void) {
    CHECK(payload_gives(object_ref(object_new_fixture(&s.host, "surrogate")), "\xEF\xBF\xBD"));
}

/* --- Names --- */

static void name_bytes(void) {
    CHECK(mark_with(&s, text_of(65535), 0) == SCOPEFLOW_STATUS_OK);
    size_t const line_count = s.line_count;
    CHECK(mark_with(&s, text_of(65536), 0) == SCOPEFLOW_STATUS_LIMIT_EXCEEDED);
    CHECK(strstr(error.message, "65535") != NULL && s.line_count == line_count);
}

static void name_encoding(void) {
    CHECK(mark_with(&s, session_text("ab\xFF"), 0) == SCOPEFLOW_STATUS_INVALID_UTF8);
    CHECK(strstr(error.message, "not valid UTF-8") != NULL);
}

static void handed_over_text(void) {
    CHECK(payload_gives(nested(129), "[{\"$depth\":128}]"));
    CHECK(payload_gives(session_json(&s, "{\"no"), "\"data\":\"{\\\"no\""));
}

/* --- Event files --- */

/* What the reader says of one line. */
static scopeflow_atof_item read_line(scopeflow_bytes line, uint32_t line_limit, uint32_t depth) {
    scopeflow_atof_reader_new_options options = SCOPEFLOW_ATOF_READER_NEW_OPTIONS_INIT;
    scopeflow_atof_reader *reader = NULL;
    scopeflow_atof_item item;
    options.runtime = s.runtime;
    if (line_limit != 0) options.line_limit_bytes = line_limit;
    if (depth != 0) options.depth_limit = depth;
    CHECK(scopeflow_atof_reader_new(&options, &reader, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_atof_reader_feed(reader, line, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_atof_reader_finish(reader, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_atof_reader_next(reader, &item, NULL) == SCOPEFLOW_STATUS_OK);
    scopeflow_atof_reader_free(reader); /* The texts of the item are gone; its numbers are not. */
    return item;
}

static void line_bytes(void) {
    scopeflow_atof_reader_new_options const options = SCOPEFLOW_ATOF_READER_NEW_OPTIONS_INIT;
    CHECK(options.line_limit_bytes == 16777216);
    CHECK(read_line(text_of(65), 64, 0).problem == SCOPEFLOW_STATUS_LIMIT_EXCEEDED);
    CHECK(read_line(text_of(64), 64, 0).problem == SCOPEFLOW_STATUS_INVALID_JSON);
}

static void line_depth(void) {
    static const char line[] = "{\"a\":[[]]}";
    scopeflow_atof_reader_new_options const options = SCOPEFLOW_ATOF_READER_NEW_OPTIONS_INIT;
    CHECK(options.depth_limit == 512);
    CHECK(read_line(session_text(line), 0, 2).problem == SCOPEFLOW_STATUS_LIMIT_EXCEEDED);
    CHECK(read_line(session_text(line), 0, 3).problem == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
}

static void line_content(void) {
    CHECK(read_line(session_text("{\"a\xFF\":1}"), 0, 0).item == SCOPEFLOW_ATOF_ITEM_KIND_BAD_LINE);
    scopeflow_atof_item const item = read_line(session_text("\n\n{}"), 0, 0);
    CHECK(item.item == SCOPEFLOW_ATOF_ITEM_KIND_BAD_LINE && item.line_number == 3);
    CHECK(item.offset_bytes == 2);
}

/* --- Propagation --- */

static scopeflow_status adopt(scopeflow_bytes text) {
    scopeflow_scope *scope = NULL;
    scopeflow_status const status = scopeflow_propagation_adopt(s.runtime, text, &scope, &error);
    scopeflow_scope_release(scope);
    return status;
}

static void propagation_bytes(void) {
    CHECK(adopt(text_of(4096)) == SCOPEFLOW_STATUS_INVALID_JSON);
    CHECK(adopt(text_of(4097)) == SCOPEFLOW_STATUS_LIMIT_EXCEEDED);
}

static void propagation_content(void) {
    CHECK(adopt(session_text("{\"version\":2}")) == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(strstr(error.message, "version is not 1") != NULL);
}

/* --- Options --- */

static scopeflow_status new_with_headers(scopeflow_bytes headers) {
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    scopeflow_runtime *made = NULL;
    options.credential_headers = headers;
    scopeflow_status const status = scopeflow_runtime_new(NULL, &options, &made, &error);
    scopeflow_runtime_free(made);
    return status;
}

static void credential_headers(void) {
    char names[130];
    for (size_t i = 0; i < sizeof names; i += 2) memcpy(names + i, "a,", 2);
    scopeflow_bytes const most = {names, 127};
    scopeflow_bytes const more = {names, 129};
    CHECK(new_with_headers(most) == SCOPEFLOW_STATUS_OK);
    CHECK(new_with_headers(more) == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(new_with_headers(text_of(65535)) == SCOPEFLOW_STATUS_OK);
    CHECK(new_with_headers(text_of(65536)) == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
}

static void path_bytes(void) {
    scopeflow_atof_sink_open_options options = SCOPEFLOW_ATOF_SINK_OPEN_OPTIONS_INIT;
    scopeflow_atof_sink *sink = NULL;
    options.path = text_of(65536);
    CHECK(scopeflow_atof_sink_open(&options, &sink, &error) == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    options.path = text_of(65535); /* The system has a say on this one. */
    CHECK(scopeflow_atof_sink_open(&options, &sink, &error) == SCOPEFLOW_STATUS_INVALID_STATE ||
          error.status != SCOPEFLOW_STATUS_OK);
}

/* --- Queues --- */

/* What is emitted while a subscriber runs waits on its thread. */
static void waiting_events(void) {
    scopeflow_scope_event_options options = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    scopeflow_runtime_stats stats;
    scopeflow_task task;
    scopeflow_task inner;
    scopeflow_step step;
    scopeflow_step inner_step;
    session other;
    session_init(&other);
    session_subscribe(&other, "log");
    options.name = text_of(1);
    options.emitter = &other.emitter;
    CHECK(scopeflow_scope_event(other.runtime, &options, &task, &step, NULL) ==
          SCOPEFLOW_STATUS_OK);
    for (int i = 0; i < 1025; i++)
        CHECK(scopeflow_scope_event(other.runtime, &options, &inner, &inner_step, NULL) ==
              SCOPEFLOW_STATUS_OK);
    CHECK(session_drive(&other, &task, &step) == SCOPEFLOW_STEP_KIND_DONE);
    CHECK(other.line_count == 1025);
    CHECK(scopeflow_runtime_read_stats(other.runtime, &stats, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(stats.dropped_event_count == 1);
    CHECK(session_deinit(&other));
}

/* What happens when they are full is the matter of test_sink_queue.c. */
static void queued_events(void) {
    scopeflow_atof_sink_open_options options = SCOPEFLOW_ATOF_SINK_OPEN_OPTIONS_INIT;
    scopeflow_atof_sink *sink = NULL;
    CHECK(options.queue_limit_bytes == 8388608 && options.queue_event_limit == 65536);
    CHECK(options.spill_limit_bytes == 1073741824);
    options.path = session_text("events");
    options.queue_limit_bytes = 4095;
    CHECK(scopeflow_atof_sink_open(&options, &sink, &error) == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
}

/* --- Errors --- */

static void error_bytes(void) {
    scopeflow_ref const callable = object_ref(object_new_callable(&s.host, NULL));
    CHECK(scopeflow_register_subscriber(s.runtime, text_of(65536), callable, 0, &error) ==
          SCOPEFLOW_STATUS_LIMIT_EXCEEDED);
    CHECK(error.message_len_bytes <= 247 && strlen(error.message) == error.message_len_bytes);
    object_release(object_of(callable));
}

/* One that fails for each of ten events leaves eight messages. */
static void kept_messages(void) {
    scopeflow_error kept;
    session other;
    session_init(&other);
    session_subscribe(&other, "fails");
    for (int i = 0; i < 10; i++) {
        scopeflow_scope_event_options options = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
        scopeflow_task task;
        scopeflow_step step;
        scopeflow_answer answer;
        memset(&answer, 0, sizeof answer);
        answer.kind = SCOPEFLOW_ANSWER_KIND_ERROR;
        answer.value = object_ref(object_new_error(&other.host, "E", "no"));
        options.name = text_of(1);
        CHECK(scopeflow_scope_event(other.runtime, &options, &task, &step, NULL) ==
              SCOPEFLOW_STATUS_OK);
        CHECK(scopeflow_task_resume(&task, &answer, &step, NULL) == SCOPEFLOW_STATUS_OK);
    }
    CHECK(scopeflow_runtime_last_error(other.runtime, 7, &kept, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(kept.message_len_bytes > 0);
    CHECK(scopeflow_runtime_last_error(other.runtime, 8, &kept, NULL) != SCOPEFLOW_STATUS_OK ||
          kept.message_len_bytes == 0);
    CHECK(session_deinit(&other));
}

static scopeflow_sse_item_kind kind_of_event(const char *text) {
    scopeflow_sse_decoder_new_options options = SCOPEFLOW_SSE_DECODER_NEW_OPTIONS_INIT;
    scopeflow_sse_decoder *decoder = NULL;
    scopeflow_sse_item item;
    options.runtime = s.runtime;
    options.line_limit_bytes = 64;
    CHECK(scopeflow_sse_decoder_new(&options, &decoder, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_sse_decoder_feed(decoder, session_text(text), NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_sse_decoder_next(decoder, &item, NULL) == SCOPEFLOW_STATUS_OK);
    scopeflow_sse_decoder_free(decoder);
    return item.item;
}

static void event_line(void) {
    char text[96] = "data: ";
    memset(text + 6, 'x', 58);
    memcpy(text + 64, "\n\n", 3);
    CHECK(kind_of_event(text) == SCOPEFLOW_SSE_ITEM_KIND_EVENT);
    memcpy(text + 64, "x\n\n", 4);
    CHECK(kind_of_event(text) == SCOPEFLOW_SSE_ITEM_KIND_BAD_EVENT);
}

static void gathered_bytes(void) {
    scopeflow_codec_stream_new_options options = SCOPEFLOW_CODEC_STREAM_NEW_OPTIONS_INIT;
    scopeflow_codec_stream *stream = NULL;
    scopeflow_status status = SCOPEFLOW_STATUS_OK;
    scopeflow_ref const chunk =
        session_json(&s, "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"0123456789\"}}]}");
    size_t count = 0;
    options.runtime = s.runtime;
    options.memory_limit_bytes = 65536;
    CHECK(scopeflow_codec_stream_new(&options, &stream, NULL) == SCOPEFLOW_STATUS_OK);
    for (; count < 100000 && status == SCOPEFLOW_STATUS_OK; count++)
        status = scopeflow_codec_stream_feed(stream, chunk, NULL);
    CHECK(status == SCOPEFLOW_STATUS_LIMIT_EXCEEDED && count > 500);
    CHECK(scopeflow_codec_stream_feed(stream, chunk, NULL) == SCOPEFLOW_STATUS_LIMIT_EXCEEDED);
    scopeflow_codec_stream_free(stream);
    object_release(object_of(chunk));
}

int main(void) {
    static const test tests[] = {
        {"a payload in an event: containers inside containers", payload_depth},
        {"a payload in an event: bytes of its JSON text", payload_bytes},
        {"a payload in an event: a container that holds itself", payload_cycle},
        {"a payload in an event: what JSON cannot carry", payload_foreign},
        {"a payload in an event: lone surrogates, invalid UTF-8", payload_encoding},
        {"names of scopes: bytes", name_bytes},
        {"names of scopes: encoding", name_encoding},
        {"JSON text that a host hands over: containers inside containers", handed_over_text},
        {"an event file (`atof_reader`): bytes of a line", line_bytes},
        {"an event file (`atof_reader`): containers inside containers", line_depth},
        {"an event file (`atof_reader`): no JSON, no UTF-8, JSON that is no event", line_content},
        {"server-sent events (`sse_decoder`): bytes of a line or of an event's data", event_line},
        {"a response that a codec puts together (`codec_stream`): bytes that are held",
         gathered_bytes},
        {"a propagation string (`propagation_adopt`): bytes", propagation_bytes},
        {"a propagation string (`propagation_adopt`): version, lengths, digits, zeros",
         propagation_content},
        {"the list of credential headers: names, bytes", credential_headers},
        {"the path of an event file: bytes", path_bytes},
        {"events that wait on one thread while a subscriber runs: count", waiting_events},
        {"events that wait for the file (`atof_sink`): bytes, count", queued_events},
        {"text of an error that an operation reports: bytes", error_bytes},
        {"messages kept for `last_error`: count", kept_messages},
    };
    memset(letters, 'n', sizeof letters);
    session_init(&s);
    session_subscribe(&s, "log");
    int const failed = RUN_TESTS(tests);
    return failed + !session_deinit(&s);
}
