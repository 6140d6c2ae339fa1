/* What registering means for those who do not wait for it: other threads, other scopes, and roots
 * that contexts have for themselves. */
#include "check.h"
#include "session.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

/* --- A registrar that stops in the middle (S6.2) --- */

/* The one allocation at which the registering thread stops until it is told to go on. */
typedef struct failpoint {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_t registrar;
    bool has_registrar;
    int countdown; /* Allocations of the registrar until it stops; 0 for never. */
    bool is_parked;
    bool may_go_on;
} failpoint;

static failpoint point = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void park_here(void) {
    pthread_mutex_lock(&point.mutex);
    bool const is_registrar = point.has_registrar && pthread_equal(pthread_self(), point.registrar);
    if (is_registrar && point.countdown > 0 && --point.countdown == 0) {
        point.is_parked = true;
        pthread_cond_broadcast(&point.changed);
        while (!point.may_go_on) pthread_cond_wait(&point.changed, &point.mutex);
    }
    pthread_mutex_unlock(&point.mutex);
}

static void *reallocate(void *context, void *block, size_t old_size, size_t new_size) {
    (void)context;
    (void)old_size;
    if (new_size == 0) {
        free(block);
        return NULL;
    }
    park_here();
    return realloc(block, new_size);
}

typedef struct registrar {
    scopeflow_runtime *runtime;
    scopeflow_scope *scope;
    scopeflow_status status;
    bool is_done;
} registrar;

static void *register_guard(void *argument) {
    registrar *const self = argument;
    pthread_mutex_lock(&point.mutex);
    point.registrar = pthread_self();
    point.has_registrar = true;
    pthread_mutex_unlock(&point.mutex);
    self->status = scopeflow_scope_register_tool_conditional_execution_guardrail(
        self->scope, session_text("late"), 0, 1, 0, NULL);
    pthread_mutex_lock(&point.mutex);
    self->is_done = true;
    point.has_registrar = false;
    pthread_cond_broadcast(&point.changed);
    pthread_mutex_unlock(&point.mutex);
    return NULL;
}

static size_t guards_seen;

