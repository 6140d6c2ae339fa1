/* No end overtakes its start (ADR 0021), whatever others do while the start waits. In each test
 * `slow` is being served, or a sanitizer asked, while something happens elsewhere; `log` tells what
 * comes to a subscriber behind it. And no scope stays open in a runtime that is closed. */
#include "check.h"
#include "session.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct scene {
    session s;
    scopeflow_emitter here; /* Of the thread whose subscriber is slow, */
    scopeflow_emitter elsewhere;
    char seen[128]; /* By `log`: `+a` is a start, `-a` an end, `m` a mark. */
} scene;

typedef struct work {
    scopeflow_task task;
    scopeflow_step step;
} work;

static void must(scopeflow_status status) {
    if (status != SCOPEFLOW_STATUS_OK) abort();
}

static bool is_for(const work *w, const char *name) {
    const scopeflow_bytes registration = w->step.registration;
    bool const is_asked =
        w->step.kind == SCOPEFLOW_STEP_KIND_DELIVER || w->step.kind == SCOPEFLOW_STEP_KIND_INVOKE;
    return is_asked && registration.len == strlen(name) &&
           memcmp(registration.ptr, name, registration.len) == 0;
}

static void see(scene *self, scopeflow_event *event) {
    scopeflow_event_info info;
    must(scopeflow_event_describe(event, &info, NULL));
    bool const is_start = info.scope_category == SCOPEFLOW_SCOPE_CATEGORY_START;
    bool const is_end = info.scope_category == SCOPEFLOW_SCOPE_CATEGORY_END;
    size_t const at = strlen(self->seen);
    (void)snprintf(self->seen + at, sizeof self->seen - at, "%s%.*s ",
                   is_start ? "+" : (is_end ? "-" : ""), (int)info.name.len, info.name.ptr);
}

static void answer(work *w, scopeflow_emitter *emitter) {
    scopeflow_answer given;
    memset(&given, 0, sizeof given);
    given.emitter = emitter;
    must(scopeflow_task_resume(&w->task, &given, &w->step, NULL));
}

static void check_seen(const scene *self, const char *expected) {
    if (strcmp(self->seen, expected) != 0) fprintf(stderr, "saw %s\n", self->seen);
    CHECK(strcmp(self->seen, expected) == 0);
}

/* Answers until it is the turn of `name`, or the task has ended. */
static void drive(scene *self, work *w, scopeflow_emitter *emitter, const char *name) {
    while (!is_for(w, name) && w->step.kind != SCOPEFLOW_STEP_KIND_DONE) {
        if (is_for(w, "log")) see(self, w->step.event);
        answer(w, emitter);
    }
}

static void go_on(scene *self, work *w, scopeflow_emitter *emitter) {
    if (w->step.kind != SCOPEFLOW_STEP_KIND_DONE) answer(w, emitter);
    drive(self, w, emitter, "nobody");
    CHECK(w->step.kind == SCOPEFLOW_STEP_KIND_DONE);
}

static void push(scene *self, work *w, scopeflow_emitter *emitter, const char *name) {
    scopeflow_scope_push_options options = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    options.name = session_text(name);
    options.emitter = emitter;
    must(scopeflow_scope_push(self->s.runtime, &options, &w->task, &w->step, NULL));
}

static void mark(scene *self, work *w, scopeflow_emitter *emitter, const char *name) {
    scopeflow_scope_event_options options = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    options.name = session_text(name);
    options.emitter = emitter;
    must(scopeflow_scope_event(self->s.runtime, &options, &w->task, &w->step, NULL));
}

static void end(scene *self, scopeflow_scope *scope, scopeflow_emitter *emitter) {
    scopeflow_scope_pop_options options = SCOPEFLOW_SCOPE_POP_OPTIONS_INIT;
    work w;
    options.current = scope;
    options.emitter = emitter;
    must(scopeflow_scope_pop(scope, &options, &w.task, &w.step, NULL));
    drive(self, &w, emitter, "nobody");
    scopeflow_scope_release(scope);
}

