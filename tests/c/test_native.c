/* Native callables (ADR 0020): that the core runs them, in one chain with the host's, what they are
 * shown and what their answers do. Execution intercepts: test_native_execution.c. */
#include "check.h"
#include "native_work.h"

#include <stddef.h>

enum {
    GUARD = SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL,
    INTERCEPT = SCOPEFLOW_REGISTRY_TOOL_REQUEST_INTERCEPT,
    SANITIZER = SCOPEFLOW_REGISTRY_TOOL_SANITIZE_REQUEST_GUARDRAIL,
    RESPONSE_SANITIZER = SCOPEFLOW_REGISTRY_TOOL_SANITIZE_RESPONSE_GUARDRAIL,
    MARK_SANITIZER = SCOPEFLOW_REGISTRY_MARK_SANITIZE_GUARDRAIL,
    INJECTOR = SCOPEFLOW_REGISTRY_EVENT_METADATA_INJECTOR,
    GATE = SCOPEFLOW_REGISTRY_CONDITIONAL_MIDDLEWARE_GUARDRAIL,
    SUBSCRIBER = SCOPEFLOW_REGISTRY_SUBSCRIBER,
    LLM_INTERCEPT = SCOPEFLOW_REGISTRY_LLM_REQUEST_INTERCEPT,
    LLM_SANITIZER = SCOPEFLOW_REGISTRY_LLM_SANITIZE_REQUEST_GUARDRAIL
};

static bool line_has(const work *w, size_t index, const char *text) {
    return index < w->session.line_count && strstr(w->session.lines[index], text) != NULL;
}

/* --- Guards --- */

static void a_guard_that_says_nothing_lets_the_call_through(void) {
    work w;
    script guard = {.name = "g", .registry = GUARD};
    work_init(&w);
    work_register(&w, &guard);
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_returned(&w, &last, "1"));
    CHECK(strcmp(w.trace, "g execute:{}") == 0);
    CHECK(w.session.host.encode_count == 0); /* It did not ask. */
    CHECK(work_deinit(&w));
    CHECK(guard.destroy_count == 1);
}

static void native_and_host_guards_are_one_chain(void) {
    work w;
    script second = {.name = "b", .registry = GUARD, .priority = 2};
    script fourth = {
        .name = "d", .registry = GUARD, .priority = 4, .act = act_refuse, .text = "no \"luck\""};
    script never = {.name = "e", .registry = GUARD, .priority = 5};
    work_init(&w);
    work_register(&w, &never);
    work_register(&w, &fourth);
    work_register_host(&w, "c", GUARD, 3);
    work_register(&w, &second);
    work_register_host(&w, "a", GUARD, 1);
    session_subscribe(&w.session, "log");
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_raised(&w, &last, SCOPEFLOW_STATUS_GUARDRAIL_REJECTED, "no \\\"luck\\\""));
    CHECK(strcmp(w.trace, "invoke:a b invoke:c d") == 0);
    CHECK(line_has(&w, 0, "\"rejection_reason\":\"no \\\"luck\\\"\""));
    CHECK(line_has(&w, 0, "\"guardrail\":\"d\""));
    CHECK(work_deinit(&w));
}

static void a_failing_guard_refuses_with_an_error_of_the_runtime(void) {
    work w;
    script guard = {.name = "g", .registry = GUARD, .act = act_fail, .text = "no rules at /etc"};
    work_init(&w);
    work_register(&w, &guard);
    session_subscribe(&w.session, "log");
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_raised(&w, &last, SCOPEFLOW_STATUS_PLUGIN_ERROR, "plugin error: no rules at /etc"));
    CHECK(line_has(&w, 0,
                   "\"error\":{\"message\":\"plugin error: no rules at /etc\""
                   ",\"type\":\"PluginError\"}"));
    CHECK(line_has(&w, 0, "\"registration\":\"g\",\"step\":\"guard\""));
    CHECK(work_deinit(&w));
}

