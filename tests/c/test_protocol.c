/* The step protocol when a driver is wrong: nothing may be corrupted or lost. */
#include "check.h"
#include "session.h"

static scopeflow_answer answer_of(scopeflow_answer_kind kind, scopeflow_ref value) {
    scopeflow_answer answer;
    memset(&answer, 0, sizeof answer);
    answer.kind = kind;
    answer.value = value;
    return answer;
}

/* A tool call up to its EXECUTE step; the request is given back with the call. */
typedef struct started {
    scopeflow_ref request;
    scopeflow_task task;
    scopeflow_step step;
} started;

static scopeflow_status start_call(session *self, started *out) {
    scopeflow_tool_execute_options options = SCOPEFLOW_TOOL_EXECUTE_OPTIONS_INIT;
    options.name = session_text("search");
    out->request = session_json(self, "{}");
    options.request = out->request;
    return scopeflow_tool_execute(self->runtime, &options, &out->task, &out->step, NULL);
}

static void release(scopeflow_ref ref) {
    object_release(object_of(ref));
}

static void a_zeroed_task_cannot_be_resumed(void) {
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_error error;
    scopeflow_answer const answer = answer_of(SCOPEFLOW_ANSWER_KIND_VALUE, 0);
    memset(&task, 0, sizeof task);
    CHECK(scopeflow_task_resume(&task, &answer, &step, &error) == SCOPEFLOW_STATUS_INVALID_STATE);
    CHECK(strstr(error.message, "never begun") != NULL);
    scopeflow_task_abandon(&task); /* Does nothing. */
}

static void memory_that_never_was_a_task_is_recognised(void) {
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_answer const answer = answer_of(SCOPEFLOW_ANSWER_KIND_VALUE, 0);
    memset(&task, 0xA5, sizeof task);
    CHECK(scopeflow_task_resume(&task, &answer, &step, NULL) == SCOPEFLOW_STATUS_INVALID_STATE);
}

static void a_task_that_has_ended_cannot_be_resumed(void) {
    session s;
    started call;
    session_init(&s);
    CHECK(start_call(&s, &call) == SCOPEFLOW_STATUS_OK);
    CHECK(call.step.kind == SCOPEFLOW_STEP_KIND_EXECUTE);
    CHECK(session_drive(&s, &call.task, &call.step) == SCOPEFLOW_STEP_KIND_RETURN);
    release(call.step.value);

    scopeflow_step again = call.step;
    scopeflow_ref const value = session_json(&s, "2");
    scopeflow_answer const answer = answer_of(SCOPEFLOW_ANSWER_KIND_VALUE, value);
    CHECK(scopeflow_task_resume(&call.task, &answer, &again, NULL) ==
          SCOPEFLOW_STATUS_INVALID_STATE);
    release(value); /* Still the host's: a refused answer takes nothing. */
    scopeflow_task_abandon(&call.task);
    release(call.request);
    CHECK(session_deinit(&s));
}