static void close_elsewhere(scene *self) {
    scopeflow_runtime_close_options options = SCOPEFLOW_RUNTIME_CLOSE_OPTIONS_INIT;
    work w;
    options.emitter = &self->elsewhere;
    must(scopeflow_runtime_close(self->s.runtime, &options, &w.task, &w.step, NULL));
    drive(self, &w, &self->elsewhere, "nobody");
}

static void begin(scene *self) {
    memset(self, 0, sizeof *self);
    session_init(&self->s);
    session_subscribe(&self->s, "slow");
    session_subscribe(&self->s, "log");
}

static void sanitize_ends(scene *self) {
    object *const sanitizer = object_new_json(&self->s.host, "1", 1);
    must(scopeflow_register_scope_sanitize_end_guardrail(self->s.runtime, session_text("clean"), 0,
                                                         object_ref(sanitizer), 0, NULL));
}

/* Two scopes that nobody holds: their ends stand in the row of the next operation. */
static void forget_two(scene *self) {
    work w;
    push(self, &w, &self->here, "x");
    drive(self, &w, &self->here, "nobody");
    scopeflow_scope *const x = w.step.scope;
    push(self, &w, &self->here, "y");
    drive(self, &w, &self->here, "nobody");
    scopeflow_scope_release(x);
    scopeflow_scope_release(w.step.scope);
    self->seen[0] = '\0';
}

static void everybody_gets_the_start_first(void) {
    scene all;
    work w;
    begin(&all);
    push(&all, &w, &all.here, "a");
    CHECK(is_for(&w, "slow"));
    close_elsewhere(&all);
    check_seen(&all, "");
    go_on(&all, &w, &all.here);
    check_seen(&all, "+a -a ");
    scopeflow_scope_release(w.step.scope);
    CHECK(session_deinit(&all.s));
}

/* While an end is on its way nobody else need hold its scope. */
static void an_end_outlives_the_last_handle(void) {
    scene all;
    work w;
    begin(&all);
    push(&all, &w, &all.here, "a");
    go_on(&all, &w, &all.here);
    scopeflow_scope *const scope = w.step.scope;
    scopeflow_scope_pop_options options = SCOPEFLOW_SCOPE_POP_OPTIONS_INIT;
    options.current = scope;
    options.emitter = &all.here;
    must(scopeflow_scope_pop(scope, &options, &w.task, &w.step, NULL));
    CHECK(is_for(&w, "slow"));
    scopeflow_scope_release(scope);
    go_on(&all, &w, &all.here);
    check_seen(&all, "+a -a ");
    CHECK(session_deinit(&all.s));
}

static void an_end_elsewhere_follows_a_start_that_was_put_aside(void) {
    scene all;
    work served;
    work w;
    begin(&all);
    mark(&all, &served, &all.here, "m");
    CHECK(is_for(&served, "slow"));
    push(&all, &w, &all.here, "a");
    CHECK(w.step.kind == SCOPEFLOW_STEP_KIND_DONE);
    end(&all, w.step.scope, &all.elsewhere);
    mark(&all, &w, &all.here, "n");
    check_seen(&all, "");
    go_on(&all, &served, &all.here);
    check_seen(&all, "m +a -a n ");
    CHECK(session_deinit(&all.s));
}

static void an_end_in_the_same_row_keeps_its_place(void) {
    scene all;
    work served;
    work w;
    begin(&all);
    mark(&all, &served, &all.here, "m");
    push(&all, &w, &all.here, "a");
    scopeflow_scope *const a = w.step.scope;
    mark(&all, &w, &all.here, "n");
    end(&all, a, &all.here);
    go_on(&all, &served, &all.here);
    check_seen(&all, "m +a n -a ");
    CHECK(session_deinit(&all.s));
}