static void look_twice(script *self, scopeflow_invocation *invocation) {
    act_look(self, invocation);
    act_look(self, invocation);
    CHECK(scopeflow_invocation_registry(invocation) == GUARD);
    CHECK(scopeflow_invocation_target(invocation).len == strlen("search"));
    CHECK(scopeflow_invocation_tool_call_id(invocation).len == strlen("call-1"));
    CHECK(scopeflow_invocation_model_name(invocation).len == 0);
    CHECK(scopeflow_invocation_runtime(invocation) == self->owner->session.runtime);
    CHECK(scopeflow_invocation_scope(invocation) != NULL);
    CHECK(scopeflow_invocation_event(invocation) == NULL);
    CHECK(scopeflow_invocation_attempt(invocation) == 0);
    CHECK(scopeflow_invocation_outcome(invocation) == SCOPEFLOW_ANSWER_KIND_VALUE);
    scopeflow_bytes none;
    CHECK(scopeflow_invocation_json(invocation, SCOPEFLOW_NATIVE_PART_OUTCOME, &none, NULL) ==
          SCOPEFLOW_STATUS_OK);
    CHECK(none.len == 4 && memcmp(none.ptr, "null", 4) == 0);
}

static void a_payload_is_encoded_when_it_is_asked_for_and_once(void) {
    work w;
    script guard = {.name = "g", .registry = GUARD, .act = look_twice};
    work_init(&w);
    work_register(&w, &guard);
    scopeflow_step last = work_call(&w, "{\"b\": 1, \"a\": [true]}");
    CHECK(work_returned(&w, &last, "1"));
    CHECK(strcmp(guard.seen, "{\"a\":[true],\"b\":1}") == 0);
    CHECK(w.session.host.encode_count == 1 && w.session.host.endless_count == 1);
    CHECK(work_deinit(&w));
}

/* --- Request intercepts --- */

static void what_no_intercept_changed_goes_on_itself(void) {
    work w;
    script first = {.name = "a", .registry = INTERCEPT, .priority = 1};
    script second = {.name = "b",
                     .registry = INTERCEPT,
                     .priority = 2,
                     .flags = SCOPEFLOW_CALLABLE_FLAG_BREAK_CHAIN};
    script never = {.name = "c", .registry = INTERCEPT, .priority = 3};
    work_init(&w);
    work_register(&w, &first);
    work_register(&w, &second);
    work_register(&w, &never);
    scopeflow_step last = work_call(&w, "{ }");
    CHECK(work_returned(&w, &last, "1"));
    CHECK(strcmp(w.trace, "a b execute:{ }") == 0);
    CHECK(w.session.host.encode_count == 0 && w.session.host.decode_count == 0);
    CHECK(work_deinit(&w));
}

static void an_intercept_replaces_the_request(void) {
    work w;
    script first = {
        .name = "a", .registry = INTERCEPT, .priority = 1, .act = act_replace, .text = "{\"q\":1}"};
    script third = {.name = "c", .registry = INTERCEPT, .priority = 3, .act = act_look};
    work_init(&w);
    work_register(&w, &first);
    work_register_host(&w, "b", INTERCEPT, 2);
    work_register(&w, &third);
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_returned(&w, &last, "1"));
    CHECK(strcmp(w.trace, "a invoke:b c execute:{\"q\":1}") == 0);
    CHECK(strcmp(third.seen, "{\"q\":1}") == 0);
    CHECK(work_deinit(&w));
}

static void an_intercept_that_gives_null_has_returned_nothing(void) {
    work w;
    script intercept = {.name = "i", .registry = INTERCEPT, .act = act_replace, .text = " null"};
    work_init(&w);
    work_register(&w, &intercept);
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_raised(&w, &last, SCOPEFLOW_STATUS_INVALID_ARGUMENT, "returned nothing"));
    last = work_call(&w, "null");
    CHECK(work_returned(&w, &last, "1"));
    CHECK(work_deinit(&w));
}

static void json_that_is_none_fails_whoever_gave_it(void) {
    static const char *const texts[] = {"{", "", "{\"a\":01}", "\xff"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        work w;
        script intercept = {.name = "i", .registry = INTERCEPT, .act = act_replace};
        intercept.text = texts[i];
        work_init(&w);
        work_register(&w, &intercept);
        scopeflow_step last = work_call(&w, "{}");
        CHECK(work_raised(&w, &last, intercept.answered, ""));
        CHECK(intercept.answered >= 2000 && intercept.answered < 3000);
        CHECK(work_deinit(&w));
    }
}

/* --- Sanitizers, injectors, subscribers --- */

