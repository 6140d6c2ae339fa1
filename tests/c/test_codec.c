/* Codecs from C (ADR 0023): `test_codec requests.json responses.json streams.json prices.json`
 * replays tests/codecs, with every allocation failing in turn, and what stands in no vector. */
#include "check.h"
#include "json_writer.h"
#include "session.h"

#include <stdlib.h>

static const json *requests;
static const json *responses;
static const json *streams;
static const json *prices;
static session s;

static const char *const codec_names[] = {"auto", "openai_chat", "openai_responses",
                                          "anthropic_messages", "gemini_generate_content"};

static scopeflow_codec_id codec_of(const json *item) {
    scopeflow_codec_id codec = 4;
    while (codec > 0 && !json_is(json_get(item, "codec"), codec_names[codec])) codec--;
    return codec;
}

/* A payload of the host's with this value. */
static scopeflow_ref payload_of(const json *value) {
    json_writer text = {0};
    json_put_value(&text, value);
    scopeflow_ref const ref = session_json(&s, text.text);
    free(text.text);
    return ref;
}

/* Whether the output is this value, member by member in the same order; gives it back. */
static bool makes(scopeflow_codec_output *output, const json *expected) {
    json_writer text = {0};
    scopeflow_bytes made;
    json_put_value(&text, expected);
    CHECK(scopeflow_codec_output_json(output, &made, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_codec_output_tokens(output).len > 0);
    const json *const read = json_read(made.ptr, made.len);
    json_writer again = {0};
    json_put_value(&again, read);
    bool const is_same = strcmp(again.text, text.text) == 0 || json_same(read, expected);
    if (!is_same) fprintf(stderr, "made:\n%s\nexpected:\n%s\n", again.text, text.text);
    json_free(read);
    free(again.text);
    free(text.text);
    scopeflow_codec_output_free(output);
    return is_same;
}

/* --- Vectors --- */

static void decode_the_request(const json *item) {
    scopeflow_ref const content = payload_of(json_get(item, "content"));
    scopeflow_codec_output *output = NULL;
    CHECK(scopeflow_codec_decode_request(s.runtime, codec_of(item), content, &output, NULL) ==
          SCOPEFLOW_STATUS_OK);
    CHECK(makes(output, json_get(item, "annotated")));
    object_release(object_of(content));
}

static void requests_are_decoded(void) {
    CHECK(json_count(requests) >= 8);
    for (const json *item = requests->first; item != NULL; item = item->next)
        decode_the_request(item);
}

static void responses_are_decoded(void) {
    CHECK(json_count(responses) >= 9);
    for (const json *item = responses->first; item != NULL; item = item->next) {
        scopeflow_ref const response = payload_of(json_get(item, "response"));
        scopeflow_codec_output *output = NULL;
        CHECK(scopeflow_codec_decode_response(s.runtime, codec_of(item), response, &output, NULL) ==
              SCOPEFLOW_STATUS_OK);
        CHECK(makes(output, json_get(item, "annotated")));
        object_release(object_of(response));
    }
}

static scopeflow_status edit(const json *item, scopeflow_ref annotated,
                             scopeflow_codec_output **out, scopeflow_error *error) {
    scopeflow_ref const content = payload_of(json_get(item, "content"));
    scopeflow_status const status =
        scopeflow_codec_edit_request(s.runtime, codec_of(item), annotated, content, out, error);
    object_release(object_of(content));
    return status;
}

static void nothing_edited_is_no_edit(void) {
    const json *const none = json_read("[]", 2);
    for (const json *item = requests->first; item != NULL; item = item->next) {
        scopeflow_ref const annotated = payload_of(json_get(item, "annotated"));
        scopeflow_codec_output *output = NULL;
        CHECK(edit(item, annotated, &output, NULL) == SCOPEFLOW_STATUS_OK);
        CHECK(makes(output, none));
        object_release(object_of(annotated));
    }
    json_free(none);
}

/* Steps with `/` between them, as json_put_changed takes them. */
static void write_path(const json *steps, char out[256]) {
    out[0] = '\0';
    for (const json *step = steps->first; step != NULL; step = step->next) {
        strncat(out, step->text, 255 - strlen(out));
        if (step->next != NULL) strncat(out, "/", 255 - strlen(out));
    }
}

/* The annotated form of the case with what an edit of it sets; null for one that appends. */
static char *changed_form(const json *item, const json *change) {
    json_writer text = {0};
    json_put_value(&text, json_get(item, "annotated"));
    for (const json *one = json_get(change, "set")->first; one != NULL; one = one->next) {
        char path[256];
        json_writer next = {0};
        const json *const document = json_read(text.text, text.len);
        write_path(one->first, path);
        bool const is_changed = json_put_changed(&next, document, path, one->first->next);
        json_free(document);
        free(text.text);
        text = next;
        if (is_changed) continue;
        free(text.text);
        return NULL;
    }
    return text.text;
}

/* An edit that is refused names its path; that of others is told by applying them, which is the
 * host's part and is done by the tests of Python. */
static void edits_are_told_or_refused(void) {
    size_t told_count = 0;
    for (const json *item = requests->first; item != NULL; item = item->next) {
        const json *change = json_get(item, "edits")->first;
        for (; change != NULL; change = change->next) {
            char *const text = changed_form(item, change);
            if (text == NULL) continue;
            told_count++;
            scopeflow_ref const annotated = session_json(&s, text);
            scopeflow_codec_output *output = NULL;
            scopeflow_error error;
            scopeflow_status const status = edit(item, annotated, &output, &error);
            const char *const path = json_text(json_get(change, "path"), NULL);
            CHECK(status ==
                  (path == NULL ? SCOPEFLOW_STATUS_OK : SCOPEFLOW_STATUS_INVALID_ARGUMENT));
            if (path != NULL) CHECK(strstr(error.message, path) != NULL);
            scopeflow_codec_output_free(output);
            object_release(object_of(annotated));
            free(text);
        }
    }
    CHECK(told_count >= 10);
}

/* --- Memory --- */

/* One operation, with the given allocation failing; whether it was reached. */
static bool survives(scopeflow_ref content, scopeflow_ref annotated, size_t failing) {
    scopeflow_codec_output *output = NULL;
    scopeflow_error error;
    scopeflow_bytes text;
    size_t const before = s.host.block_count;
    s.host.failing_allocation = s.host.allocation_count + failing;
    scopeflow_status status = scopeflow_codec_edit_request(s.runtime, SCOPEFLOW_CODEC_ID_AUTO,
                                                           annotated, content, &output, &error);
    if (status == SCOPEFLOW_STATUS_OK) status = scopeflow_codec_output_json(output, &text, &error);
    s.host.failing_allocation = 0;
    scopeflow_codec_output_free(output);
    CHECK(s.host.block_count == before);
    CHECK(status == SCOPEFLOW_STATUS_OK || status == SCOPEFLOW_STATUS_NO_MEMORY);
    return status == SCOPEFLOW_STATUS_NO_MEMORY;
}

static void no_memory_costs_nothing_else(void) {
    scopeflow_ref const content = session_json(&s, "{\"messages\":[1,2,{\"role\":\"user\"}]}");
    scopeflow_ref const annotated =
        session_json(&s, "{\"messages\":[1,{\"role\":\"x\"}],\"model\":\"m\"}");
    size_t failing = 1;
    while (survives(content, annotated, failing)) failing++;
    CHECK(failing > 3);
    object_release(object_of(content));
    object_release(object_of(annotated));
}

/* --- Streams --- */

static scopeflow_status gather(const json *item, scopeflow_codec_output **out_output) {
    scopeflow_codec_stream_new_options options = SCOPEFLOW_CODEC_STREAM_NEW_OPTIONS_INIT;
    scopeflow_codec_stream *stream = NULL;
    const json *chunk = json_get(item, "chunks")->first;
    options.runtime = s.runtime;
    scopeflow_status status = scopeflow_codec_stream_new(&options, &stream, NULL);
    for (; chunk != NULL && status == SCOPEFLOW_STATUS_OK; chunk = chunk->next) {
        scopeflow_ref const payload = payload_of(chunk);
        status = scopeflow_codec_stream_feed(stream, payload, NULL);
        object_release(object_of(payload));
    }
    if (status == SCOPEFLOW_STATUS_OK)
        status = scopeflow_codec_stream_finish(stream, out_output, NULL);
    scopeflow_codec_stream_free(stream);
    return status;
}

static void streams_come_to_the_response(void) {
    CHECK(json_count(streams) >= 6);
    for (const json *item = streams->first; item != NULL; item = item->next) {
        scopeflow_codec_output *output = NULL;
        CHECK(gather(item, &output) == SCOPEFLOW_STATUS_OK);
        CHECK(makes(output, json_get(item, "response")));
    }
}

static void no_memory_for_a_stream(void) {
    for (const json *item = streams->first; item != NULL; item = item->next) {
        scopeflow_status status = SCOPEFLOW_STATUS_NO_MEMORY;
        for (size_t failing = 1; status == SCOPEFLOW_STATUS_NO_MEMORY; failing++) {
            scopeflow_codec_output *output = NULL;
            size_t const before = s.host.block_count;
            s.host.failing_allocation = s.host.allocation_count + failing;
            status = gather(item, &output);
            s.host.failing_allocation = 0;
            scopeflow_codec_output_free(output);
            CHECK(s.host.block_count == before);
        }
        CHECK(status == SCOPEFLOW_STATUS_OK);
    }
}

/* --- Prices --- */

static scopeflow_status set_prices(const json *catalogues, scopeflow_error *error) {
    scopeflow_ref const given = payload_of(catalogues);
    scopeflow_status const status = scopeflow_codec_set_prices(s.runtime, given, error);
    object_release(object_of(given));
    return status;
}

static void take_prices_away(void) {
    CHECK(scopeflow_codec_set_prices(s.runtime, 0, NULL) == SCOPEFLOW_STATUS_OK);
}

/* What is said of the cost, or nothing. */
static const json *cost_in(scopeflow_codec_output *output, const json **out_read) {
    scopeflow_bytes made;
    CHECK(scopeflow_codec_output_json(output, &made, NULL) == SCOPEFLOW_STATUS_OK);
    *out_read = json_read(made.ptr, made.len);
    return json_get(json_get(*out_read, "usage"), "cost");
}

static void costs_are_told(void) {
    const json *const cases = json_get(prices, "costs");
    CHECK(set_prices(json_get(prices, "catalogues"), NULL) == SCOPEFLOW_STATUS_OK);
    for (size_t i = 0; i < json_count(cases); i++) {
        const json *const item = json_at(cases, i);
        const json *const expected = json_get(item, "cost");
        const json *read = NULL;
        scopeflow_ref const response = payload_of(json_get(item, "response"));
        scopeflow_codec_output *output = NULL;
        CHECK(scopeflow_codec_decode_response(s.runtime, codec_of(item), response, &output, NULL) ==
              SCOPEFLOW_STATUS_OK);
        const json *const cost = cost_in(output, &read);
        bool const is_right = cost == NULL ? json_count(expected) == 0 : json_same(cost, expected);
        if (!is_right) fprintf(stderr, "cost of %zu differs\n", i);
        CHECK(is_right);
        json_free(read);
        scopeflow_codec_output_free(output);
        object_release(object_of(response));
    }
    take_prices_away();
}

static void wrong_prices_are_refused_and_change_nothing(void) {
    const json *const refused = json_get(prices, "refused");
    for (size_t i = 0; i < json_count(refused); i++) {
        scopeflow_error error;
        const char *const message = json_text(json_get(json_at(refused, i), "message"), NULL);
        CHECK(set_prices(json_get(json_at(refused, i), "catalogues"), &error) ==
              SCOPEFLOW_STATUS_INVALID_ARGUMENT);
        if (strstr(error.message, message) == NULL) fprintf(stderr, "%s\n", error.message);
        CHECK(strstr(error.message, message) != NULL);
    }
}

static void no_memory_for_prices(void) {
    scopeflow_ref const given = payload_of(json_get(prices, "catalogues"));
    scopeflow_status status = SCOPEFLOW_STATUS_NO_MEMORY;
    for (size_t failing = 1; status == SCOPEFLOW_STATUS_NO_MEMORY; failing++) {
        s.host.failing_allocation = s.host.allocation_count + failing;
        status = scopeflow_codec_set_prices(s.runtime, given, NULL);
    }
    s.host.failing_allocation = 0;
    CHECK(status == SCOPEFLOW_STATUS_OK);
    object_release(object_of(given));
    take_prices_away();
}

/* --- What is told apart --- */

static scopeflow_codec_id detected(const char *content, const char *hint, bool is_response) {
    scopeflow_ref const payload = session_json(&s, content);
    scopeflow_codec_id codec = SCOPEFLOW_CODEC_ID_AUTO;
    CHECK((is_response ? scopeflow_codec_detect_response(s.runtime, payload, &codec, NULL)
                       : scopeflow_codec_detect_request(s.runtime, payload, session_text(hint),
                                                        &codec, NULL)) == SCOPEFLOW_STATUS_OK);
    object_release(object_of(payload));
    return codec;
}

static void a_hint_tells_what_the_payload_does_not(void) {
    const char *const plain = "{\"messages\":[]}";
    CHECK(detected(plain, "", false) == SCOPEFLOW_CODEC_ID_OPENAI_CHAT);
    CHECK(detected(plain, "Anthropic.messages", false) == SCOPEFLOW_CODEC_ID_ANTHROPIC_MESSAGES);
    CHECK(detected("{\"messages\":[],\"model\":\"claude-x\"}", "", false) ==
          SCOPEFLOW_CODEC_ID_ANTHROPIC_MESSAGES);
    CHECK(detected("{\"input\":\"a\"}", "anthropic", false) == SCOPEFLOW_CODEC_ID_OPENAI_RESPONSES);
    CHECK(detected("{}", "openai", false) == SCOPEFLOW_CODEC_ID_AUTO);
    CHECK(detected("[1]", "", false) == SCOPEFLOW_CODEC_ID_AUTO);
    CHECK(detected("\"{\\\"messages\\\":\"", "", false) == SCOPEFLOW_CODEC_ID_AUTO);
    CHECK(detected("{\"type\":\"error\",\"error\":{}}", "", true) ==
          SCOPEFLOW_CODEC_ID_ANTHROPIC_MESSAGES);
    CHECK(detected("{\"result\":1}", "", true) == SCOPEFLOW_CODEC_ID_AUTO);
}

static void of_a_key_that_stands_twice_the_last_counts(void) {
    const json *const none = json_read("[]", 2);
    const char *const twice =
        "{\"model\":\"a\",\"model\":\"b\",\"odd\":1,\"odd\":2,\"messages\":[]}";
    scopeflow_ref const content = session_json(&s, twice);
    scopeflow_codec_output *output = NULL;
    scopeflow_bytes text;
    CHECK(scopeflow_codec_decode_request(s.runtime, SCOPEFLOW_CODEC_ID_OPENAI_CHAT, content,
                                         &output, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_codec_output_json(output, &text, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(text.len > 28 && memcmp(text.ptr, "{\"messages\":[],\"model\":\"b\",\"o", 28) == 0);
    scopeflow_ref const annotated = object_ref(object_new_json(&s.host, text.ptr, text.len));
    scopeflow_codec_output_free(output);
    CHECK(scopeflow_codec_edit_request(s.runtime, SCOPEFLOW_CODEC_ID_OPENAI_CHAT, annotated,
                                       content, &output, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(makes(output, none));
    object_release(object_of(content));
    object_release(object_of(annotated));
    json_free(none);
}

/* A host whose objects have each key once adds a member, so that there are as many as before. */
static void a_key_that_stands_twice_hides_no_other_member(void) {
    scopeflow_ref const content = session_json(&s, "{\"odd\":2,\"odd\":2,\"messages\":[]}");
    scopeflow_ref const annotated = session_json(&s, "{\"messages\":[],\"model\":\"m\",\"odd\":2}");
    scopeflow_codec_output *output = NULL;
    CHECK(scopeflow_codec_edit_request(s.runtime, SCOPEFLOW_CODEC_ID_OPENAI_CHAT, annotated,
                                       content, &output,
                                       NULL) == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    object_release(object_of(content));
    object_release(object_of(annotated));
}

typedef struct both_edited {
    const char *decoded, *annotated, *request;
    const char *edits; /* Or null where the two collide, */
    const char *path;  /* there. */
} both_edited;

#define HI "{\"role\":\"user\",\"content\":\"hi\"}"
#define HO "{\"role\":\"user\",\"content\":\"ho\"}"
#define HI_FORM "{\"messages\":[" HI "],\"model\":\"m\"}"
#define HI_CONTENT "{\"messages\":[" HI "],\"model\":\"m\"}"

static void edits_go_into_a_request_that_was_edited_itself(void) {
    static const both_edited cases[] = {
        /* Nothing of the form was edited: what was done to the request stays. */
        {HI_CONTENT, HI_FORM, "{\"messages\":[" HO "],\"model\":\"m2\",\"user\":\"u\"}", "[]",
         NULL},
        /* Other members. */
        {HI_CONTENT, "{\"messages\":[" HO "],\"model\":\"m\"}",
         "{\"messages\":[" HI "],\"model\":\"m2\",\"user\":\"u\"}",
         "[[[\"messages\",0,\"content\"],\"set\",\"ho\"]]", NULL},
        /* The same plain member: the form's edit counts. */
        {HI_CONTENT, "{\"messages\":[" HI "],\"model\":\"m3\"}",
         "{\"messages\":[" HO "],\"model\":\"m2\"}", "[[[\"model\"],\"set\",\"m3\"]]", NULL},
        /* Taken out on both sides, or on one. */
        {HI_CONTENT, "{\"messages\":[" HI "]}", "{\"messages\":[" HI "]}", "[]", NULL},
        {HI_CONTENT, "{\"messages\":[" HI "]}", HI_CONTENT, "[[[\"model\"],\"remove\"]]", NULL},
        /* An element has only its place. */
        {HI_CONTENT, "{\"messages\":[" HO "],\"model\":\"m\"}",
         "{\"messages\":[" HI "," HI "],\"model\":\"m\"}", NULL, "messages[0].content"},
        {HI_CONTENT, "{\"messages\":[" HI "," HO "],\"model\":\"m\"}",
         "{\"messages\":[" HO "],\"model\":\"m\"}", NULL, "messages[1]"},
        {HI_CONTENT, "{\"messages\":[" HO "],\"model\":\"m\"}", "{\"model\":\"m\"}", NULL,
         "messages[0].content"},
        {HI_CONTENT, "{\"messages\":[" HO "],\"model\":\"m\"}", "7", NULL, "messages[0].content"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        scopeflow_ref const decoded = session_json(&s, cases[i].decoded);
        scopeflow_ref const annotated = session_json(&s, cases[i].annotated);
        scopeflow_ref const request = session_json(&s, cases[i].request);
        scopeflow_codec_output *output = NULL;
        scopeflow_error error;
        scopeflow_status const status =
            scopeflow_codec_edit_changed_request(s.runtime, SCOPEFLOW_CODEC_ID_OPENAI_CHAT,
                                                 annotated, decoded, request, &output, &error);
        if (cases[i].edits != NULL) {
            const json *const edits = json_read(cases[i].edits, strlen(cases[i].edits));
            CHECK(status == SCOPEFLOW_STATUS_OK && makes(output, edits));
            json_free(edits);
        } else {
            CHECK(status == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
            CHECK(strstr(error.message, cases[i].path) != NULL);
        }
        object_release(object_of(decoded));
        object_release(object_of(annotated));
        object_release(object_of(request));
    }
}

/* --- What an event makes of it (S2.8) --- */

static object *core_codec(scopeflow_codec_id codec) {
    object *const made = object_new_callable(&s.host, NULL);
    made->core_codec = (uint32_t)codec + 1;
    return made;
}

/* The line, which every allocation that it takes has failed for once; nothing else is lost. */
static void keep_line(scopeflow_event *event) {
    scopeflow_bytes line;
    scopeflow_status status = SCOPEFLOW_STATUS_NO_MEMORY;
    for (size_t i = 1; status == SCOPEFLOW_STATUS_NO_MEMORY; i++) {
        s.host.failing_allocation = s.host.allocation_count + i;
        status = scopeflow_event_json(event, SCOPEFLOW_EVENT_PART_LINE, &line, NULL);
    }
    s.host.failing_allocation = 0;
    CHECK(status == SCOPEFLOW_STATUS_OK);
    session_keep_line(&s, event);
}

/* A call with these codecs. Its events are read if they are to be. */
static void call_with(scopeflow_codec_id codec, const char *request, const char *response,
                      bool is_read) {
    scopeflow_llm_execute_options options = SCOPEFLOW_LLM_EXECUTE_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    object *const asked = core_codec(codec);
    options.name = session_text("gpt");
    options.request = session_json(&s, request);
    options.codec = object_ref(asked);
    options.response_codec = object_ref(asked);
    CHECK(scopeflow_llm_execute(s.runtime, &options, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    while (step.kind != SCOPEFLOW_STEP_KIND_RETURN) {
        scopeflow_answer answer;
        memset(&answer, 0, sizeof answer);
        answer.emitter = &s.emitter;
        CHECK(step.kind == SCOPEFLOW_STEP_KIND_DELIVER || step.kind == SCOPEFLOW_STEP_KIND_EXECUTE);
        if (step.kind == SCOPEFLOW_STEP_KIND_EXECUTE) {
            answer.kind = SCOPEFLOW_ANSWER_KIND_VALUE;
            answer.value = session_json(&s, response);
        } else if (is_read) {
            keep_line(step.event);
        }
        CHECK(scopeflow_task_resume(&task, &answer, &step, NULL) == SCOPEFLOW_STATUS_OK);
    }
    object_release(object_of(step.value));
    object_release(object_of(options.request));
    object_release(asked);
}

static const char *const chat_request =
    "{\"headers\":{},\"content\":{\"model\":\"m\",\"messages\":[],\"stream\":true}}";
static const char *const chat_response = "{\"model\":\"n\",\"choices\":[]}";

static void an_event_has_the_annotated_form(void) {
    size_t const at = s.line_count;
    call_with(SCOPEFLOW_CODEC_ID_AUTO, chat_request, chat_response, true);
    CHECK(s.line_count == at + 2);
    CHECK(strstr(s.lines[at], "\"annotated_request\":{\"messages\":[],\"model\":\"m\"") != NULL);
    CHECK(strstr(s.lines[at], "\"model_name\":\"m\"") != NULL);
    CHECK(strstr(s.lines[at], "\"attributes\":[\"streaming\"]") != NULL);
    CHECK(strstr(s.lines[at + 1], "\"annotated_response\":{\"api_specific\"") != NULL);
    CHECK(strstr(s.lines[at + 1], "\"model_name\":\"n\"") != NULL);
}

static void what_cannot_be_decoded_costs_the_annotated_form(void) {
    size_t const at = s.line_count;
    call_with(SCOPEFLOW_CODEC_ID_OPENAI_CHAT, "{\"headers\":{}}", "1", true);
    for (size_t i = at; i < at + 2; i++) {
        CHECK(strstr(s.lines[i], "\"codec.failed\":true") != NULL);
        CHECK(strstr(s.lines[i], "\"category_profile\":{}") != NULL);
    }
    call_with(SCOPEFLOW_CODEC_ID_AUTO, "{\"headers\":{}}", "1", true);
    CHECK(strstr(s.lines[at + 2], "codec.failed") == NULL);
    CHECK(strstr(s.lines[at + 3], "codec.failed") == NULL);
}

static void nothing_is_decoded_for_nobody(void) {
    scopeflow_runtime_stats stats;
    size_t const encoded = s.host.encode_count;
    call_with(SCOPEFLOW_CODEC_ID_OPENAI_CHAT, chat_request, chat_response, false);
    CHECK(s.host.encode_count == encoded);
    CHECK(scopeflow_runtime_read_stats(s.runtime, &stats, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(stats.dropped_event_count == 0);
}

int main(int argc, char **argv) {
    static const test tests[] = {
        {"requests are decoded", requests_are_decoded},
        {"responses are decoded", responses_are_decoded},
        {"nothing edited is no edit", nothing_edited_is_no_edit},
        {"edits are told or refused", edits_are_told_or_refused},
        {"no memory costs nothing else", no_memory_costs_nothing_else},
        {"streams come to the response", streams_come_to_the_response},
        {"no memory for a stream", no_memory_for_a_stream},
        {"costs are told", costs_are_told},
        {"wrong prices are refused and change nothing",
         wrong_prices_are_refused_and_change_nothing},
        {"no memory for prices", no_memory_for_prices},
        {"an event has the annotated form", an_event_has_the_annotated_form},
        {"what cannot be decoded costs the annotated form",
         what_cannot_be_decoded_costs_the_annotated_form},
        {"nothing is decoded for nobody", nothing_is_decoded_for_nobody},
        {"a hint tells what the payload does not", a_hint_tells_what_the_payload_does_not},
        {"of a key that stands twice the last counts", of_a_key_that_stands_twice_the_last_counts},
        {"a key that stands twice hides no other member",
         a_key_that_stands_twice_hides_no_other_member},
        {"edits go into a request that was edited itself",
         edits_go_into_a_request_that_was_edited_itself},
    };
    if (argc != 5) return 2;
    requests = json_read_file(argv[1]);
    responses = json_read_file(argv[2]);
    streams = json_read_file(argv[3]);
    prices = json_read_file(argv[4]);
    if (requests == NULL || responses == NULL || streams == NULL || prices == NULL) return 2;
    session_init(&s);
    session_subscribe(&s, "log");
    int const failed = RUN_TESTS(tests);
    json_free(requests);
    json_free(responses);
    json_free(streams);
    json_free(prices);
    return failed + !session_deinit(&s);
}
