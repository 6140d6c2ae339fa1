/* Ended scopes whose memory goes at once, and that come back where a handle is used after all. */
#include "check.h"
#include "session.h"

static scopeflow_scope_info facts(scopeflow_scope *scope) {
    scopeflow_scope_info info;
    CHECK(scopeflow_scope_describe(scope, &info, NULL) == SCOPEFLOW_STATUS_OK);
    return info;
}

static bool is_text(scopeflow_bytes text, const char *expected) {
    return text.len == strlen(expected) && memcmp(text.ptr, expected, text.len) == 0;
}

static bool same(scopeflow_uuid a, scopeflow_uuid b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

static scopeflow_scope_remains retire(scopeflow_scope *scope) {
    scopeflow_scope_remains remains;
    memset(&remains, 0xAA, sizeof remains); /* All of it is written. */
    CHECK(scopeflow_scope_retire(scope, &remains, NULL) == SCOPEFLOW_STATUS_OK);
    return remains;
}

/* Left as it is, with the caller's reference. */
static bool stays(scopeflow_scope *scope) {
    scopeflow_scope_remains const none = {0};
    scopeflow_scope_remains const remains = retire(scope);
    return remains.is_retired == 0 && same(remains.uuid, none.uuid) && remains.started_at_ns == 0 &&
           facts(scope).name.len > 0;
}

static scopeflow_scope *push_under(session *s, scopeflow_scope *current, scopeflow_scope *parent,
                                   const char *name) {
    scopeflow_scope_push_options options = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.current = current;
    options.parent = parent;
    options.emitter = &s->emitter;
    options.name = session_text(name);
    options.type = SCOPEFLOW_SCOPE_TYPE_CUSTOM;
    options.attributes = SCOPEFLOW_SCOPE_ATTRIBUTE_PARALLEL;
    options.subtype = session_text("kind");
    CHECK(scopeflow_scope_push(s->runtime, &options, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(session_drive(s, &task, &step) == SCOPEFLOW_STEP_KIND_DONE);
    return step.scope;
}

static scopeflow_status recall(session *s, scopeflow_scope *parent, const char *name,
                               const char *uuid, scopeflow_scope **out) {
    scopeflow_error error;
    error.message_len_bytes = 0;
    scopeflow_status const status = scopeflow_scope_recall(
        s->runtime, parent, session_text(name), session_text("kind"), SCOPEFLOW_SCOPE_TYPE_CUSTOM,
        SCOPEFLOW_SCOPE_ATTRIBUTE_PARALLEL, session_text(uuid), 1234, out, &error);
    CHECK(status == SCOPEFLOW_STATUS_OK || error.message_len_bytes > 10);
    return status;
}

static const char SECOND[] = "01900000-0000-7000-8000-000000000002";

static void what_was_retired_comes_back_as_it_was(void) {
    session s;
    session_init(&s);
    scopeflow_scope *const outer = session_push(&s, NULL, "outer");
    scopeflow_scope *const inner = push_under(&s, outer, NULL, "inner");
    scopeflow_scope_info const before = facts(inner);
    session_pop(&s, inner);
    scopeflow_scope_remains const remains = retire(inner);
    CHECK(remains.is_retired == 1 && same(remains.uuid, before.uuid));
    CHECK(remains.started_at_ns == before.started_at_ns);
    CHECK(remains.attributes == SCOPEFLOW_SCOPE_ATTRIBUTE_PARALLEL);

    scopeflow_scope *again = NULL;
    CHECK(recall(&s, outer, "inner", SECOND, &again) == SCOPEFLOW_STATUS_OK);
    scopeflow_scope_info const after = facts(again);
    CHECK(same(after.uuid, remains.uuid) && same(after.parent_uuid, facts(outer).uuid));
    CHECK(is_text(after.name, "inner") && is_text(after.subtype, "kind"));
    CHECK(after.type == SCOPEFLOW_SCOPE_TYPE_CUSTOM && after.started_at_ns == 1234);
    CHECK(after.attributes == SCOPEFLOW_SCOPE_ATTRIBUTE_PARALLEL && !after.is_open);
    CHECK(retire(again).is_retired == 1); /* As often as one likes. */
    session_pop(&s, outer);
    CHECK(retire(outer).is_retired == 1);
    CHECK(session_deinit(&s));
}

/* S1.5: what is opened under it is as detached from it as it would have been. */
static void a_context_goes_on_under_one_that_came_back(void) {
    session s;
    session_init(&s);
    session_subscribe(&s, "log");
    scopeflow_scope *const outer = session_push(&s, NULL, "outer");
    scopeflow_scope *inner = session_push(&s, outer, "inner");
    session_pop(&s, inner);
    CHECK(retire(inner).is_retired == 1);
    CHECK(recall(&s, outer, "inner", SECOND, &inner) == SCOPEFLOW_STATUS_OK);
    size_t const heard = s.line_count;
    scopeflow_scope *const late = session_push(&s, inner, "late");
    CHECK(s.line_count == heard + 1);
    CHECK(
        strstr(s.lines[heard], "\"scope.detached_from\":\"01900000-0000-7000-8000-000000000002\""));
    CHECK(same(facts(late).parent_uuid, facts(outer).uuid));
    object *const callable = object_new_callable(&s.host, NULL);
    CHECK(scopeflow_scope_register_subscriber(inner, session_text("late"), object_ref(callable), 0,
                                              NULL) == SCOPEFLOW_STATUS_NOT_FOUND);
    object_release(callable);
    session_pop(&s, late);
    CHECK(stays(late)); /* It would not come back detached. */
    scopeflow_scope_release(late);
    scopeflow_scope_release(inner);
    session_pop(&s, outer);
    scopeflow_scope_release(outer);
    CHECK(session_deinit(&s));
}

static void what_is_not_all_known_stays(void) {
    session s;
    session_init(&s);
    scopeflow_scope *root = NULL;
    scopeflow_scope *own = NULL;
    CHECK(scopeflow_runtime_root(s.runtime, &root, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_scope_new_root(s.runtime, &own, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(stays(root) && stays(own)); /* They never end. */

    scopeflow_scope *const open = session_push(&s, NULL, "open");
    CHECK(stays(open) && scopeflow_scope_is_open(open));
    scopeflow_scope *const child = session_push(&s, open, "child");
    scopeflow_scope *const elsewhere = push_under(&s, child, open, "elsewhere");
    session_pop(&s, elsewhere);
    CHECK(stays(elsewhere)); /* Its parent is not what was current. */
    scopeflow_scope_release(elsewhere);

    scopeflow_scope_pop_options options = SCOPEFLOW_SCOPE_POP_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.current = child;
    options.emitter = &s.emitter;
    options.flags = SCOPEFLOW_POP_FLAG_CLOSE;
    CHECK(scopeflow_scope_pop(open, &options, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(session_drive(&s, &task, &step) == SCOPEFLOW_STEP_KIND_DONE);
    CHECK(stays(open)); /* Its child holds it. */
    session_pop(&s, child);
    (void)scopeflow_scope_retain(child);
    CHECK(stays(child)); /* So does somebody else. */
    scopeflow_scope_release(child);
    CHECK(retire(child).is_retired == 1 && retire(open).is_retired == 1);
    scopeflow_scope_release(own);
    scopeflow_scope_release(root);
    CHECK(session_deinit(&s));
}

/* S1.4: what was registered on it stays in force for whoever goes on under it. */
static void what_has_middleware_stays(void) {
    session s;
    session_init(&s);
    scopeflow_scope *const scope = session_push(&s, NULL, "guarded");
    scopeflow_ref const callable = object_ref(object_new_callable(&s.host, NULL));
    CHECK(scopeflow_scope_register_subscriber(scope, session_text("ears"), callable, 0, NULL) ==
          SCOPEFLOW_STATUS_OK);
    session_pop(&s, scope);
    CHECK(stays(scope) && scopeflow_scope_is_in_force(scope));
    scopeflow_scope_release(scope);
    CHECK(session_deinit(&s));
}

static void a_call_by_hand_stays(void) {
    session s;
    session_init(&s);
    scopeflow_tool_call_options begin = SCOPEFLOW_TOOL_CALL_OPTIONS_INIT;
    scopeflow_tool_call_end_options end = SCOPEFLOW_TOOL_CALL_END_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    begin.emitter = end.emitter = &s.emitter;
    begin.name = session_text("search");
    begin.request = session_json(&s, "{}");
    CHECK(scopeflow_tool_call(s.runtime, &begin, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(session_drive(&s, &task, &step) == SCOPEFLOW_STEP_KIND_DONE);
    scopeflow_scope *const call = step.scope;
    CHECK(scopeflow_tool_call_end(call, &end, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(session_drive(&s, &task, &step) == SCOPEFLOW_STEP_KIND_DONE);
    CHECK(stays(call)); /* To end it once more is another error than for other scopes. */
    scopeflow_scope_release(call);
    object_release(object_of(begin.request));
    CHECK(session_deinit(&s));
}

/* S1.13: the parent process's own. */
static void a_scope_of_another_process_stays(void) {
    session s;
    session_init(&s);
    scopeflow_scope *const scope = session_push(&s, NULL, "before");
    session_pop(&s, scope);
    CHECK(scopeflow_runtime_after_fork(s.runtime, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(stays(scope));
    scopeflow_scope_release(scope);
    CHECK(session_deinit(&s));
}

static void one_that_was_abandoned_stays_while_its_end_is_owed(void) {
    session s;
    session_init(&s);
    session_subscribe(&s, "log");
    scopeflow_scope *const scope = session_push(&s, NULL, "lost");
    scopeflow_runtime_close_options options = SCOPEFLOW_RUNTIME_CLOSE_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.emitter = &s.emitter;
    CHECK(scopeflow_runtime_close(s.runtime, &options, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(stays(scope)); /* The event that is to be delivered holds it. */
    CHECK(session_drive(&s, &task, &step) == SCOPEFLOW_STEP_KIND_DONE);
    CHECK(retire(scope).is_retired == 1);
    scopeflow_scope *again = NULL; /* A closed runtime opens nothing, but knows what was. */
    CHECK(recall(&s, NULL, "lost", SECOND, &again) == SCOPEFLOW_STATUS_OK);
    scopeflow_scope_release(again);
    CHECK(session_deinit(&s));
}

static void what_cannot_be_recalled_changes_nothing(void) {
    session s;
    session other;
    session_init(&s);
    session_init(&other);
    static char long_name[SCOPEFLOW_NAME_SIZE_LIMIT_BYTES + 2];
    memset(long_name, 'n', sizeof long_name - 1);
    scopeflow_scope *const foreign = session_push(&other, NULL, "foreign");
    scopeflow_scope *made = NULL;
    CHECK(recall(&s, foreign, "a", SECOND, &made) == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(recall(&s, NULL, long_name, SECOND, &made) == SCOPEFLOW_STATUS_LIMIT_EXCEEDED);
    CHECK(recall(&s, NULL, "\xFF", SECOND, &made) == SCOPEFLOW_STATUS_INVALID_UTF8);
    CHECK(recall(&s, NULL, "a", "", &made) == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(recall(&s, NULL, "a", "01900000-0000-7000-8000-00000000000g", &made) ==
          SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(made == NULL);
    s.host.failing_allocation = s.host.allocation_count + 1;
    CHECK(recall(&s, NULL, "a", SECOND, &made) == SCOPEFLOW_STATUS_NO_MEMORY && made == NULL);
    session_pop(&other, foreign);
    scopeflow_scope_release(foreign);
    CHECK(session_deinit(&s) && session_deinit(&other));
}

int main(void) {
    static const test tests[] = {
        {"what was retired comes back as it was", what_was_retired_comes_back_as_it_was},
        {"a context goes on under one that came back", a_context_goes_on_under_one_that_came_back},
        {"what is not all known stays", what_is_not_all_known_stays},
        {"what has middleware stays", what_has_middleware_stays},
        {"a call by hand stays", a_call_by_hand_stays},
        {"a scope of another process stays", a_scope_of_another_process_stays},
        {"one stays while its end is owed", one_that_was_abandoned_stays_while_its_end_is_owed},
        {"what cannot be recalled changes nothing", what_cannot_be_recalled_changes_nothing},
    };
    return RUN_TESTS(tests);
}