static void a_start_behind_other_events_is_not_overtaken(void) {
    scene all;
    work w;
    begin(&all);
    forget_two(&all);
    sanitize_ends(&all);
    push(&all, &w, &all.here, "a");
    CHECK(is_for(&w, "clean"));
    close_elsewhere(&all);
    check_seen(&all, "");
    go_on(&all, &w, &all.here);
    check_seen(&all, "-x -y +a -a ");
    scopeflow_scope_release(w.step.scope);
    CHECK(session_deinit(&all.s));
}

/* The task that has taken over what waited is not being served any more: its next event is being
 * prepared, and another task has the emitter. */
static void an_end_does_not_stand_in_the_row_of_another_task(void) {
    scene all;
    work first;
    work second;
    work w;
    begin(&all);
    forget_two(&all);
    sanitize_ends(&all);
    mark(&all, &first, &all.here, "m");
    answer(&first, &all.here); /* The sanitizer of the one end, */
    CHECK(is_for(&first, "slow"));
    push(&all, &w, &all.here, "a");
    scopeflow_scope *const a = w.step.scope;
    answer(&first, &all.here);
    drive(&all, &first, &all.here, "clean"); /* and of the other one. */
    check_seen(&all, "-x ");
    mark(&all, &second, &all.here, "n");
    CHECK(is_for(&second, "slow"));
    end(&all, a, &all.here);
    go_on(&all, &first, &all.here);
    go_on(&all, &second, &all.here);
    check_seen(&all, "-x n -y m +a -a ");
    CHECK(session_deinit(&all.s));
}

/* S5.1: 1,024 events wait at most, also once a task has taken over some and left the emitter. */
static void an_emitter_counts_what_waits_there(void) {
    scene all;
    work first;
    work w;
    scopeflow_runtime_stats stats;
    begin(&all);
    forget_two(&all);
    sanitize_ends(&all);
    mark(&all, &first, &all.here, "m");
    answer(&first, &all.here);
    CHECK(is_for(&first, "slow"));
    mark(&all, &w, &all.here, "n");
    answer(&first, &all.here);
    drive(&all, &first, &all.here, "clean");
    go_on(&all, &first, &all.elsewhere);
    check_seen(&all, "-x -y m n ");

    scopeflow_emitter *const places[] = {&all.here, &all.elsewhere};
    for (uint64_t i = 0; i < 2; i++) {
        mark(&all, &first, places[i], "m");
        CHECK(is_for(&first, "slow"));
        for (uint32_t j = 0; j <= SCOPEFLOW_EMITTER_EVENT_LIMIT; j++)
            mark(&all, &w, places[i], "n");
        must(scopeflow_runtime_read_stats(all.s.runtime, &stats, NULL));
        CHECK(stats.dropped_event_count == i + 1);
        while (first.step.kind != SCOPEFLOW_STEP_KIND_DONE) answer(&first, places[i]);
    }
    CHECK(session_deinit(&all.s));
}

/* Nobody got the start, so nobody gets the end; both count. */
static void what_follows_a_dropped_start_is_dropped(void) {
    scene all;
    work w;
    scopeflow_runtime_stats stats;
    begin(&all);
    push(&all, &w, &all.here, "a");
    close_elsewhere(&all);
    scopeflow_task_abandon(&w.task);
    check_seen(&all, "");
    must(scopeflow_runtime_read_stats(all.s.runtime, &stats, NULL));
    CHECK(stats.dropped_event_count == 2);
    CHECK(session_deinit(&all.s));
}

/* --- A runtime that is closed in the middle of an opening (S6.1) --- */

static scene *closing; /* Its runtime is closed at the next reading of the clock, */
static int64_t now_ns; /* where another thread may close it at any time. */

static int64_t read_clock(void *context) {
    scene *const to_close = closing;
    (void)context;
    closing = NULL;
    if (to_close != NULL) close_elsewhere(to_close);
    return ++now_ns;
}