static void a_sanitizer_changes_what_observers_see_and_no_more(void) {
    work w;
    script request = {
        .name = "s", .registry = SANITIZER, .act = act_replace, .text = "{\"card\":\"***\"}"};
    script response = {.name = "r", .registry = RESPONSE_SANITIZER};
    work_init(&w);
    work_register(&w, &request);
    work_register(&w, &response);
    session_subscribe(&w.session, "log");
    scopeflow_step last = work_call(&w, "{\"card\":\"4111\"}");
    CHECK(work_returned(&w, &last, "1"));
    CHECK(strcmp(w.trace, "s execute:{\"card\":\"4111\"} r") == 0);
    CHECK(line_has(&w, 0, "\"data\":{\"card\":\"***\"}"));
    CHECK(line_has(&w, 1, "\"data\":1"));
    CHECK(work_deinit(&w));
}

/* S3.6 */
static void a_sanitizer_that_fails_in_any_way_withholds_the_payload(void) {
    script ways[] = {
        {.name = "s", .registry = SANITIZER, .act = act_fail, .text = "no key"},
        {.name = "s", .registry = SANITIZER, .act = act_replace, .text = "{\"broken"},
        {.name = "s", .registry = SANITIZER, .act = act_replace, .text = "null"},
        {.name = "s", .registry = SANITIZER, .act = act_refuse, .text = "it cannot"},
    };
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        work w;
        work_init(&w);
        work_register(&w, &ways[i]);
        session_subscribe(&w.session, "log");
        scopeflow_step last = work_call(&w, "{\"card\":\"4111\"}");
        CHECK(work_returned(&w, &last, "1"));
        CHECK(line_has(&w, 0, "\"data\":null"));
        CHECK(line_has(&w, 0, "\"sanitize.failed\":\"s\""));
        CHECK(work_deinit(&w));
    }
}

static void a_response_sanitizer_sees_the_text_of_an_error_and_of_a_reason(void) {
    work w;
    script sanitizer = {.name = "r", .registry = RESPONSE_SANITIZER, .act = act_look};
    work_init(&w);
    work_register(&w, &sanitizer);
    session_subscribe(&w.session, "log");
    w.results[0] = NULL;
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_raised(&w, &last, SCOPEFLOW_STATUS_OK, "boom"));
    CHECK(strcmp(sanitizer.seen, "{\"error\":{\"message\":\"boom\",\"type\":\"ValueError\"}}") ==
          0);

    script guard = {.name = "g", .registry = GUARD, .act = act_refuse, .text = "no"};
    work_register(&w, &guard);
    last = work_call(&w, "{}");
    CHECK(work_raised(&w, &last, SCOPEFLOW_STATUS_GUARDRAIL_REJECTED, "no"));
    CHECK(strcmp(sanitizer.seen,
                 "{\"error\":{\"message\":\"no\",\"type\":\"GuardrailRejected\"}}") == 0);
    CHECK(work_deinit(&w));
}

