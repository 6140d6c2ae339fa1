/* The rows of instructions.py: run by it under callgrind, as `instructions SHORT LONG`.
 *
 * The host is the smallest there is: nothing is counted, the target is nothing. Each row is run to
 * warm up, then SHORT and LONG times; a call of getppid before each tells callgrind to dump. */
#define _DEFAULT_SOURCE 1
#include "scopeflow/scopeflow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MANY = 10 };

static scopeflow_runtime *runtime;
static scopeflow_scope *outer;
static scopeflow_scope *elsewhere;
static scopeflow_bytes const name = {"search", 6};

static void require(scopeflow_status status) {
    if (status != SCOPEFLOW_STATUS_OK) abort();
}

static void drive(scopeflow_task *task, scopeflow_step *step) {
    scopeflow_answer const answer = {.kind = SCOPEFLOW_ANSWER_KIND_VALUE};
    while (step->kind == SCOPEFLOW_STEP_KIND_INVOKE || step->kind == SCOPEFLOW_STEP_KIND_DELIVER ||
           step->kind == SCOPEFLOW_STEP_KIND_EXECUTE)
        require(scopeflow_task_resume(task, &answer, step, NULL));
}

static void open_and_end(scopeflow_scope *current) {
    scopeflow_scope_push_options push = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    scopeflow_scope_pop_options pop = SCOPEFLOW_SCOPE_POP_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    push.current = current;
    push.name = name;
    push.type = SCOPEFLOW_SCOPE_TYPE_FUNCTION;
    require(scopeflow_scope_push(runtime, &push, &task, &step, NULL));
    drive(&task, &step);
    scopeflow_scope *const scope = step.scope;
    pop.current = scope;
    require(scopeflow_scope_pop(scope, &pop, &task, &step, NULL));
    drive(&task, &step);
    scopeflow_scope_release(scope);
}

static void scope_at_root(void) {
    open_and_end(NULL);
}
static void scope_in_scope(void) {
    open_and_end(outer);
}

static void tool(void) {
    scopeflow_tool_execute_options options = SCOPEFLOW_TOOL_EXECUTE_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.current = outer;
    options.name = name;
    options.request = 1;
    require(scopeflow_tool_execute(runtime, &options, &task, &step, NULL));
    drive(&task, &step);
}

static void mark(void) {
    scopeflow_scope_event_options options = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.current = outer;
    options.name = name;
    require(scopeflow_scope_event(runtime, &options, &task, &step, NULL));
    drive(&task, &step);
}

/* --- What is registered --- */

static scopeflow_bytes number_name(int number) {
    static char text[5];
    scopeflow_bytes bytes;
    snprintf(text, sizeof text, "%04d", number % 10000);
    bytes.ptr = text;
    bytes.len = 4;
    return bytes;
}

static void add_guards(int count) {
    for (int i = 0; i < count; i++)
        require(scopeflow_register_tool_conditional_execution_guardrail(runtime, number_name(i), i,
                                                                        1, 0, NULL));
}

static void add_subscribers(int count) {
    for (int i = 0; i < count; i++)
        require(scopeflow_register_subscriber(runtime, number_name(i), 1, 0, NULL));
}

/* A tool's, which every call takes along: somebody may observe before it ends (S3.4). */
static void add_sanitizers(int count) {
    for (int i = 0; i < count; i++)
        require(scopeflow_register_tool_sanitize_request_guardrail(runtime, number_name(i), i, 1, 0,
                                                                   NULL));
}

/* What does not apply: other calls' middleware, other scopes' guards, sanitizers of marks. */
static void add_others(int count) {
    for (int i = 0; i < count; i++) {
        scopeflow_bytes const other = number_name(i);
        require(scopeflow_register_llm_request_intercept(runtime, other, i, 1, 0, NULL));
        require(scopeflow_register_llm_sanitize_request_guardrail(runtime, other, i, 1, 0, NULL));
        require(scopeflow_register_mark_sanitize_guardrail(runtime, other, i, 1, 0, NULL));
        require(scopeflow_scope_register_tool_conditional_execution_guardrail(elsewhere, other, i,
                                                                              1, 0, NULL));
    }
}

static scopeflow_scope *open_scope(scopeflow_scope *current) {
    scopeflow_scope_push_options push = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    push.current = current;
    push.name = name;
    require(scopeflow_scope_push(runtime, &push, &task, &step, NULL));
    return step.scope;
}

typedef struct row {
    const char *name;
    void (*run)(void);
    int guard_count;
    int sanitizer_count;
    int subscriber_count;
    int other_count;
    int depth; /* Scopes around the innermost one. */
} row;

static void run_row(const row *self, const char *short_count, const char *long_count) {
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    require(scopeflow_runtime_new(NULL, &options, &runtime, NULL));
    elsewhere = open_scope(NULL);
    outer = open_scope(NULL);
    for (int i = 0; i < self->depth; i++) {
        scopeflow_scope *const inner = open_scope(outer);
        scopeflow_scope_release(outer);
        outer = inner;
    }
    add_others(self->other_count);
    add_guards(self->guard_count);
    add_sanitizers(self->sanitizer_count);
    add_subscribers(self->subscriber_count);

    long const counts[] = {100, atol(short_count), atol(long_count)};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        for (long k = 0; k < counts[i]; k++) self->run();
        (void)getppid();
    }
    scopeflow_scope_release(outer);
    scopeflow_scope_release(elsewhere);
    scopeflow_runtime_free(runtime);
    puts(self->name);
}

int main(int count, char **arguments) {
    static const row rows[] = {
        {"scope at the root", scope_at_root, 0, 0, 0, 0, 0},
        {"scope in a scope", scope_in_scope, 0, 0, 0, 0, 0},
        {"scope, depth 1,000", scope_in_scope, 0, 0, 0, 0, 999},
        {"scope, 4,000 others", scope_in_scope, 0, 0, 0, 1000, 0},
        {"scope, one subscriber", scope_in_scope, 0, 0, 1, 0, 0},
        {"mark", mark, 0, 0, 0, 0, 0},
        {"mark, one subscriber", mark, 0, 0, 1, 0, 0},
        {"mark, eleven subscribers", mark, 0, 0, 1 + MANY, 0, 0},
        {"tool", tool, 0, 0, 0, 0, 0},
        {"tool, depth 1,000", tool, 0, 0, 0, 0, 999},
        {"tool, 4,000 others", tool, 0, 0, 0, 1000, 0},
        {"tool, one guard", tool, 1, 0, 0, 0, 0},
        {"tool, one guard, depth 1,000", tool, 1, 0, 0, 0, 999},
        {"tool, one guard, 4,000 others", tool, 1, 0, 0, 1000, 0},
        {"tool, eleven guards", tool, 1 + MANY, 0, 0, 0, 0},
        {"tool, one sanitizer", tool, 0, 1, 0, 0, 0},
        {"tool, 1,000 sanitizers", tool, 0, 1000, 0, 0, 0},
        {"tool, one subscriber", tool, 0, 0, 1, 0, 0},
    };
    if (count != 3) return 2;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        run_row(&rows[i], arguments[1], arguments[2]);
    return 0;
}