static void begin_with_such_a_clock(scene *self, bool is_heard) {
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    memset(self, 0, sizeof *self);
    session_init(&self->s);
    scopeflow_runtime_free(self->s.runtime);
    self->s.host.table.clock = read_clock;
    must(scopeflow_runtime_new(&self->s.host.table, &options, &self->s.runtime, NULL));
    if (is_heard) session_subscribe(&self->s, "log");
    closing = self;
}

static void a_scope_that_opens_meanwhile_is_ended(void) {
    for (int is_heard = 0; is_heard < 2; is_heard++) {
        scene all;
        work w;
        begin_with_such_a_clock(&all, is_heard != 0);
        push(&all, &w, &all.here, "a");
        drive(&all, &w, &all.here, "nobody");
        check_seen(&all, is_heard != 0 ? "+a -a " : "");
        CHECK(!scopeflow_scope_is_open(w.step.scope));
        scopeflow_scope_release(w.step.scope);
        CHECK(session_deinit(&all.s));
    }
}

static void a_manual_call_that_opens_meanwhile_is_ended(void) {
    for (int is_heard = 0; is_heard < 2; is_heard++) {
        scene all;
        work w;
        scopeflow_tool_call_options options = SCOPEFLOW_TOOL_CALL_OPTIONS_INIT;
        begin_with_such_a_clock(&all, is_heard != 0);
        options.name = session_text("t");
        options.emitter = &all.here;
        must(scopeflow_tool_call(all.s.runtime, &options, &w.task, &w.step, NULL));
        drive(&all, &w, &all.here, "nobody");
        check_seen(&all, is_heard != 0 ? "+t -t " : "");
        CHECK(!scopeflow_scope_is_open(w.step.scope));
        scopeflow_scope_release(w.step.scope);
        CHECK(session_deinit(&all.s));
    }
}

static void a_managed_call_that_opens_meanwhile_is_ended_once(void) {
    scene all;
    work w;
    scopeflow_tool_execute_options options = SCOPEFLOW_TOOL_EXECUTE_OPTIONS_INIT;
    begin_with_such_a_clock(&all, true);
    options.name = session_text("t");
    options.emitter = &all.here;
    must(scopeflow_tool_execute(all.s.runtime, &options, &w.task, &w.step, NULL));
    while (w.step.kind != SCOPEFLOW_STEP_KIND_EXECUTE) {
        if (is_for(&w, "log")) see(&all, w.step.event);
        answer(&w, &all.here);
    }
    check_seen(&all, "+t -t ");
    answer(&w, &all.here);
    CHECK(w.step.kind == SCOPEFLOW_STEP_KIND_RETURN);
    CHECK(session_deinit(&all.s));
}

int main(void) {
    static const test tests[] = {
        {"everybody gets the start first", everybody_gets_the_start_first},
        {"an end outlives the last handle", an_end_outlives_the_last_handle},
        {"an end elsewhere follows a start that was put aside",
         an_end_elsewhere_follows_a_start_that_was_put_aside},
        {"an end in the same row keeps its place", an_end_in_the_same_row_keeps_its_place},
        {"a start behind other events is not overtaken",
         a_start_behind_other_events_is_not_overtaken},
        {"an end does not stand in the row of another task",
         an_end_does_not_stand_in_the_row_of_another_task},
        {"an emitter counts what waits there", an_emitter_counts_what_waits_there},
        {"what follows a dropped start is dropped", what_follows_a_dropped_start_is_dropped},
        {"a scope that opens meanwhile is ended", a_scope_that_opens_meanwhile_is_ended},
        {"a manual call that opens meanwhile is ended",
         a_manual_call_that_opens_meanwhile_is_ended},
        {"a managed call that opens meanwhile is ended once",
         a_managed_call_that_opens_meanwhile_is_ended_once},
    };
    return RUN_TESTS(tests);
}
