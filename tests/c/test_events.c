/* Events: what a subscriber can ask, and what keeps when it keeps one (S5.5). */
#include "check.h"
#include "open_line.h"
#include "session.h"

#include <stdlib.h>

/* Begins a mark and stops at its DELIVER step. */
static void deliver_mark(session *s, scopeflow_ref data, scopeflow_task *task,
                         scopeflow_step *step) {
    scopeflow_scope_event_options options = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    options.name = session_text("m");
    options.data = data;
    options.timestamp_ns = 5;
    options.emitter = &s->emitter;
    if (scopeflow_scope_event(s->runtime, &options, task, step, NULL) != SCOPEFLOW_STATUS_OK ||
        step->kind != SCOPEFLOW_STEP_KIND_DELIVER)
        abort();
}

static bool part_is(scopeflow_event *event, scopeflow_event_part part, const char *expected) {
    scopeflow_bytes text;
    if (scopeflow_event_json(event, part, &text, NULL) != SCOPEFLOW_STATUS_OK) return false;
    return text.len == strlen(expected) && memcmp(text.ptr, expected, text.len) == 0;
}

static void an_event_tells_its_cheap_facts_and_its_parts(void) {
    session s;
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_event_info info;
    session_init(&s);
    session_subscribe(&s, "log");
    scopeflow_ref const data = session_json(&s, "{\"b\":1, \"a\":[true]}");
    deliver_mark(&s, data, &task, &step);
    CHECK(step.registry == SCOPEFLOW_REGISTRY_SUBSCRIBER);
    CHECK(step.registration.len == 3);
    CHECK(scopeflow_event_describe(step.event, &info, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(info.kind == SCOPEFLOW_EVENT_KIND_MARK);
    CHECK(info.scope_category == SCOPEFLOW_SCOPE_CATEGORY_NONE);
    CHECK(info.timestamp_ns == 5);
    CHECK(info.name.len == 1 && info.name.ptr[0] == 'm');
    CHECK(info.category.len == 0);
    CHECK(info.uuid.bytes[15] == 1 && info.parent_uuid.bytes[15] == 0);
    CHECK(part_is(step.event, SCOPEFLOW_EVENT_PART_DATA, "{\"a\":[true],\"b\":1}"));
    CHECK(part_is(step.event, SCOPEFLOW_EVENT_PART_METADATA, "null"));
    CHECK(part_is(step.event, SCOPEFLOW_EVENT_PART_CATEGORY_PROFILE, "null"));
    CHECK(part_is(step.event, SCOPEFLOW_EVENT_PART_ATTRIBUTES, "null"));
    scopeflow_bytes text;
    CHECK(scopeflow_event_json(step.event, 5, &text, NULL) == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(scopeflow_event_json(step.event, -1, &text, NULL) == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(session_drive(&s, &task, &step) == SCOPEFLOW_STEP_KIND_DONE);
    object_release(object_of(data));
    CHECK(session_deinit(&s));
}

static bool parts_are(scopeflow_event *event, const char *metadata) {
    return part_is(event, SCOPEFLOW_EVENT_PART_DATA, "null") &&
           part_is(event, SCOPEFLOW_EVENT_PART_METADATA, metadata) &&
           part_is(event, SCOPEFLOW_EVENT_PART_ATTRIBUTES, "[]") &&
           part_is(event, SCOPEFLOW_EVENT_PART_CATEGORY_PROFILE, "null");
}

/* As of most scopes: what stands behind the name is written in one go. */
static void a_scope_of_which_nothing_is_told_has_its_parts(void) {
    session s;
    scopeflow_task task;
    scopeflow_step step;
    session_init(&s);
    session_subscribe(&s, "log");
    scopeflow_scope_push_options push = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    push.name = session_text("s\n");
    push.emitter = &s.emitter;
    CHECK(scopeflow_scope_push(s.runtime, &push, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(parts_are(step.event, "null"));
    CHECK(session_drive(&s, &task, &step) == SCOPEFLOW_STEP_KIND_DONE);
    scopeflow_scope *const scope = step.scope;

    scopeflow_scope_pop_options pop = SCOPEFLOW_SCOPE_POP_OPTIONS_INIT;
    pop.current = scope;
    pop.emitter = &s.emitter;
    pop.status = SCOPEFLOW_END_STATUS_OK;
    CHECK(scopeflow_scope_pop(scope, &pop, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(parts_are(step.event, "{\"otel.status_code\":\"OK\"}"));
    CHECK(session_drive(&s, &task, &step) == SCOPEFLOW_STEP_KIND_DONE);
    scopeflow_scope_release(scope);
    CHECK(session_deinit(&s));
}

/* Nobody asks: the host's object is never encoded (S5.4). A fixture of an unknown name would abort.
 */
static void an_event_that_nobody_reads_encodes_nothing(void) {
    session s;
    scopeflow_task task;
    scopeflow_step step;
    session_init(&s);
    session_subscribe(&s, "log");
    scopeflow_ref const data = object_ref(object_new_fixture(&s.host, "no such fixture"));
    deliver_mark(&s, data, &task, &step);
    scopeflow_answer answer;
    memset(&answer, 0, sizeof answer);
    CHECK(scopeflow_task_resume(&task, &answer, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(step.kind == SCOPEFLOW_STEP_KIND_DONE);
    object_release(object_of(data));
    CHECK(session_deinit(&s));
}

static void a_sealed_event_outlives_its_delivery_and_its_runtime(void) {
    session s;
    scopeflow_task task;
    scopeflow_step step;
    session_init(&s);
    session_subscribe(&s, "log");
    scopeflow_ref const data = session_json(&s, "[1]");
    deliver_mark(&s, data, &task, &step);
    scopeflow_event *const kept = scopeflow_event_retain(step.event);
    CHECK(scopeflow_event_seal(kept, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_event_seal(kept, NULL) == SCOPEFLOW_STATUS_OK);
    memset(object_of(data)->text, '9', 3); /* What the application changes later is not seen. */
    CHECK(session_drive(&s, &task, &step) == SCOPEFLOW_STEP_KIND_DONE);
    object_release(object_of(data));
    scopeflow_runtime_free(s.runtime);
    s.runtime = NULL;
    CHECK(part_is(kept, SCOPEFLOW_EVENT_PART_DATA, "[1]"));
    scopeflow_event_release(kept);
    CHECK(session_deinit(&s));
}

/* A host that forgot to seal: the event is encoded while its objects are still there. */
static void a_kept_event_never_dangles(void) {
    session s;
    scopeflow_task task;
    scopeflow_step step;
    session_init(&s);
    session_subscribe(&s, "log");
    scopeflow_ref const data = session_json(&s, "[1]");
    deliver_mark(&s, data, &task, &step);
    scopeflow_event *const kept = scopeflow_event_retain(step.event);
    scopeflow_answer answer;
    memset(&answer, 0, sizeof answer);
    CHECK(scopeflow_task_resume(&task, &answer, &step, NULL) == SCOPEFLOW_STATUS_OK);
    object_release(object_of(data));
    CHECK(part_is(kept, SCOPEFLOW_EVENT_PART_DATA, "[1]"));
    scopeflow_event_release(kept);
    CHECK(session_deinit(&s));
}

/* Whether the event's line is open, and becomes what the event itself says.
 */
static bool is_opened(session *s, scopeflow_event *event) {
    char *const open = open_line_text(s->runtime, event);
    scopeflow_bytes line;
    CHECK(scopeflow_event_json(event, SCOPEFLOW_EVENT_PART_LINE, &line, NULL) ==
          SCOPEFLOW_STATUS_OK);
    bool const is_same =
        open != NULL && strlen(open) == line.len && memcmp(open, line.ptr, line.len) == 0;
    free(open);
    return is_same;
}

static void the_only_subscriber_may_have_the_data_open(void) {
    session s;
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_event_line line;
    session_init(&s);
    session_subscribe(&s, "one");
    scopeflow_ref const data = session_json(&s, "{\"b\":1, \"a\":[true]}");
    deliver_mark(&s, data, &task, &step);
    CHECK(scopeflow_event_open_line(step.event, &line, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(line.data == data && line.is_llm_request == 0);
    CHECK(line.data_limit_bytes > 0 && line.data_offset_bytes < line.json.len);
    CHECK(memcmp(line.json.ptr + line.data_offset_bytes, ",\"data_schema\":", 15) == 0);
    CHECK(is_opened(&s, step.event));
    /* Its text is there by now. */
    CHECK(scopeflow_event_open_line(step.event, &line, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(line.data == 0 && line.json.ptr[line.json.len - 1] == '}');
    CHECK(session_drive(&s, &task, &step) == SCOPEFLOW_STEP_KIND_DONE);

    session_subscribe(&s, "two");
    deliver_mark(&s, data, &task, &step);
    CHECK(!is_opened(&s, step.event));
    CHECK(session_drive(&s, &task, &step) == SCOPEFLOW_STEP_KIND_DONE);
    object_release(object_of(data));
    CHECK(session_deinit(&s));
}

/* Begins a tool's call with this metadata, and stops at the delivery of its start. */
static void deliver_call(session *s, scopeflow_ref args, scopeflow_ref metadata,
                         scopeflow_task *task, scopeflow_step *step) {
    scopeflow_tool_call_options options = SCOPEFLOW_TOOL_CALL_OPTIONS_INIT;
    options.name = session_text("search");
    options.request = args;
    options.metadata = metadata;
    options.emitter = &s->emitter;
    if (scopeflow_tool_call(s->runtime, &options, task, step, NULL) != SCOPEFLOW_STATUS_OK ||
        step->kind != SCOPEFLOW_STEP_KIND_DELIVER)
        abort();
}

static void metadata_that_is_to_be_written_leaves_nothing_open(void) {
    session s;
    scopeflow_task task;
    scopeflow_step step;
    session_init(&s);
    session_subscribe(&s, "log");
    scopeflow_ref const args = session_json(&s, "{\"q\":1}");
    scopeflow_ref const metadata = session_json(&s, "{\"k\":2}");
    deliver_call(&s, args, 0, &task, &step);
    CHECK(is_opened(&s, step.event));
    CHECK(session_drive(&s, &task, &step) == SCOPEFLOW_STEP_KIND_DONE);
    scopeflow_scope_release(step.scope);
    deliver_call(&s, args, metadata, &task, &step);
    CHECK(!is_opened(&s, step.event));
    CHECK(session_drive(&s, &task, &step) == SCOPEFLOW_STEP_KIND_DONE);
    scopeflow_scope_release(step.scope);
    object_release(object_of(args)); /* The metadata was taken. */
    CHECK(session_deinit(&s));
}

/* To make it runs code of the host's, and looks at the data. */
static bool is_model_opened(bool is_annotated) {
    session s;
    scopeflow_llm_call_options options = SCOPEFLOW_LLM_CALL_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    session_init(&s);
    session_subscribe(&s, "log");
    scopeflow_ref const request = session_json(&s, "{\"headers\":{},\"content\":{}}");
    scopeflow_ref const annotated = session_json(&s, "{\"messages\":[]}");
    options.name = session_text("openai");
    options.request = request;
    options.annotated_request = is_annotated ? annotated : 0;
    options.emitter = &s.emitter;
    CHECK(scopeflow_llm_call(s.runtime, &options, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(step.kind == SCOPEFLOW_STEP_KIND_DELIVER);
    bool const is_open = is_opened(&s, step.event);
    CHECK(session_drive(&s, &task, &step) == SCOPEFLOW_STEP_KIND_DONE);
    scopeflow_scope_release(step.scope);
    object_release(object_of(request));
    object_release(object_of(annotated));
    CHECK(session_deinit(&s));
    return is_open;
}

static void an_annotated_form_leaves_nothing_open(void) {
    CHECK(is_model_opened(false));
    CHECK(!is_model_opened(true));
}

static bool text_is(session *s, scopeflow_ref payload, uint32_t is_llm_request,
                    const char *expected) {
    scopeflow_payload_text_new_options options = SCOPEFLOW_PAYLOAD_TEXT_NEW_OPTIONS_INIT;
    scopeflow_payload_text *text = NULL;
    scopeflow_bytes found;
    options.runtime = s->runtime;
    options.payload = payload;
    options.is_llm_request = is_llm_request;
    if (scopeflow_payload_text_new(&options, &text, NULL) != SCOPEFLOW_STATUS_OK ||
        scopeflow_payload_text_json(text, &found, NULL) != SCOPEFLOW_STATUS_OK)
        abort();
    bool const is_so = found.len == strlen(expected) && memcmp(found.ptr, expected, found.len) == 0;
    scopeflow_payload_text_free(text);
    return is_so;
}

static void a_payload_is_written_as_in_events(void) {
    session s;
    session_init(&s);
    scopeflow_ref const request = session_json(
        &s, "{\"headers\":{\"Cookie\":\"c\",\"x\":1},\"content\":{\"b\":1.0,\"a\":[2]}}");
    CHECK(text_is(&s, request, 0,
                  "{\"content\":{\"a\":[2],\"b\":1},\"headers\":{\"Cookie\":\"c\",\"x\":1}}"));
    CHECK(text_is(&s, request, 1, "{\"content\":{\"a\":[2],\"b\":1},\"headers\":{\"x\":1}}"));
    CHECK(text_is(&s, 0, 1, "null"));
    object_release(object_of(request));
    scopeflow_payload_text_free(NULL);
    CHECK(session_deinit(&s));
}

static void one_text_serves_all_subscribers(void) {
    session s;
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_bytes first;
    scopeflow_bytes second;
    session_init(&s);
    session_subscribe(&s, "one");
    session_subscribe(&s, "two");
    deliver_mark(&s, 0, &task, &step);
    CHECK(scopeflow_event_json(step.event, SCOPEFLOW_EVENT_PART_LINE, &first, NULL) ==
          SCOPEFLOW_STATUS_OK);
    scopeflow_answer answer;
    memset(&answer, 0, sizeof answer);
    CHECK(scopeflow_task_resume(&task, &answer, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(step.kind == SCOPEFLOW_STEP_KIND_DELIVER);
    CHECK(scopeflow_event_json(step.event, SCOPEFLOW_EVENT_PART_LINE, &second, NULL) ==
          SCOPEFLOW_STATUS_OK);
    CHECK(first.ptr == second.ptr && first.len == second.len);
    CHECK(session_drive(&s, &task, &step) == SCOPEFLOW_STEP_KIND_DONE);
    CHECK(session_deinit(&s));
}

/* A call keeps what it began with, and the callable lives until the call lets it go (S3.4). */
static void a_deregistered_callable_lives_as_long_as_a_call_uses_it(void) {
    session s;
    scopeflow_tool_execute_options options = SCOPEFLOW_TOOL_EXECUTE_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    uint32_t removed;
    session_init(&s);
    object *const guard = object_retain(object_new_callable(&s.host, NULL));
    CHECK(scopeflow_register_tool_conditional_execution_guardrail(
              s.runtime, session_text("g"), 0, object_ref(guard), 0, NULL) == SCOPEFLOW_STATUS_OK);
    options.name = session_text("search");
    CHECK(scopeflow_tool_execute(s.runtime, &options, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(step.kind == SCOPEFLOW_STEP_KIND_INVOKE);
    CHECK(scopeflow_deregister_tool_conditional_execution_guardrail(
              s.runtime, session_text("g"), &removed, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(removed == 1);
    CHECK(guard->refs == 2);
    CHECK(session_drive(&s, &task, &step) == SCOPEFLOW_STEP_KIND_RETURN);
    object_release(object_of(step.value));
    CHECK(guard->refs == 1);
    object_release(guard);
    CHECK(session_deinit(&s));
}

int main(void) {
    static const test tests[] = {
        {"an event tells its cheap facts and its parts",
         an_event_tells_its_cheap_facts_and_its_parts},
        {"a scope of which nothing is told has its parts",
         a_scope_of_which_nothing_is_told_has_its_parts},
        {"an event that nobody reads encodes nothing", an_event_that_nobody_reads_encodes_nothing},
        {"a sealed event outlives its delivery and its runtime",
         a_sealed_event_outlives_its_delivery_and_its_runtime},
        {"a kept event never dangles", a_kept_event_never_dangles},
        {"the only subscriber may have the data open", the_only_subscriber_may_have_the_data_open},
        {"metadata that is to be written leaves nothing open",
         metadata_that_is_to_be_written_leaves_nothing_open},
        {"an annotated form leaves nothing open", an_annotated_form_leaves_nothing_open},
        {"a payload is written as in events", a_payload_is_written_as_in_events},
        {"one text serves all subscribers", one_text_serves_all_subscribers},
        {"a deregistered callable lives as long as a call uses it",
         a_deregistered_callable_lives_as_long_as_a_call_uses_it},
    };
    return RUN_TESTS(tests);
}
