/* S1.13: a child process and the scopes that its parent opened. Only the core's part: `after_fork`
 * is what a binding calls in the child, and it can as well be called without a fork. */
#include "check.h"
#include "session.h"

static scopeflow_status pop(session *s, scopeflow_scope *scope, scopeflow_pop_flag flags) {
    scopeflow_scope_pop_options options = SCOPEFLOW_SCOPE_POP_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.current = scope;
    options.flags = flags;
    scopeflow_status const status = scopeflow_scope_pop(scope, &options, &task, &step, NULL);
    if (status == SCOPEFLOW_STATUS_OK) (void)session_drive(s, &task, &step);
    return status;
}

static void the_parents_scopes_cannot_be_ended_or_registered_on(void) {
    session s;
    session_init(&s);
    session_subscribe(&s, "log");
    scopeflow_scope *const inherited = session_push(&s, NULL, "parents");
    CHECK(s.line_count == 1);
    CHECK(scopeflow_runtime_after_fork(s.runtime, NULL) == SCOPEFLOW_STATUS_OK);

    scopeflow_ref const callable = object_ref(object_new_callable(&s.host, NULL));
    CHECK(pop(&s, inherited, 0) == SCOPEFLOW_STATUS_INVALID_STATE);
    CHECK(scopeflow_scope_register_subscriber(inherited, session_text("x"), callable, 0, NULL) ==
          SCOPEFLOW_STATUS_INVALID_STATE);
    CHECK(scopeflow_scope_register_tool_conditional_execution_guardrail(
              inherited, session_text("x"), 0, callable, 0, NULL) ==
          SCOPEFLOW_STATUS_INVALID_STATE);
    object_release(object_of(callable));
    CHECK(pop(&s, inherited, SCOPEFLOW_POP_FLAG_CLOSE) == SCOPEFLOW_STATUS_OK); /* Silent. */
    CHECK(s.line_count == 1);

    scopeflow_scope *const child = session_push(&s, inherited, "childs"); /* Still a parent. */
    CHECK(strstr(s.lines[1], "\"parent_uuid\":\"01900000-0000-7000-8000-000000000001\"") != NULL);
    session_pop(&s, child);
    CHECK(s.line_count == 3);
    scopeflow_scope_release(child);
    scopeflow_scope_release(inherited); /* Not abandoned: its end is the parent's. */
    session_flush(&s);
    CHECK(s.line_count == 3);
    CHECK(session_deinit(&s));
}

int main(void) {
    static const test tests[] = {
        {"the parent's scopes cannot be ended or registered on",
         the_parents_scopes_cannot_be_ended_or_registered_on},
    };
    return RUN_TESTS(tests);
}
