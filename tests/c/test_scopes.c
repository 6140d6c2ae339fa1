/* The scope tree: counting, abandonment, deep trees. */
#include "check.h"
#include "session.h"

#include <stdlib.h>

enum { DEEP = 200000 };

static void a_deep_tree_is_released_without_a_deep_stack(void) {
    session s;
    session_init(&s);
    scopeflow_scope *current = NULL;
    for (int i = 0; i < DEEP; i++) {
        scopeflow_scope *const next = session_push(&s, current, "n");
        scopeflow_scope_release(current);
        current = next;
    }
    scopeflow_runtime_stats stats;
    scopeflow_scope_release(current); /* All of them at once. */
    CHECK(scopeflow_runtime_read_stats(s.runtime, &stats, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(stats.abandoned_scope_count >= 1);
    while (stats.abandoned_scope_count < DEEP) {
        uint64_t const before = stats.abandoned_scope_count;
        session_flush(&s);
        CHECK(scopeflow_runtime_read_stats(s.runtime, &stats, NULL) == SCOPEFLOW_STATUS_OK);
        if (stats.abandoned_scope_count == before) break;
    }
    CHECK(stats.abandoned_scope_count == DEEP);
    CHECK(session_deinit(&s));
}

static void a_deep_tree_that_has_ended_is_released_too(void) {
    session s;
    session_init(&s);
    scopeflow_scope **const scopes = malloc(DEEP * sizeof *scopes);
    if (scopes == NULL) abort();
    for (int i = 0; i < DEEP; i++) scopes[i] = session_push(&s, i > 0 ? scopes[i - 1] : NULL, "n");
    session_subscribe(&s, "log");
    session_mark(&s, scopes[DEEP - 1], "deep"); /* The chain is resolved without recursion. */
    CHECK(s.line_count == 1);
    for (int i = DEEP; i-- > 0;) session_pop(&s, scopes[i]);
    for (int i = 0; i < DEEP; i++) scopeflow_scope_release(scopes[i]);
    free(scopes);
    CHECK(session_deinit(&s));
}

static void runtime_may_go_before_its_scopes(void) {
    session s;
    session_init(&s);
    scopeflow_scope *const scope = session_push(&s, NULL, "a");
    scopeflow_scope *root = NULL;
    CHECK(scopeflow_runtime_root(s.runtime, &root, NULL) == SCOPEFLOW_STATUS_OK);
    scopeflow_runtime_free(s.runtime);
    s.runtime = NULL;
    scopeflow_scope_info info;
    CHECK(scopeflow_scope_describe(scope, &info, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(info.name.len == 1 && info.name.ptr[0] == 'a');
    CHECK(scopeflow_scope_is_open(root));
    scopeflow_scope_release(root);
    scopeflow_scope_release(scope);
    CHECK(session_deinit(&s));
}

/* S1.12: an open scope that only its child holds is not forgotten. */
static void a_scope_is_held_by_its_open_child(void) {
    session s;
    session_init(&s);
    session_subscribe(&s, "log");
    scopeflow_scope *const parent = session_push(&s, NULL, "parent");
    scopeflow_scope *const child = session_push(&s, parent, "child");
    scopeflow_scope_release(parent);
    session_flush(&s);
    CHECK(s.line_count == 2);
    session_pop(&s, child);
    CHECK(s.line_count == 3);
    scopeflow_scope_release(child); /* Now nobody holds the parent. */
    session_flush(&s);
    CHECK(s.line_count == 4);
    CHECK(strstr(s.lines[3], "\"name\":\"parent\"") != NULL);
    CHECK(strstr(s.lines[3], "\"error.type\":\"abandoned\"") != NULL);
    CHECK(session_deinit(&s));
}

static void abandoned_scopes_are_ended_in_order_by_any_operation(void) {
    session s;
    session_init(&s);
    session_subscribe(&s, "log");
    scopeflow_scope *const one = session_push(&s, NULL, "one");
    scopeflow_scope *const two = session_push(&s, NULL, "two");
    scopeflow_scope_release(two);
    scopeflow_scope_release(one);
    session_mark(&s, NULL, "m");
    CHECK(s.line_count == 5);
    CHECK(strstr(s.lines[2], "\"name\":\"two\"") != NULL);
    CHECK(strstr(s.lines[3], "\"name\":\"one\"") != NULL);
    CHECK(strstr(s.lines[4], "\"name\":\"m\"") != NULL);
    CHECK(session_deinit(&s));
}

static void scopes_abandoned_before_the_end_are_dropped_with_the_runtime(void) {
    session s;
    session_init(&s);
    session_subscribe(&s, "log");
    scopeflow_scope_release(session_push(&s, NULL, "a"));
    CHECK(session_deinit(&s));
}

/* The tape of metadata is the caller's until the push succeeds, then the scope's. */
static void metadata_is_taken_and_can_be_visited(void) {
    session s;
    scopeflow_scope_push_options options = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    session_init(&s);
    options.name = session_text("a");
    options.metadata = session_json(&s, "{\"k\":1}");
    options.attributes = 8;
    CHECK(scopeflow_scope_push(s.runtime, &options, &task, &step, NULL) ==
          SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(object_of(options.metadata)->refs == 1);
    options.attributes = 0;
    CHECK(scopeflow_scope_push(s.runtime, &options, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(step.kind == SCOPEFLOW_STEP_KIND_DONE);
    CHECK(scopeflow_scope_metadata(step.scope) == options.metadata);
    CHECK(scopeflow_scope_metadata(NULL) == 0);
    session_pop(&s, step.scope);
    scopeflow_scope_release(step.scope);
    CHECK(session_deinit(&s));
}

static void what_was_registered_can_be_visited(void) {
    session s;
    scopeflow_ref callable = 1;
    session_init(&s);
    scopeflow_scope *const scope = session_push(&s, NULL, "a");
    CHECK(scopeflow_scope_callable_at(scope, 0, &callable, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(callable == 0);
    scopeflow_ref const local = session_json(&s, "1");
    CHECK(scopeflow_scope_register_subscriber(scope, session_text("s"), local, 0, NULL) ==
          SCOPEFLOW_STATUS_OK);
    /* The scope's end is still owed to it (S1.12). */
    CHECK(scopeflow_scope_callable_at(scope, 0, &callable, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(callable == 0);
    scopeflow_scope *const below = session_push(&s, scope, "below");
    session_pop(&s, scope);
    /* That of the scope below is, too. */
    CHECK(scopeflow_scope_callable_at(scope, 0, &callable, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(callable == 0);
    session_pop(&s, below);
    CHECK(scopeflow_scope_callable_at(scope, 0, &callable, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(callable == local);
    CHECK(scopeflow_scope_callable_at(scope, 1, &callable, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(callable == 0);
    /* What the runtime itself has is another list. */
    CHECK(scopeflow_runtime_callable_at(s.runtime, 0, &callable, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(callable == 0);
    scopeflow_ref const global = session_json(&s, "2");
    CHECK(scopeflow_register_subscriber(s.runtime, session_text("s"), global, 0, NULL) ==
          SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_runtime_callable_at(s.runtime, 0, &callable, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(callable == global);
    scopeflow_scope_release(below);
    scopeflow_scope_release(scope);
    CHECK(session_deinit(&s));
}

/* S2.4: whoever tells of the end. */
static void an_end_names_an_error_of_the_runtimes_own(void) {
    session s;
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_scope_pop_options options = SCOPEFLOW_SCOPE_POP_OPTIONS_INIT;
    session_init(&s);
    session_subscribe(&s, "log");
    scopeflow_scope *const scope = session_push(&s, NULL, "a");
    object *const error = object_new_error(&s.host, "NotFound", "gone");
    error->status = SCOPEFLOW_STATUS_NOT_FOUND;
    options.current = scope;
    options.emitter = &s.emitter;
    options.status = SCOPEFLOW_END_STATUS_ERROR;
    options.error = object_ref(error);
    CHECK(scopeflow_scope_pop(scope, &options, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    (void)session_drive(&s, &task, &step);
    CHECK(strstr(s.lines[s.line_count - 1], "\"error.type\":\"not_found\"") != NULL);
    object_release(error);
    scopeflow_scope_release(scope);
    CHECK(session_deinit(&s));
}

static void a_scope_knows_its_facts(void) {
    session s;
    scopeflow_scope_push_options options = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_scope_info info;
    session_init(&s);
    options.name = session_text("fetch");
    options.type = SCOPEFLOW_SCOPE_TYPE_CUSTOM;
    options.subtype = session_text("io");
    options.attributes = SCOPEFLOW_SCOPE_ATTRIBUTE_PARALLEL;
    options.timestamp_ns = 12345;
    CHECK(scopeflow_scope_push(s.runtime, &options, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_scope_describe(step.scope, &info, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(info.started_at_ns == 12345);
    CHECK(info.type == SCOPEFLOW_SCOPE_TYPE_CUSTOM);
    CHECK(info.attributes == SCOPEFLOW_SCOPE_ATTRIBUTE_PARALLEL);
    CHECK(info.subtype.len == 2 && memcmp(info.subtype.ptr, "io", 2) == 0);
    CHECK(info.tool_call_id.len == 0);
    CHECK(info.uuid.bytes[15] == 1 && info.parent_uuid.bytes[15] == 0);
    CHECK(info.uuid.bytes[6] >> 4 == 7 && info.uuid.bytes[8] >> 6 == 2);
    session_pop(&s, step.scope);
    CHECK(scopeflow_scope_describe(step.scope, &info, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(!info.is_open);
    scopeflow_scope_release(step.scope);
    CHECK(session_deinit(&s));
}

/* S2.2: version 7, and increasing within one runtime although the clock stands or goes back. */
static int64_t clock_that_goes_back(void *context) {
    host *const self = context;
    return INT64_C(1767225600000000000) - (int64_t)self->allocation_count * 1000000;
}

static void ids_increase_whatever_the_clock_does(void) {
    session s;
    session_init(&s);
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    scopeflow_runtime_free(s.runtime);
    s.host.table.clock = clock_that_goes_back;
    CHECK(scopeflow_runtime_new(&s.host.table, &options, &s.runtime, NULL) == SCOPEFLOW_STATUS_OK);
    scopeflow_uuid last;
    memset(&last, 0, sizeof last);
    int disorder = 0;
    for (int i = 0; i < 5000; i++) {
        scopeflow_scope *const scope = session_push(&s, NULL, "a");
        scopeflow_scope_info info;
        CHECK(scopeflow_scope_describe(scope, &info, NULL) == SCOPEFLOW_STATUS_OK);
        CHECK(info.uuid.bytes[6] >> 4 == 7 && info.uuid.bytes[8] >> 6 == 2);
        if (memcmp(&last, &info.uuid, sizeof last) >= 0) disorder++;
        last = info.uuid;
        session_pop(&s, scope);
        scopeflow_scope_release(scope);
    }
    CHECK(disorder == 0);
    CHECK(session_deinit(&s));
}

int main(void) {
    static const test tests[] = {
        {"a deep tree is released without a deep stack",
         a_deep_tree_is_released_without_a_deep_stack},
        {"a deep tree that has ended is released too", a_deep_tree_that_has_ended_is_released_too},
        {"a runtime may go before its scopes", runtime_may_go_before_its_scopes},
        {"a scope is held by its open child", a_scope_is_held_by_its_open_child},
        {"abandoned scopes are ended in order by any operation",
         abandoned_scopes_are_ended_in_order_by_any_operation},
        {"scopes abandoned before the end are dropped with the runtime",
         scopes_abandoned_before_the_end_are_dropped_with_the_runtime},
        {"metadata is taken and can be visited", metadata_is_taken_and_can_be_visited},
        {"what was registered can be visited", what_was_registered_can_be_visited},
        {"an end names an error of the runtime's own", an_end_names_an_error_of_the_runtimes_own},
        {"a scope knows its facts", a_scope_knows_its_facts},
        {"ids increase whatever the clock does", ids_increase_whatever_the_clock_does},
    };
    return RUN_TESTS(tests);
}
