/* Native execution intercepts (S3.7, ADR 0020): their decisions before and after the rest of the
 * chain, among the host's; and native callables of every kind when memory runs out. */
#include "check.h"
#include "native_work.h"

enum {
    GUARD = SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL,
    REQUEST = SCOPEFLOW_REGISTRY_TOOL_REQUEST_INTERCEPT,
    SANITIZER = SCOPEFLOW_REGISTRY_TOOL_SANITIZE_RESPONSE_GUARDRAIL,
    EXECUTION = SCOPEFLOW_REGISTRY_TOOL_EXECUTION_INTERCEPT,
    LLM_EXECUTION = SCOPEFLOW_REGISTRY_LLM_EXECUTION_INTERCEPT,
    SUBSCRIBER = SCOPEFLOW_REGISTRY_SUBSCRIBER,
    PROCEED = SCOPEFLOW_NATIVE_DECISION_PROCEED,
    SHORT_CIRCUIT = SCOPEFLOW_NATIVE_DECISION_SHORT_CIRCUIT,
    RETRY = SCOPEFLOW_NATIVE_DECISION_RETRY,
    REPLACE = SCOPEFLOW_NATIVE_DECISION_REPLACE
};

static scopeflow_bytes none(void) {
    scopeflow_bytes const nothing = {NULL, 0};
    return nothing;
}

static bool is_after(const scopeflow_invocation *invocation) {
    return scopeflow_invocation_moment(invocation) == SCOPEFLOW_NATIVE_MOMENT_AFTER;
}

static void decide(script *self, scopeflow_invocation *invocation,
                   scopeflow_native_decision decision) {
    self->answered = scopeflow_invocation_decide(
        invocation, decision, self->text != NULL ? session_text(self->text) : none(), NULL);
}

static void act_before(script *self, scopeflow_invocation *invocation) {
    if (!is_after(invocation)) decide(self, invocation, REPLACE);
}

static void act_after(script *self, scopeflow_invocation *invocation) {
    if (is_after(invocation)) decide(self, invocation, REPLACE);
}

static void act_short(script *self, scopeflow_invocation *invocation) {
    decide(self, invocation, SHORT_CIRCUIT);
}

/* Runs the rest of the chain up to three times, until it succeeds. */
static void act_retry(script *self, scopeflow_invocation *invocation) {
    if (is_after(invocation) &&
        scopeflow_invocation_outcome(invocation) == SCOPEFLOW_ANSWER_KIND_ERROR &&
        scopeflow_invocation_attempt(invocation) < 3)
        decide(self, invocation, RETRY);
}

static void look_after(script *self, scopeflow_invocation *invocation) {
    scopeflow_bytes text;
    if (!is_after(invocation)) return;
    self->answered =
        scopeflow_invocation_json(invocation, SCOPEFLOW_NATIVE_PART_OUTCOME, &text, NULL);
    if (self->answered == SCOPEFLOW_STATUS_OK)
        snprintf(self->seen, sizeof self->seen, "%.*s", (int)text.len, text.ptr);
}

static bool line_has(const work *w, size_t index, const char *text) {
    return index < w->session.line_count && strstr(w->session.lines[index], text) != NULL;
}

/* --- Alone --- */

static void an_intercept_that_says_nothing_changes_nothing(void) {
    work w;
    script intercept = {.name = "x", .registry = EXECUTION};
    work_init(&w);
    work_register(&w, &intercept);
    session_subscribe(&w.session, "log");
    scopeflow_step last = work_call(&w, "{ }");
    CHECK(work_returned(&w, &last, "1"));
    CHECK(strcmp(w.trace, "x execute:{ } after:x") == 0);
    CHECK(w.session.line_count == 2); /* No mark of an attempt. */
    CHECK(work_deinit(&w));
}