static void event_sanitizers_and_injectors_see_and_change_events(void) {
    work w;
    script injector = {
        .name = "i", .registry = INJECTOR, .act = act_replace, .text = "{\"host\":\"h1\"}"};
    script sanitizer = {.name = "m", .registry = MARK_SANITIZER, .act = act_look};
    script second = {.name = "n",
                     .registry = MARK_SANITIZER,
                     .act = act_replace,
                     .text = "{\"data\":7,\"metadata\":{\"a\":1},\"category_profile\":null}"};
    work_init(&w);
    work_register(&w, &injector);
    work_register(&w, &sanitizer);
    work_register(&w, &second);
    session_subscribe(&w.session, "log");
    session_mark(&w.session, NULL, "seen");
    CHECK(strcmp(w.trace, "i m n") == 0);
    CHECK(strcmp(sanitizer.seen, "{\"data\":null,\"metadata\":{\"host\":\"h1\"},"
                                 "\"category_profile\":null}") == 0);
    CHECK(line_has(&w, 0, "\"data\":7") && line_has(&w, 0, "\"metadata\":{\"a\":1}"));

    second.text = "[7]";
    session_mark(&w.session, NULL, "seen");
    CHECK(second.answered == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(line_has(&w, 1, "\"sanitize.failed\":\"n\""));
    CHECK(work_deinit(&w));
}

static void a_subscriber_gets_events_in_its_turn(void) {
    work w;
    script first = {.name = "a", .registry = SUBSCRIBER, .act = act_look};
    script failing = {.name = "b", .registry = SUBSCRIBER, .act = act_fail, .text = "disk full"};
    scopeflow_runtime_stats stats;
    work_init(&w);
    work_register(&w, &first);
    work_register(&w, &failing);
    session_subscribe(&w.session, "log");
    session_mark(&w.session, NULL, "seen");
    CHECK(strcmp(w.trace, "a b") == 0);
    CHECK(strcmp(first.seen, w.session.lines[0]) == 0);
    CHECK(scopeflow_runtime_read_stats(w.session.runtime, &stats, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(stats.subscriber_error_count == 1 && stats.mark_event_count == 1);
    CHECK(work_deinit(&w));
}

static void a_gate_switches_a_native_guard_off(void) {
    work w;
    script guard = {.name = "g", .registry = GUARD, .act = act_refuse, .text = "no"};
    script gate = {.name = "gate",
                   .registry = GATE,
                   .act = act_refuse,
                   .text = "not today",
                   .kinds = 1u << (GUARD - 1),
                   .gated = "g"};
    work_init(&w);
    work_register(&w, &guard);
    work_register(&w, &gate);
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_returned(&w, &last, "1"));
    CHECK(strcmp(w.trace, "gate execute:{}") == 0);
    gate.act = act_fail;
    last = work_call(&w, "{}");
    CHECK(work_raised(&w, &last, SCOPEFLOW_STATUS_GUARDRAIL_REJECTED, "no"));
    CHECK(work_deinit(&w));
}

/* --- LLM requests --- */

static const char request_text[] = "{\"content\":{\"m\":1},\"headers\":{\"Authorization\":\"k\"}}";

/* S3.6 */
static void a_sanitizer_never_sees_credentials(void) {
    work w;
    script sanitizer = {.name = "s", .registry = LLM_SANITIZER, .act = act_look};
    script intercept = {.name = "i", .registry = LLM_INTERCEPT, .act = act_look};
    work_init(&w);
    work_register(&w, &sanitizer);
    work_register(&w, &intercept);
    session_subscribe(&w.session, "log");
    scopeflow_step last = work_call_llm(&w, request_text);
    CHECK(work_returned(&w, &last, "1"));
    CHECK(strcmp(sanitizer.seen, "{\"content\":{\"m\":1},\"headers\":{}}") == 0);
    CHECK(strcmp(intercept.seen, request_text) == 0);
    CHECK(work_deinit(&w));
}

/* S3.11 */
static void an_llm_request_has_headers_and_content(void) {
    static const char *const texts[] = {"1", "{}", "{\"headers\":{}}",
                                        "{\"headers\":1,\"content\":1}"};
    work w;
    script intercept = {.name = "i", .registry = LLM_INTERCEPT, .act = act_replace};
    scopeflow_step last;
    work_init(&w);
    work_register(&w, &intercept);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        intercept.text = texts[i];
        last = work_call_llm(&w, request_text);
        CHECK(work_raised(&w, &last, SCOPEFLOW_STATUS_INVALID_ARGUMENT, "no LLM request"));
    }
    intercept.text = "{\"headers\":{},\"content\":null}";
    last = work_call_llm(&w, request_text);
    CHECK(work_returned(&w, &last, "1"));
    CHECK(work_deinit(&w));
}

/* --- Life --- */

static void deregister_oneself(script *self, scopeflow_invocation *invocation) {
    CHECK(work_deregister(self->owner, self));
    CHECK(self->destroy_count == 0); /* This call uses it. */
    act_refuse(self, invocation);
}

static void a_callable_is_given_back_once_nobody_uses_it(void) {
    work w;
    script guard = {.name = "g", .registry = GUARD, .act = deregister_oneself, .text = "no"};
    work_init(&w);
    work_register(&w, &guard);
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_raised(&w, &last, SCOPEFLOW_STATUS_GUARDRAIL_REJECTED, "no"));
    CHECK(guard.destroy_count == 1);
    CHECK(!work_deregister(&w, &guard));
    last = work_call(&w, "{}");
    CHECK(work_returned(&w, &last, "1"));
    CHECK(work_deinit(&w));
    CHECK(guard.destroy_count == 1);
}