static void call_tool(scopeflow_runtime *runtime, scopeflow_scope *current) {
    scopeflow_tool_execute_options options = SCOPEFLOW_TOOL_EXECUTE_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.current = current;
    options.name = session_text("search");
    CHECK(scopeflow_tool_execute(runtime, &options, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    while (step.kind == SCOPEFLOW_STEP_KIND_INVOKE || step.kind == SCOPEFLOW_STEP_KIND_EXECUTE) {
        scopeflow_answer const answer = {.kind = SCOPEFLOW_ANSWER_KIND_VALUE};
        guards_seen += step.kind == SCOPEFLOW_STEP_KIND_INVOKE;
        CHECK(scopeflow_task_resume(&task, &answer, &step, NULL) == SCOPEFLOW_STATUS_OK);
    }
}

static scopeflow_scope *open_scope(scopeflow_runtime *runtime, scopeflow_scope *current) {
    scopeflow_scope_push_options options = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.current = current;
    options.name = session_text("scope");
    if (scopeflow_scope_push(runtime, &options, &task, &step, NULL) != SCOPEFLOW_STATUS_OK) abort();
    return step.scope;
}

static void wait_for_registrar(const registrar *other) {
    pthread_mutex_lock(&point.mutex);
    while (!point.is_parked && !other->is_done) pthread_cond_wait(&point.changed, &point.mutex);
    pthread_mutex_unlock(&point.mutex);
}

static void let_registrar_go_on(void) {
    pthread_mutex_lock(&point.mutex);
    point.may_go_on = true;
    pthread_cond_broadcast(&point.changed);
    pthread_mutex_unlock(&point.mutex);
}

/* Parks the registrar at its n-th allocation; returns whether it came to that. */
static bool call_while_parked(int n, bool has_view) {
    scopeflow_host lent = SCOPEFLOW_HOST_INIT;
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    scopeflow_runtime *runtime = NULL;
    lent.reallocate = reallocate;
    CHECK(scopeflow_runtime_new(&lent, &options, &runtime, NULL) == SCOPEFLOW_STATUS_OK);
    scopeflow_scope *const scope = open_scope(runtime, NULL);
    for (int i = 0; has_view && i < 4; i++) { /* So many that the next one needs room. */
        char const name[] = {(char)('a' + i), '\0'};
        CHECK(scopeflow_scope_register_tool_conditional_execution_guardrail(
                  scope, session_text(name), 0, 1, 0, NULL) == SCOPEFLOW_STATUS_OK);
    }
    point.countdown = n;
    point.is_parked = false;
    point.may_go_on = false;

    registrar other = {runtime, scope, SCOPEFLOW_STATUS_INTERNAL, false};
    pthread_t thread;
    if (pthread_create(&thread, NULL, register_guard, &other) != 0) abort();
    wait_for_registrar(&other);
    bool const was_parked = point.is_parked;
    size_t const before = guards_seen;
    call_tool(runtime, scope); /* Would wait for ever if it waited at all. */
    scopeflow_scope *const child = open_scope(runtime, scope);
    call_tool(runtime, child);
    if (was_parked) CHECK(guards_seen - before == (has_view ? 8 : 0));
    let_registrar_go_on();
    pthread_join(thread, NULL);

    CHECK(other.status == SCOPEFLOW_STATUS_OK);
    guards_seen = 0;
    call_tool(runtime, child);
    CHECK(guards_seen == (has_view ? 5u : 1u));
    scopeflow_scope_release(child);
    scopeflow_scope_release(scope);
    scopeflow_runtime_free(runtime);
    return was_parked;
}

static void parked_registrar_stops_no_call(void) {
    for (int has_view = 0; has_view < 2; has_view++) {
        int count = 0;
        while (call_while_parked(count + 1, has_view)) count++;
        CHECK(count >= 2);
    }
}

/* --- What concerns whom --- */

static size_t count_guards(session *s, scopeflow_scope *current) {
    guards_seen = 0;
    call_tool(s->runtime, current);
    return guards_seen;
}

static void add_guard(session *s, scopeflow_scope *scope, const char *name) {
    scopeflow_ref const callable = object_ref(object_new_callable(&s->host, NULL));
    CHECK(scopeflow_scope_register_tool_conditional_execution_guardrail(
              scope, session_text(name), 0, callable, 0, NULL) == SCOPEFLOW_STATUS_OK);
}

/* S1.7: also for what was opened before something was registered. */
static void late_registrations_are_seen(void) {
    session s;
    session_init(&s);
    scopeflow_scope *const outer = session_push(&s, NULL, "outer");
    scopeflow_scope *const inner = session_push(&s, outer, "inner");
    scopeflow_scope *const innermost = session_push(&s, inner, "innermost");
    scopeflow_scope *const aside = session_push(&s, NULL, "aside");
    CHECK(count_guards(&s, innermost) == 0);
    add_guard(&s, outer, "g");
    CHECK(count_guards(&s, innermost) == 1 && count_guards(&s, aside) == 0);
    add_guard(&s, innermost, "g");
    CHECK(count_guards(&s, innermost) == 2 && count_guards(&s, inner) == 1);
    scopeflow_scope *const young = session_push(&s, innermost, "young");
    CHECK(count_guards(&s, young) == 2);
    scopeflow_scope *const all[] = {young, innermost, inner, outer, aside};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        session_pop(&s, all[i]);
        scopeflow_scope_release(all[i]);
    }
    CHECK(session_deinit(&s));
}

/* --- Roots of contexts (S1.3) --- */

static scopeflow_scope *new_root(session *s) {
    scopeflow_scope *root = NULL;
    scopeflow_error error;
    CHECK(scopeflow_scope_new_root(s->runtime, &root, &error) == SCOPEFLOW_STATUS_OK);
    return root;
}

static void roots_are_apart(void) {
    session s;
    session_init(&s);
    scopeflow_scope *shared = NULL;
    CHECK(scopeflow_runtime_root(s.runtime, &shared, NULL) == SCOPEFLOW_STATUS_OK);
    scopeflow_scope *const a = new_root(&s);
    scopeflow_scope *const b = new_root(&s);
    add_guard(&s, a, "of a");
    add_guard(&s, shared, "of the shared one");
    CHECK(count_guards(&s, a) == 1 && count_guards(&s, b) == 0 && count_guards(&s, NULL) == 1);
    scopeflow_scope *const child = session_push(&s, a, "child");
    CHECK(count_guards(&s, child) == 1);
    scopeflow_scope_info of_a;
    scopeflow_scope_info of_child;
    CHECK(scopeflow_scope_describe(a, &of_a, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_scope_describe(child, &of_child, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(memcmp(&of_a.uuid, &of_child.parent_uuid, sizeof of_a.uuid) == 0);
    CHECK(of_a.type == SCOPEFLOW_SCOPE_TYPE_AGENT && of_a.name.len == 4);
    session_pop(&s, child);
    scopeflow_scope_release(child);
    scopeflow_scope_release(a);
    scopeflow_scope_release(b);
    scopeflow_scope_release(shared);
    CHECK(session_deinit(&s));
}

static void roots_never_end(void) {
    session s;
    scopeflow_scope_pop_options options = SCOPEFLOW_SCOPE_POP_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_error error;
    session_init(&s);
    session_subscribe(&s, "log");
    scopeflow_scope *const root = new_root(&s);
    CHECK(scopeflow_scope_pop(root, &options, &task, &step, &error) ==
          SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(strstr(error.message, "root") != NULL);
    scopeflow_scope_release(root);
    session_flush(&s);
    CHECK(s.line_count == 0); /* Not even as abandoned. */
    CHECK(session_deinit(&s));
}

int main(void) {
    static const test tests[] = {
        {"a parked registrar stops no call", parked_registrar_stops_no_call},
        {"late registrations are seen", late_registrations_are_seen},
        {"roots of contexts are apart", roots_are_apart},
        {"roots of contexts never end", roots_never_end},
    };
    return RUN_TESTS(tests);
}