static void an_answer_that_the_step_does_not_know_changes_nothing(void) {
    session s;
    started call;
    session_init(&s);
    session_subscribe(&s, "log");
    CHECK(start_call(&s, &call) == SCOPEFLOW_STATUS_OK);
    CHECK(call.step.kind == SCOPEFLOW_STEP_KIND_DELIVER);

    scopeflow_answer answer = answer_of(SCOPEFLOW_ANSWER_KIND_REFUSE, 0);
    scopeflow_step step = call.step;
    CHECK(scopeflow_task_resume(&call.task, &answer, &step, NULL) ==
          SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    answer.kind = 4;
    CHECK(scopeflow_task_resume(&call.task, &answer, &step, NULL) ==
          SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    answer.kind = -1;
    CHECK(scopeflow_task_resume(&call.task, &answer, &step, NULL) ==
          SCOPEFLOW_STATUS_INVALID_ARGUMENT);

    CHECK(session_drive(&s, &call.task, &call.step) == SCOPEFLOW_STEP_KIND_RETURN);
    CHECK(s.line_count == 2);
    release(call.step.value);
    release(call.request);
    CHECK(session_deinit(&s));
}

static void null_pointers_are_refused(void) {
    session s;
    started call;
    session_init(&s);
    CHECK(start_call(&s, &call) == SCOPEFLOW_STATUS_OK);
    scopeflow_answer const answer = answer_of(SCOPEFLOW_ANSWER_KIND_VALUE, 0);
    scopeflow_step step;
    CHECK(scopeflow_task_resume(NULL, &answer, &step, NULL) == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(scopeflow_task_resume(&call.task, NULL, &step, NULL) ==
          SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(scopeflow_task_resume(&call.task, &answer, NULL, NULL) ==
          SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(session_drive(&s, &call.task, &call.step) == SCOPEFLOW_STEP_KIND_RETURN);
    release(call.step.value);
    release(call.request);
    scopeflow_task_abandon(NULL);
    CHECK(session_deinit(&s));
}

static void two_tasks_take_turns(void) {
    session s;
    started first;
    started second;
    session_init(&s);
    session_subscribe(&s, "log");
    CHECK(start_call(&s, &first) == SCOPEFLOW_STATUS_OK);
    CHECK(start_call(&s, &second) == SCOPEFLOW_STATUS_OK);
    scopeflow_answer answer = answer_of(SCOPEFLOW_ANSWER_KIND_VALUE, 0);
    CHECK(scopeflow_task_resume(&first.task, &answer, &first.step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_task_resume(&second.task, &answer, &second.step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(first.step.kind == SCOPEFLOW_STEP_KIND_EXECUTE);
    CHECK(second.step.kind == SCOPEFLOW_STEP_KIND_EXECUTE);
    CHECK(session_drive(&s, &first.task, &first.step) == SCOPEFLOW_STEP_KIND_RETURN);
    CHECK(session_drive(&s, &second.task, &second.step) == SCOPEFLOW_STEP_KIND_RETURN);
    release(first.step.value);
    release(second.step.value);
    release(first.request);
    release(second.request);
    CHECK(session_deinit(&s));
}

/* S4.3, S1.12: the host lets go of a running call; its end is owed and comes with the next step. */
static void an_abandoned_call_is_ended_once(void) {
    session s;
    started call;
    session_init(&s);
    session_subscribe(&s, "log");
    CHECK(start_call(&s, &call) == SCOPEFLOW_STATUS_OK);
    scopeflow_answer const answer = answer_of(SCOPEFLOW_ANSWER_KIND_VALUE, 0);
    CHECK(scopeflow_task_resume(&call.task, &answer, &call.step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(call.step.kind == SCOPEFLOW_STEP_KIND_EXECUTE);
    scopeflow_task_abandon(&call.task);
    scopeflow_task_abandon(&call.task);
    release(call.request); /* The borrowed request goes with the task. */
    CHECK(s.line_count == 0);

    session_flush(&s);
    CHECK(s.line_count == 1);
    CHECK(strstr(s.lines[0], "\"error.type\":\"abandoned\"") != NULL);
    CHECK(strstr(s.lines[0], "\"otel.status_code\":\"ERROR\"") != NULL);
    CHECK(strstr(s.lines[0], "\"data\":null") != NULL);
    session_flush(&s);
    CHECK(s.line_count == 1);
    CHECK(session_deinit(&s));
}

static void a_call_abandoned_at_its_guard_never_began(void) {
    session s;
    started call;
    session_init(&s);
    session_subscribe(&s, "log");
    scopeflow_ref const guard = object_ref(object_new_callable(&s.host, NULL));
    CHECK(scopeflow_register_tool_conditional_execution_guardrail(
              s.runtime, session_text("g"), 0, guard, 0, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(start_call(&s, &call) == SCOPEFLOW_STATUS_OK);
    CHECK(call.step.kind == SCOPEFLOW_STEP_KIND_INVOKE);
    CHECK(call.step.callable == guard);
    CHECK(call.step.input == call.request);
    scopeflow_task_abandon(&call.task);
    release(call.request);
    session_flush(&s);
    CHECK(s.line_count == 0);
    CHECK(session_deinit(&s));
}

static void a_call_abandoned_at_a_delivery_drops_nothing_of_others(void) {
    session s;
    started call;
    session_init(&s);
    session_subscribe(&s, "one");
    session_subscribe(&s, "two");
    CHECK(start_call(&s, &call) == SCOPEFLOW_STATUS_OK);
    CHECK(call.step.kind == SCOPEFLOW_STEP_KIND_DELIVER);
    scopeflow_task_abandon(&call.task);
    release(call.request);
    session_mark(&s, NULL, "next");
    /* The end that is owed and the mark, each for two. */
    CHECK(s.line_count == 4);
    CHECK(session_deinit(&s));
}

/* A call up to the question to a sanitizer of its request or response. */
static void start_sanitized_call(session *self, started *out, bool is_response) {
    scopeflow_ref const sanitizer = object_ref(object_new_callable(&self->host, NULL));
    session_subscribe(self, "log");
    CHECK((is_response ? scopeflow_register_tool_sanitize_response_guardrail
                       : scopeflow_register_tool_sanitize_request_guardrail)(
              self->runtime, session_text("s"), 0, sanitizer, 0, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(start_call(self, out) == SCOPEFLOW_STATUS_OK);
}

/* S4.3: where nobody has the start, nobody gets an end. */
static void a_call_abandoned_before_its_start_reached_anybody_never_began(void) {
    session s;
    started call;
    session_init(&s);
    start_sanitized_call(&s, &call, false);
    CHECK(call.step.kind == SCOPEFLOW_STEP_KIND_INVOKE);
    scopeflow_task_abandon(&call.task);
    release(call.request);
    session_flush(&s);
    CHECK(s.line_count == 0);
    CHECK(session_deinit(&s));
}

/* S4.3, S1.12: an end that has reached nobody is owed, and what the task held is let go. */
static void a_call_abandoned_before_its_end_reached_anybody_ends_as_abandoned(void) {
    session s;
    started call;
    scopeflow_ref held = 1;
    session_init(&s);
    start_sanitized_call(&s, &call, true);
    scopeflow_answer answer = answer_of(SCOPEFLOW_ANSWER_KIND_VALUE, 0);
    CHECK(call.step.kind == SCOPEFLOW_STEP_KIND_DELIVER);
    CHECK(scopeflow_task_resume(&call.task, &answer, &call.step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(call.step.kind == SCOPEFLOW_STEP_KIND_EXECUTE);
    CHECK(scopeflow_task_held_at(&call.task, 0, &held, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(held == 0);
    answer.value = session_json(&s, "2");
    CHECK(scopeflow_task_resume(&call.task, &answer, &call.step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(call.step.kind == SCOPEFLOW_STEP_KIND_INVOKE);
    CHECK(scopeflow_task_held_at(&call.task, 0, &held, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(held == answer.value);
    CHECK(scopeflow_task_held_at(&call.task, 1, &held, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(held == 0);
    scopeflow_task_abandon(&call.task);
    CHECK(scopeflow_task_held_at(&call.task, 0, &held, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(held == 0);
    release(call.request);
    CHECK(s.line_count == 0);
    session_flush(&s);
    CHECK(s.line_count == 1);
    CHECK(strstr(s.lines[0], "\"error.type\":\"abandoned\"") != NULL);
    session_flush(&s);
    CHECK(s.line_count == 1);
    CHECK(session_deinit(&s));
}

static void the_end_of_a_call_is_one_whoever_ends_it(void) {
    session s;
    started call;
    session_init(&s);
    session_subscribe(&s, "log");
    CHECK(start_call(&s, &call) == SCOPEFLOW_STATUS_OK);
    scopeflow_answer const answer = answer_of(SCOPEFLOW_ANSWER_KIND_VALUE, 0);
    CHECK(scopeflow_task_resume(&call.task, &answer, &call.step, NULL) == SCOPEFLOW_STATUS_OK);
    scopeflow_scope *const span = scopeflow_scope_retain(call.step.scope);
    session_pop(&s, span);
    CHECK(s.line_count == 1);
    CHECK(session_drive(&s, &call.task, &call.step) == SCOPEFLOW_STEP_KIND_RETURN);
    CHECK(s.line_count == 1);
    CHECK(!scopeflow_scope_is_open(span));
    scopeflow_scope_release(span);
    release(call.step.value);
    release(call.request);
    CHECK(session_deinit(&s));
}

/* S5.1: at most 1,024 wait on a thread; the others are dropped and counted. */
static void events_that_wait_are_bounded(void) {
    session s;
    scopeflow_scope_event_options options = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_runtime_stats stats;
    session_init(&s);
    session_subscribe(&s, "log");
    options.name = session_text("m");
    options.emitter = &s.emitter;
    CHECK(scopeflow_scope_event(s.runtime, &options, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(step.kind == SCOPEFLOW_STEP_KIND_DELIVER);
    for (uint32_t i = 0; i < SCOPEFLOW_EMITTER_EVENT_LIMIT + 3; i++)
        session_mark(&s, NULL, "inner");
    CHECK(s.line_count == 0);
    CHECK(session_drive(&s, &task, &step) == SCOPEFLOW_STEP_KIND_DONE);
    CHECK(s.line_count == SCOPEFLOW_EMITTER_EVENT_LIMIT + 1);
    CHECK(scopeflow_runtime_read_stats(s.runtime, &stats, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(stats.dropped_event_count == 3);
    CHECK(stats.mark_event_count == SCOPEFLOW_EMITTER_EVENT_LIMIT + 1);
    CHECK(session_deinit(&s));
}

/* Those that have been waiting for longer count too. */
static void events_that_wait_add_up(void) {
    enum { EACH = SCOPEFLOW_EMITTER_EVENT_LIMIT / 2 + 100 };
    session s;
    scopeflow_scope_event_options options = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_runtime_stats stats;
    session_init(&s);
    session_subscribe(&s, "log");
    options.name = session_text("m");
    options.emitter = &s.emitter;
    CHECK(scopeflow_scope_event(s.runtime, &options, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    for (uint32_t i = 0; i < EACH; i++) session_mark(&s, NULL, "inner");
    scopeflow_answer answer;
    memset(&answer, 0, sizeof answer);
    answer.emitter = &s.emitter;
    CHECK(scopeflow_task_resume(&task, &answer, &step, NULL) == SCOPEFLOW_STATUS_OK);
    for (uint32_t i = 0; i < EACH; i++) session_mark(&s, NULL, "innermost");
    CHECK(session_drive(&s, &task, &step) == SCOPEFLOW_STEP_KIND_DONE);
    CHECK(scopeflow_runtime_read_stats(s.runtime, &stats, NULL) == SCOPEFLOW_STATUS_OK);
    /* While the second is served, all of the first row but that one wait. */
    CHECK(stats.dropped_event_count == 2 * EACH - 1 - SCOPEFLOW_EMITTER_EVENT_LIMIT);
    CHECK(stats.mark_event_count == 2 + SCOPEFLOW_EMITTER_EVENT_LIMIT);
    CHECK(session_deinit(&s));
}

/* What waited with a task that was let go does not count any more. */
static void events_of_a_task_let_go_wait_no_longer(void) {
    session s;
    scopeflow_scope_event_options options = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_runtime_stats stats;
    session_init(&s);
    session_subscribe(&s, "log");
    options.name = session_text("m");
    options.emitter = &s.emitter;
    for (int round = 0; round < 3; round++) {
        CHECK(scopeflow_scope_event(s.runtime, &options, &task, &step, NULL) ==
              SCOPEFLOW_STATUS_OK);
        for (uint32_t i = 0; i < SCOPEFLOW_EMITTER_EVENT_LIMIT; i++)
            session_mark(&s, NULL, "inner");
        scopeflow_task_abandon(&task);
    }
    CHECK(scopeflow_runtime_read_stats(s.runtime, &stats, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(stats.dropped_event_count == 3 * (SCOPEFLOW_EMITTER_EVENT_LIMIT + 1));
    CHECK(session_deinit(&s));
}

/* An exit that a subscriber of a start let through: the scope is not handed out, and not lost. */
static void a_push_that_raises_leaves_no_open_scope(void) {
    session s;
    scopeflow_scope_push_options options = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    session_init(&s);
    session_subscribe(&s, "log");
    options.name = session_text("a");
    CHECK(scopeflow_scope_push(s.runtime, &options, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(step.kind == SCOPEFLOW_STEP_KIND_DELIVER);
    object *const exit = object_new_error(&s.host, "Exit", "now");
    scopeflow_answer const answer = answer_of(SCOPEFLOW_ANSWER_KIND_CANCEL, object_ref(exit));
    CHECK(scopeflow_task_resume(&task, &answer, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(step.kind == SCOPEFLOW_STEP_KIND_RAISE);
    CHECK(step.value == object_ref(exit));
    CHECK(step.scope == NULL);
    release(step.value);
    session_flush(&s); /* S4.3: its end is owed. */
    CHECK(s.line_count == 1);
    CHECK(strstr(s.lines[0], "\"scope_category\":\"end\"") != NULL);
    CHECK(session_deinit(&s));
}

/* S5.1: the thread that answers may be another one than the one that began; what a subscriber has
 * got does not wait, and does not come again. */
static void a_delivered_event_is_not_delivered_again_by_another_emitter(void) {
    session s;
    started first;
    started second;
    session_init(&s);
    session_subscribe(&s, "log");
    CHECK(start_call(&s, &first) == SCOPEFLOW_STATUS_OK);
    CHECK(start_call(&s, &second) == SCOPEFLOW_STATUS_OK);
    scopeflow_answer answer = answer_of(SCOPEFLOW_ANSWER_KIND_VALUE, 0);
    answer.emitter = &s.emitter;
    CHECK(scopeflow_task_resume(&first.task, &answer, &first.step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(first.step.kind == SCOPEFLOW_STEP_KIND_EXECUTE);
    CHECK(scopeflow_task_resume(&first.task, &answer, &first.step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(first.step.kind == SCOPEFLOW_STEP_KIND_DELIVER); /* The end, served by the emitter. */
    CHECK(scopeflow_task_resume(&second.task, &answer, &second.step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(second.step.kind == SCOPEFLOW_STEP_KIND_EXECUTE);
    CHECK(session_drive(&s, &first.task, &first.step) == SCOPEFLOW_STEP_KIND_RETURN);
    CHECK(session_drive(&s, &second.task, &second.step) == SCOPEFLOW_STEP_KIND_RETURN);
    CHECK(s.line_count == 2); /* The two ends; nobody kept the starts. */
    for (size_t i = 0; i < 2; i++) CHECK(strstr(s.lines[i], "\"scope_category\":\"end\"") != NULL);
    release(second.step.value);
    release(first.request);
    release(second.request);
    CHECK(session_deinit(&s));
}

/* Only the request of an LLM call has an annotated form. */
static void an_annotated_request_of_a_tool_is_released(void) {
    session s;
    started call;
    session_init(&s);
    scopeflow_ref const callable = object_ref(object_new_callable(&s.host, NULL));
    CHECK(scopeflow_register_tool_request_intercept(s.runtime, session_text("i"), 0, callable, 0,
                                                    NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(start_call(&s, &call) == SCOPEFLOW_STATUS_OK);
    CHECK(call.step.kind == SCOPEFLOW_STEP_KIND_INVOKE);
    scopeflow_answer answer = answer_of(SCOPEFLOW_ANSWER_KIND_VALUE, session_json(&s, "{}"));
    answer.annotated = session_json(&s, "{}");
    CHECK(scopeflow_task_resume(&call.task, &answer, &call.step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(session_drive(&s, &call.task, &call.step) == SCOPEFLOW_STEP_KIND_RETURN);
    release(call.step.value);
    release(call.request);
    CHECK(session_deinit(&s));
}

int main(void) {
    static const test tests[] = {
        {"a zeroed task cannot be resumed", a_zeroed_task_cannot_be_resumed},
        {"memory that never was a task is recognised", memory_that_never_was_a_task_is_recognised},
        {"a task that has ended cannot be resumed", a_task_that_has_ended_cannot_be_resumed},
        {"an answer that the step does not know changes nothing",
         an_answer_that_the_step_does_not_know_changes_nothing},
        {"null pointers are refused", null_pointers_are_refused},
        {"two tasks take turns", two_tasks_take_turns},
        {"an abandoned call is ended once", an_abandoned_call_is_ended_once},
        {"a call abandoned at its guard never began", a_call_abandoned_at_its_guard_never_began},
        {"a call abandoned before its start reached anybody never began",
         a_call_abandoned_before_its_start_reached_anybody_never_began},
        {"a call abandoned before its end reached anybody ends as abandoned",
         a_call_abandoned_before_its_end_reached_anybody_ends_as_abandoned},
        {"a call abandoned at a delivery drops nothing of others",
         a_call_abandoned_at_a_delivery_drops_nothing_of_others},
        {"the end of a call is one, whoever ends it", the_end_of_a_call_is_one_whoever_ends_it},
        {"events that wait are bounded", events_that_wait_are_bounded},
        {"events that wait add up", events_that_wait_add_up},
        {"events of a task let go wait no longer", events_of_a_task_let_go_wait_no_longer},
        {"a delivered event is not delivered again by another emitter",
         a_delivered_event_is_not_delivered_again_by_another_emitter},
        {"an annotated request of a tool is released", an_annotated_request_of_a_tool_is_released},
        {"a push that raises leaves no open scope", a_push_that_raises_leaves_no_open_scope},
    };
    return RUN_TESTS(tests);
}