static void the_rest_of_the_chain_can_be_cut_short(void) {
    work w;
    script outer = {.name = "a", .registry = EXECUTION, .priority = 1, .act = look_after};
    script inner = {.name = "b",
                    .registry = EXECUTION,
                    .priority = 2,
                    .act = act_short,
                    .text = "{\"cached\":true}"};
    work_init(&w);
    work_register(&w, &inner);
    work_register(&w, &outer);
    session_subscribe(&w.session, "log");
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_returned(&w, &last, "{\"cached\":true}"));
    CHECK(strcmp(w.trace, "a b after:a") == 0);
    CHECK(strcmp(outer.seen, "{\"cached\":true}") == 0);
    CHECK(line_has(&w, 1, "\"data\":{\"cached\":true}"));
    CHECK(work_deinit(&w));
}

/* S3.7 */
static void another_request_is_an_attempt_of_its_own(void) {
    work w;
    script intercept = {.name = "x", .registry = EXECUTION, .act = act_before, .text = "{\"n\":2}"};
    work_init(&w);
    work_register(&w, &intercept);
    session_subscribe(&w.session, "log");
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_returned(&w, &last, "1"));
    CHECK(strcmp(w.trace, "x execute:{\"n\":2} after:x") == 0);
    CHECK(line_has(&w, 1, "\"name\":\"attempt\"") && line_has(&w, 1, "\"data\":{\"n\":1}"));
    CHECK(work_deinit(&w));
}

static void a_result_is_replaced(void) {
    work w;
    script intercept = {.name = "x", .registry = EXECUTION, .act = act_after, .text = "[2]"};
    work_init(&w);
    work_register(&w, &intercept);
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_returned(&w, &last, "[2]"));
    w.results[0] = NULL; /* Also an error. */
    w.executed = 0;
    last = work_call(&w, "{}");
    CHECK(work_returned(&w, &last, "[2]"));
    CHECK(work_deinit(&w));
}

static void an_error_is_retried_and_marked(void) {
    work w;
    script intercept = {.name = "x", .registry = EXECUTION, .act = act_retry};
    work_init(&w);
    work_register(&w, &intercept);
    session_subscribe(&w.session, "log");
    w.results[0] = NULL;
    w.results[2] = "3";
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_returned(&w, &last, "3"));
    CHECK(strcmp(w.trace, "x execute:{} after:x execute:{} after:x execute:{} after:x") == 0);
    CHECK(w.session.line_count == 4);
    CHECK(line_has(&w, 1, "\"data\":{\"n\":2}") && line_has(&w, 2, "\"data\":{\"n\":3}"));

    w.results[2] = NULL; /* The last error comes out. */
    w.executed = 0;
    last = work_call(&w, "{}");
    CHECK(work_raised(&w, &last, SCOPEFLOW_STATUS_OK, "boom"));
    CHECK(w.executed == 3);
    CHECK(work_deinit(&w));
}

static void a_retry_may_have_another_request(void) {
    work w;
    script intercept = {.name = "x", .registry = EXECUTION, .act = act_retry, .text = "[9]"};
    work_init(&w);
    work_register(&w, &intercept);
    w.results[0] = NULL;
    w.results[2] = "3";
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_returned(&w, &last, "3"));
    CHECK(strcmp(w.trace, "x execute:{} after:x execute:[9] after:x execute:[9] after:x") == 0);
    CHECK(work_deinit(&w));
}

static void an_intercept_fails_before_and_after(void) {
    work w;
    script intercept = {.name = "x", .registry = EXECUTION, .act = act_fail, .text = "no quota"};
    script outer = {.name = "o", .registry = EXECUTION, .priority = -1, .act = look_after};
    work_init(&w);
    work_register(&w, &outer);
    work_register(&w, &intercept);
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_raised(&w, &last, SCOPEFLOW_STATUS_PLUGIN_ERROR, "plugin error: no quota"));
    CHECK(strcmp(w.trace, "o x after:o") == 0);
    CHECK(strstr(outer.seen, "\"message\":\"plugin error: no quota\"") != NULL);
    CHECK(strstr(outer.seen, "\"status\":\"plugin_error\"") != NULL);

    intercept.act = act_after;
    intercept.text = "{"; /* No JSON. */
    last = work_call(&w, "{}");
    CHECK(work_raised(&w, &last, SCOPEFLOW_STATUS_INVALID_JSON, ""));
    CHECK(work_deinit(&w));
}

