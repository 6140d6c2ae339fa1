/* What vectors cannot say of a managed call: a target without a result, and middleware that is
 * async where the call can await it. */
#include "check.h"
#include "session.h"

static void release(scopeflow_ref ref) {
    object_release(object_of(ref));
}

static scopeflow_tool_execute_options call_options(session *self) {
    scopeflow_tool_execute_options options = SCOPEFLOW_TOOL_EXECUTE_OPTIONS_INIT;
    options.name = session_text("search");
    options.request = session_json(self, "{}");
    return options;
}

/* Calls with `data` given; the target answers like this. */
static void call_with_data(session *self, scopeflow_answer_kind kind, const char *result) {
    scopeflow_tool_execute_options options = call_options(self);
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_answer answer;
    options.data = session_json(self, "\"given\"");
    CHECK(scopeflow_tool_execute(self->runtime, &options, &task, &step, NULL) ==
          SCOPEFLOW_STATUS_OK);
    memset(&answer, 0, sizeof answer);
    while (step.kind == SCOPEFLOW_STEP_KIND_DELIVER)
        CHECK(scopeflow_task_resume(&task, &answer, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(step.kind == SCOPEFLOW_STEP_KIND_EXECUTE);
    answer.kind = kind;
    if (result != NULL) answer.value = session_json(self, result);
    CHECK(scopeflow_task_resume(&task, &answer, &step, NULL) == SCOPEFLOW_STATUS_OK);
    (void)session_drive(self, &task, &step);
    release(step.value);
    release(options.request);
    release(options.data);
}

/* S2.5, S4.10 */
static void data_given_to_a_call_is_used_when_there_is_no_result(void) {
    session s;
    session_init(&s);
    session_subscribe(&s, "log");
    call_with_data(&s, SCOPEFLOW_ANSWER_KIND_VALUE, NULL);
    call_with_data(&s, SCOPEFLOW_ANSWER_KIND_VALUE, "null");
    call_with_data(&s, SCOPEFLOW_ANSWER_KIND_ERROR, NULL);
    CHECK(s.line_count == 3); /* The ends. */
    CHECK(strstr(s.lines[0], "\"data\":\"given\"") != NULL);
    CHECK(strstr(s.lines[0], "data.null") == NULL);
    CHECK(strstr(s.lines[1], "\"data\":null") != NULL);
    CHECK(strstr(s.lines[1], "\"data.null\":true") != NULL);
    CHECK(strstr(s.lines[2], "\"data\":null") != NULL);
    CHECK(session_deinit(&s));
}

/* S3.8 */
static void an_async_guard_is_asked_unless_the_call_is_sync(void) {
    session s;
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_error error;
    session_init(&s);
    CHECK(scopeflow_register_tool_conditional_execution_guardrail(
              s.runtime, session_text("later"), 0, session_json(&s, "1"),
              SCOPEFLOW_CALLABLE_FLAG_ASYNC, NULL) == SCOPEFLOW_STATUS_OK);

    scopeflow_tool_execute_options options = call_options(&s);
    CHECK(scopeflow_tool_execute(s.runtime, &options, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(step.kind == SCOPEFLOW_STEP_KIND_INVOKE);
    CHECK(step.flags == SCOPEFLOW_CALLABLE_FLAG_ASYNC);
    CHECK(session_drive(&s, &task, &step) == SCOPEFLOW_STEP_KIND_RETURN);
    release(step.value);

    options.flags = SCOPEFLOW_CALL_FLAG_SYNC;
    CHECK(scopeflow_tool_execute(s.runtime, &options, &task, &step, &error) ==
          SCOPEFLOW_STATUS_INVALID_STATE);
    CHECK(strstr(error.message, "'later' is async") != NULL);
    release(options.request);
    CHECK(session_deinit(&s));
}

int main(void) {
    static const test tests[] = {
        {"data given to a call is used when there is no result",
         data_given_to_a_call_is_used_when_there_is_no_result},
        {"an async guard is asked unless the call is sync",
         an_async_guard_is_asked_unless_the_call_is_sync},
    };
    return RUN_TESTS(tests);
}
