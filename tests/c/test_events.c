/* Events: what a subscriber can ask, and what keeps when it keeps one (S5.5). */
#include "check.h"
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
        {"one text serves all subscribers", one_text_serves_all_subscribers},
        {"a deregistered callable lives as long as a call uses it",
         a_deregistered_callable_lives_as_long_as_a_call_uses_it},
    };
    return RUN_TESTS(tests);
}