static void decide_wrongly(script *self, scopeflow_invocation *invocation) {
    decide(self, invocation, is_after(invocation) ? SHORT_CIRCUIT : RETRY);
    CHECK(self->answered == SCOPEFLOW_STATUS_INVALID_STATE);
    CHECK(scopeflow_invocation_decide(invocation, 17, none(), NULL) ==
          SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    if (is_after(invocation)) return;
    decide(self, invocation, PROCEED); /* The last answer counts. */
    CHECK(self->answered == SCOPEFLOW_STATUS_OK);
}

static void a_decision_that_does_not_fit_fails_the_intercept(void) {
    work w;
    script intercept = {.name = "x", .registry = EXECUTION, .act = decide_wrongly, .text = "1"};
    work_init(&w);
    work_register(&w, &intercept);
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_raised(&w, &last, SCOPEFLOW_STATUS_INVALID_ARGUMENT, "native decision"));
    CHECK(strcmp(w.trace, "x execute:{} after:x") == 0);
    CHECK(work_deinit(&w));
}

static void a_cancellation_passes(void) {
    work w;
    script intercept = {.name = "x", .registry = EXECUTION, .act = act_after, .text = "1"};
    work_init(&w);
    work_register(&w, &intercept);
    w.cancels = true;
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_raised(&w, &last, SCOPEFLOW_STATUS_OK, "stop"));
    CHECK(strcmp(w.trace, "x execute:{}") == 0);
    CHECK(work_deinit(&w));
}

/* --- Among the host's --- */

static void native_and_host_intercepts_nest(void) {
    work w;
    script second = {.name = "b", .registry = EXECUTION, .priority = 2, .act = act_retry};
    script fourth = {.name = "d", .registry = EXECUTION, .priority = 4, .act = look_after};
    work_init(&w);
    work_register_host(&w, "a", EXECUTION, 1);
    work_register(&w, &second);
    work_register_host(&w, "c", EXECUTION, 3);
    work_register(&w, &fourth);
    w.results[0] = NULL;
    w.results[1] = "2";
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_returned(&w, &last, "2"));
    CHECK(strcmp(w.trace, "around:a b around:c d execute:{} after:d left:c after:b "
                          "around:c d execute:{} after:d left:c after:b left:a") == 0);
    CHECK(work_deinit(&w));
}

static void an_llm_call_is_retried_with_a_request_of_its_kind(void) {
    work w;
    script intercept = {.name = "x", .registry = LLM_EXECUTION, .act = act_retry, .text = "{}"};
    work_init(&w);
    work_register(&w, &intercept);
    w.results[0] = NULL;
    w.results[1] = "2";
    scopeflow_step last = work_call_llm(&w, "{\"headers\":{},\"content\":1}");
    CHECK(work_raised(&w, &last, SCOPEFLOW_STATUS_INVALID_ARGUMENT, "no LLM request"));
    intercept.text = "{\"headers\":{},\"content\":2}";
    w.executed = 0;
    last = work_call_llm(&w, "{\"headers\":{},\"content\":1}");
    CHECK(work_returned(&w, &last, "2"));
    CHECK(strstr(w.trace, "execute:{\"headers\":{},\"content\":2}") != NULL);
    CHECK(work_deinit(&w));
}

/* --- What is left behind --- */