static void a_registration_that_fails_leaves_the_callable_to_its_owner(void) {
    work w;
    script guard = {.name = "g", .registry = GUARD};
    script same = {.name = "g", .registry = GUARD};
    work_init(&w);
    work_register(&w, &guard);
    scopeflow_native_callable const callable = script_callable(&w, &same);
    CHECK(scopeflow_native_register(w.session.runtime, &callable, NULL) ==
          SCOPEFLOW_STATUS_ALREADY_EXISTS);
    CHECK(same.destroy_count == 0);
    CHECK(work_deinit(&w));
    CHECK(same.destroy_count == 0 && guard.destroy_count == 1);
}

static void a_callable_may_lack_a_destroy(void) {
    work w;
    script guard = {.name = "g", .registry = GUARD};
    work_init(&w);
    scopeflow_native_callable callable = script_callable(&w, &guard);
    callable.destroy = NULL;
    CHECK(scopeflow_native_register(w.session.runtime, &callable, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(work_deregister(&w, &guard));
    CHECK(work_deinit(&w));
    CHECK(guard.destroy_count == 0);
}

static void a_scope_has_native_callables_of_its_own(void) {
    work w;
    script subscriber = {.name = "s", .registry = SUBSCRIBER};
    uint32_t removed = 0;
    work_init(&w);
    scopeflow_scope *const scope = session_push(&w.session, NULL, "a");
    scopeflow_native_callable const callable = script_callable(&w, &subscriber);
    CHECK(scopeflow_native_scope_register(scope, &callable, NULL) == SCOPEFLOW_STATUS_OK);
    session_mark(&w.session, scope, "inside");
    session_mark(&w.session, NULL, "outside");
    CHECK(subscriber.run_count == 1);
    CHECK(scopeflow_native_scope_deregister(scope, SUBSCRIBER, session_text("s"), &removed, NULL) ==
          SCOPEFLOW_STATUS_OK);
    CHECK(removed == 1 && subscriber.destroy_count == 1);
    session_pop(&w.session, scope);
    CHECK(scopeflow_native_scope_register(scope, &callable, NULL) == SCOPEFLOW_STATUS_NOT_FOUND);
    scopeflow_scope_release(scope);
    CHECK(work_deinit(&w));
}

static script added = {.name = "added", .registry = GUARD, .priority = 9};

static void use_the_runtime(script *self, scopeflow_invocation *invocation) {
    (void)invocation;
    if (self->run_count > 1) return;
    work_register(self->owner, &added);
    session_mark(&self->owner->session, NULL, "from inside");
    scopeflow_step last = work_call(self->owner, "[]");
    CHECK(work_returned(self->owner, &last, "1"));
}

/* S3.4 */
static void a_callable_may_use_the_runtime(void) {
    work w;
    script guard = {.name = "g", .registry = GUARD, .act = use_the_runtime};
    work_init(&w);
    w.results[1] = "1";
    work_register(&w, &guard);
    session_subscribe(&w.session, "log");
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_returned(&w, &last, "1"));
    /* The inner call sees what was added, the outer one what was there when it began. */
    CHECK(strcmp(w.trace, "g g added execute:[] execute:{}") == 0);
    CHECK(line_has(&w, 0, "from inside"));
    CHECK(work_deinit(&w));
}

/* --- What is refused --- */

static void refused_registrations(void) {
    work w;
    script guard = {.name = "g", .registry = GUARD};
    work_init(&w);
    scopeflow_native_callable const good = script_callable(&w, &guard);
    scopeflow_native_callable bad[9];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) bad[i] = good;
    bad[0].struct_size_bytes = (uint32_t)offsetof(scopeflow_native_callable, destroy);
    bad[1].registry = SCOPEFLOW_REGISTRY_LLM_STREAM_EXECUTION_INTERCEPT;
    bad[2].registry = 99;
    bad[3].flags = SCOPEFLOW_CALLABLE_FLAG_ASYNC;
    bad[4].flags = SCOPEFLOW_CALLABLE_FLAG_BREAK_CHAIN; /* A guard breaks no chain. */
    bad[5].run = NULL;
    bad[6].kinds = 1;
    bad[7].name.len = 0;
    bad[8].name.ptr = NULL;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        scopeflow_status const status = scopeflow_native_register(w.session.runtime, &bad[i], NULL);
        CHECK(i == 7 || status == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    }
    scopeflow_native_callable gate = good;
    gate.registry = GATE;
    gate.gated = session_text("x");
    CHECK(scopeflow_native_register(w.session.runtime, &gate, NULL) ==
          SCOPEFLOW_STATUS_INVALID_ARGUMENT); /* About no registry. */
    gate.kinds = 1u << (SUBSCRIBER - 1);
    CHECK(scopeflow_native_register(w.session.runtime, &gate, NULL) ==
          SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(scopeflow_native_register(w.session.runtime, NULL, NULL) ==
          SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(scopeflow_native_register(NULL, &good, NULL) == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(work_deinit(&w));
}

static void a_host_that_can_make_nothing_of_answers_gets_no_native_callables(void) {
    scopeflow_runtime_new_options const options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    work w;
    script guard = {.name = "g", .registry = GUARD};
    scopeflow_runtime *runtime = NULL;
    scopeflow_error error;
    work_init(&w);
    scopeflow_native_callable const callable = script_callable(&w, &guard);
    CHECK(scopeflow_runtime_new(NULL, &options, &runtime, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_native_register(runtime, &callable, &error) == SCOPEFLOW_STATUS_INVALID_STATE);
    CHECK(strstr(error.message, "`decode` and `make_error`") != NULL);
    scopeflow_runtime_free(runtime);
    CHECK(work_deinit(&w));
}

static void answer_wrongly(script *self, scopeflow_invocation *invocation) {
    scopeflow_error error;
    CHECK(scopeflow_invocation_replace(invocation, session_text("{}"), &error) ==
          SCOPEFLOW_STATUS_INVALID_STATE);
    CHECK(strstr(error.message, "nothing to replace") != NULL);
    CHECK(scopeflow_invocation_decide(invocation, SCOPEFLOW_NATIVE_DECISION_PROCEED,
                                      session_text(""), NULL) == SCOPEFLOW_STATUS_INVALID_STATE);
    CHECK(scopeflow_invocation_fail(invocation, 4711, session_text("x"), NULL) ==
          SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(scopeflow_invocation_refuse(invocation, session_text("\xff"), NULL) ==
          SCOPEFLOW_STATUS_INVALID_UTF8);
    CHECK(scopeflow_invocation_fail(invocation, 0, session_text("\xff"), NULL) ==
          SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    (void)self;
}

static void an_answer_that_does_not_fit_fails_the_callable(void) {
    work w;
    script guard = {.name = "g", .registry = GUARD, .act = answer_wrongly};
    work_init(&w);
    work_register(&w, &guard);
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_raised(&w, &last, SCOPEFLOW_STATUS_INVALID_ARGUMENT, "the message is no UTF-8"));
    CHECK(work_deinit(&w));
}

static void refuse_after_failing(script *self, scopeflow_invocation *invocation) {
    CHECK(scopeflow_invocation_fail(invocation, SCOPEFLOW_STATUS_LIMIT_EXCEEDED,
                                    session_text("99 rules"), NULL) == SCOPEFLOW_STATUS_OK);
    act_refuse(self, invocation);
}

static void the_last_answer_counts(void) {
    work w;
    script guard = {.name = "g", .registry = GUARD, .act = refuse_after_failing, .text = "no"};
    work_init(&w);
    work_register(&w, &guard);
    scopeflow_step last = work_call(&w, "{}");
    CHECK(work_raised(&w, &last, SCOPEFLOW_STATUS_GUARDRAIL_REJECTED, "no"));
    CHECK(work_deinit(&w));
}

static void a_host_that_makes_no_object_lets_nothing_through(void) {
    work w;
    script guard = {.name = "g", .registry = GUARD, .act = act_refuse, .text = "no"};
    script intercept = {.name = "i", .registry = INTERCEPT, .act = act_replace, .text = "{}"};
    work_init(&w);
    work_register(&w, &guard);
    w.session.host.decodes_nothing = true;
    scopeflow_step last = work_call(&w, "{}");
    CHECK(last.kind == SCOPEFLOW_STEP_KIND_RAISE && last.value == 0);
    CHECK(last.status == SCOPEFLOW_STATUS_GUARDRAIL_REJECTED);
    guard.act = act_fail;
    last = work_call(&w, "{}");
    CHECK(last.kind == SCOPEFLOW_STEP_KIND_RAISE && last.value == 0);
    CHECK(last.status == SCOPEFLOW_STATUS_PLUGIN_ERROR);
    CHECK(work_deregister(&w, &guard));
    work_register(&w, &intercept);
    last = work_call(&w, "{}");
    CHECK(last.kind == SCOPEFLOW_STEP_KIND_RAISE && last.value == 0);
    CHECK(last.status == SCOPEFLOW_STATUS_NO_MEMORY);
    CHECK(work_deinit(&w));
}

/* --- The function table --- */

static void the_table_has_the_functions(void) {
    const scopeflow_functions *const table = scopeflow_get_functions();
    CHECK(table->struct_size_bytes == sizeof *table);
    CHECK(table->native_register == scopeflow_native_register);
    CHECK(table->invocation_json == scopeflow_invocation_json);
    CHECK(SCOPEFLOW_HAS_FUNCTION(table, runtime_root));
    scopeflow_functions shorter = *table;
    shorter.struct_size_bytes = (uint32_t)offsetof(scopeflow_functions, runtime_root);
    CHECK(!SCOPEFLOW_HAS_FUNCTION(&shorter, runtime_root));
    CHECK(SCOPEFLOW_HAS_FUNCTION(&shorter, scope_describe));
}

int main(void) {
    static const test tests[] = {
        {"a guard that says nothing lets the call through",
         a_guard_that_says_nothing_lets_the_call_through},
        {"native and host guards are one chain", native_and_host_guards_are_one_chain},
        {"a failing guard refuses with an error of the runtime",
         a_failing_guard_refuses_with_an_error_of_the_runtime},
        {"a payload is encoded when it is asked for, and once",
         a_payload_is_encoded_when_it_is_asked_for_and_once},
        {"what no intercept changed goes on itself", what_no_intercept_changed_goes_on_itself},
        {"an intercept replaces the request", an_intercept_replaces_the_request},
        {"an intercept that gives null has returned nothing",
         an_intercept_that_gives_null_has_returned_nothing},
        {"JSON that is none fails whoever gave it", json_that_is_none_fails_whoever_gave_it},
        {"a sanitizer changes what observers see, and no more",
         a_sanitizer_changes_what_observers_see_and_no_more},
        {"a sanitizer that fails in any way withholds the payload",
         a_sanitizer_that_fails_in_any_way_withholds_the_payload},
        {"a response sanitizer sees the text of an error and of a reason",
         a_response_sanitizer_sees_the_text_of_an_error_and_of_a_reason},
        {"event sanitizers and injectors see and change events",
         event_sanitizers_and_injectors_see_and_change_events},
        {"a subscriber gets events in its turn", a_subscriber_gets_events_in_its_turn},
        {"a gate switches a native guard off", a_gate_switches_a_native_guard_off},
        {"a sanitizer never sees credentials", a_sanitizer_never_sees_credentials},
        {"an LLM request has headers and content", an_llm_request_has_headers_and_content},
        {"a callable is given back once nobody uses it",
         a_callable_is_given_back_once_nobody_uses_it},
        {"a registration that fails leaves the callable to its owner",
         a_registration_that_fails_leaves_the_callable_to_its_owner},
        {"a callable may lack a destroy", a_callable_may_lack_a_destroy},
        {"a scope has native callables of its own", a_scope_has_native_callables_of_its_own},
        {"a callable may use the runtime", a_callable_may_use_the_runtime},
        {"refused registrations", refused_registrations},
        {"a host that can make nothing of answers gets no native callables",
         a_host_that_can_make_nothing_of_answers_gets_no_native_callables},
        {"an answer that does not fit fails the callable",
         an_answer_that_does_not_fit_fails_the_callable},
        {"the last answer counts", the_last_answer_counts},
        {"a host that makes no object lets nothing through",
         a_host_that_makes_no_object_lets_nothing_through},
        {"the table has the functions", the_table_has_the_functions},
    };
    return RUN_TESTS(tests);
}