static scopeflow_step begin(work *w, scopeflow_task *task, scopeflow_ref request) {
    scopeflow_tool_execute_options options = SCOPEFLOW_TOOL_EXECUTE_OPTIONS_INIT;
    scopeflow_step step;
    options.name = session_text("search");
    options.request = request;
    CHECK(scopeflow_tool_execute(w->session.runtime, &options, task, &step, NULL) ==
          SCOPEFLOW_STATUS_OK);
    return step;
}

static void an_abandoned_call_lets_go_of_its_frames(void) {
    work w;
    script first = {.name = "r", .registry = REQUEST, .act = act_replace, .text = "[1]"};
    script outer = {
        .name = "a", .registry = EXECUTION, .priority = 1, .act = act_before, .text = "[2]"};
    script inner = {
        .name = "b", .registry = EXECUTION, .priority = 2, .act = act_before, .text = "[3]"};
    scopeflow_task task;
    work_init(&w);
    work_register(&w, &first);
    work_register(&w, &inner);
    work_register(&w, &outer);
    scopeflow_ref const request = session_json(&w.session, "[0]");
    scopeflow_step step = begin(&w, &task, request);
    CHECK(step.kind == SCOPEFLOW_STEP_KIND_EXECUTE && step.callable == 0);
    CHECK(strcmp(object_of(step.input)->text, "[3]") == 0);

    /* A collector sees each request that was made, once. */
    scopeflow_ref held[4] = {0, 0, 0, 0};
    for (uint32_t i = 0; i < 4; i++)
        CHECK(scopeflow_task_held_at(&task, i, &held[i], NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(strcmp(object_of(held[0])->text, "[3]") == 0);
    CHECK(strcmp(object_of(held[1])->text, "[2]") == 0);
    CHECK(strcmp(object_of(held[2])->text, "[1]") == 0);
    CHECK(held[3] == 0);

    scopeflow_task_abandon(&task);
    object_release(object_of(request));
    CHECK(work_deinit(&w));
}

static void end_the_span(script *self, scopeflow_invocation *invocation) {
    if (!is_after(invocation)) return;
    session_pop(&self->owner->session, scopeflow_invocation_scope(invocation));
    decide(self, invocation, RETRY);
}

/* S3.7: what a `next` may not do, a retry may not either. */
static void nothing_is_retried_once_the_call_has_ended(void) {
    work w;
    script intercept = {.name = "x", .registry = EXECUTION, .act = end_the_span};
    work_init(&w);
    work_register(&w, &intercept);
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_raised(&w, &last, SCOPEFLOW_STATUS_INVALID_ARGUMENT, "no longer active"));
    CHECK(work_deinit(&w));
}

static void a_host_that_makes_no_result_fails_the_call(void) {
    work w;
    script intercept = {.name = "x", .registry = EXECUTION, .act = act_short, .text = "1"};
    work_init(&w);
    work_register(&w, &intercept);
    w.session.host.decodes_nothing = true;
    scopeflow_step last = work_call(&w, "{}");
    CHECK(last.kind == SCOPEFLOW_STEP_KIND_RAISE && last.value == 0);
    CHECK(last.status == SCOPEFLOW_STATUS_NO_MEMORY);
    CHECK(work_deinit(&w));
}

/* --- When memory runs out --- */

static void look_then_replace(script *self, scopeflow_invocation *invocation) {
    self->seen[0] = '\0';
    act_look(self, invocation);
    CHECK(self->seen[0] != '\0' || self->answered == SCOPEFLOW_STATUS_NO_MEMORY);
    act_replace(self, invocation);
}

/* Everything that native callables can do, with the n-th allocation failing. */
static bool try_with_failing_allocation(size_t n) {
    work w;
    script scripts[] = {
        {.name = "g", .registry = GUARD, .act = act_look},
        {.name = "r", .registry = REQUEST, .act = look_then_replace, .text = "{\"r\":1}"},
        {.name = "s", .registry = SANITIZER, .act = look_then_replace, .text = "{\"s\":1}"},
        {.name = "a", .registry = EXECUTION, .priority = 1, .act = act_retry, .text = "[9]"},
        {.name = "b", .registry = EXECUTION, .priority = 2, .act = act_before, .text = "[8]"},
        {.name = "c", .registry = EXECUTION, .priority = 3, .act = look_after},
        {.name = "l", .registry = SUBSCRIBER, .act = act_look},
    };
    size_t const count = sizeof scripts / sizeof *scripts;
    bool is_registered[sizeof scripts / sizeof *scripts];
    work_init(&w);
    w.results[0] = NULL;
    w.results[1] = "2";
    w.results[2] = "2";
    w.session.host.failing_allocation = w.session.host.allocation_count + n;
    for (size_t i = 0; i < count; i++) {
        scopeflow_native_callable const callable = script_callable(&w, &scripts[i]);
        is_registered[i] =
            scopeflow_native_register(w.session.runtime, &callable, NULL) == SCOPEFLOW_STATUS_OK;
        CHECK(scripts[i].destroy_count == 0);
    }
    scopeflow_step last = work_call(&w, "{}");
    CHECK(last.kind == SCOPEFLOW_STEP_KIND_RETURN || last.kind == SCOPEFLOW_STEP_KIND_RAISE);
    object_release(object_of(last.value));
    bool const has_failed = w.session.host.allocation_count >= w.session.host.failing_allocation;
    CHECK(work_deinit(&w));
    for (size_t i = 0; i < count; i++) CHECK(scripts[i].destroy_count == is_registered[i]);
    return has_failed;
}

static void nothing_is_lost_when_memory_runs_out(void) {
    size_t n = 1;
    while (try_with_failing_allocation(n)) n++;
    CHECK(n > 30);
}

static void look_at_nothing(script *self, scopeflow_invocation *invocation) {
    scopeflow_bytes text;
    self->answered = scopeflow_invocation_json(invocation, 17, &text, NULL);
}

static void what_could_not_be_looked_at_is_not_passed_on(void) {
    work w;
    script sanitizer = {.name = "s", .registry = SANITIZER, .act = look_at_nothing};
    work_init(&w);
    work_register(&w, &sanitizer);
    session_subscribe(&w.session, "log");
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_returned(&w, &last, "1"));
    CHECK(sanitizer.answered == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(line_has(&w, 1, "\"sanitize.failed\":\"s\""));
    CHECK(work_deinit(&w));
}

int main(void) {
    static const test tests[] = {
        {"an intercept that says nothing changes nothing",
         an_intercept_that_says_nothing_changes_nothing},
        {"the rest of the chain can be cut short", the_rest_of_the_chain_can_be_cut_short},
        {"another request is an attempt of its own", another_request_is_an_attempt_of_its_own},
        {"a result is replaced", a_result_is_replaced},
        {"an error is retried, and marked", an_error_is_retried_and_marked},
        {"a retry may have another request", a_retry_may_have_another_request},
        {"an intercept fails before and after", an_intercept_fails_before_and_after},
        {"a decision that does not fit fails the intercept",
         a_decision_that_does_not_fit_fails_the_intercept},
        {"a cancellation passes", a_cancellation_passes},
        {"native and host intercepts nest", native_and_host_intercepts_nest},
        {"an LLM call is retried with a request of its kind",
         an_llm_call_is_retried_with_a_request_of_its_kind},
        {"an abandoned call lets go of its frames", an_abandoned_call_lets_go_of_its_frames},
        {"nothing is retried once the call has ended", nothing_is_retried_once_the_call_has_ended},
        {"a host that makes no result fails the call", a_host_that_makes_no_result_fails_the_call},
        {"what could not be looked at is not passed on",
         what_could_not_be_looked_at_is_not_passed_on},
        {"nothing is lost when memory runs out", nothing_is_lost_when_memory_runs_out},
    };
    return RUN_TESTS(tests);
}
