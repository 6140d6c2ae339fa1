/* The rows of threads.py: `threads COUNT ROUNDS` runs each workload in COUNT threads on one runtime
 * and prints its name and the nanoseconds that it took.
 *
 * The control is a loop that touches no memory: what it does not reach, no program can reach on
 * this machine at this moment. */
#define _POSIX_C_SOURCE 200809L
#include "scopeflow/scopeflow.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { THREADS = 16 };

static scopeflow_runtime *runtime;
static long rounds;
static volatile unsigned long sink;

static void drive(scopeflow_task *task, scopeflow_step *step) {
    scopeflow_answer const answer = {.kind = SCOPEFLOW_ANSWER_KIND_VALUE};
    while (step->kind == SCOPEFLOW_STEP_KIND_INVOKE || step->kind == SCOPEFLOW_STEP_KIND_EXECUTE)
        if (scopeflow_task_resume(task, &answer, step, NULL) != SCOPEFLOW_STATUS_OK) abort();
}

static scopeflow_bytes name(void) {
    scopeflow_bytes text = {"search", 6};
    return text;
}

static scopeflow_scope *open_scope(scopeflow_scope *current) {
    scopeflow_scope_push_options options = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.current = current;
    options.name = name();
    if (scopeflow_scope_push(runtime, &options, &task, &step, NULL) != SCOPEFLOW_STATUS_OK) abort();
    return step.scope;
}

static void end_scope(scopeflow_scope *scope) {
    scopeflow_scope_pop_options options = SCOPEFLOW_SCOPE_POP_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.current = scope;
    if (scopeflow_scope_pop(scope, &options, &task, &step, NULL) != SCOPEFLOW_STATUS_OK) abort();
    scopeflow_scope_release(scope);
}

static void *scopes(void *unused) {
    (void)unused;
    for (long i = 0; i < rounds; i++) end_scope(open_scope(NULL));
    return NULL;
}

static void *tools(void *unused) {
    (void)unused;
    scopeflow_scope *const outer = open_scope(NULL);
    for (long i = 0; i < rounds; i++) {
        scopeflow_tool_execute_options options = SCOPEFLOW_TOOL_EXECUTE_OPTIONS_INIT;
        scopeflow_task task;
        scopeflow_step step;
        options.current = outer;
        options.name = name();
        if (scopeflow_tool_execute(runtime, &options, &task, &step, NULL) != SCOPEFLOW_STATUS_OK)
            abort();
        drive(&task, &step);
    }
    end_scope(outer);
    return NULL;
}

static void *control(void *unused) {
    unsigned long word = 1;
    (void)unused;
    for (long i = 0; i < 200 * rounds; i++)
        word = word * 6364136223846793005u + 1442695040888963407u;
    sink = word;
    return NULL;
}

static long long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void run(const char *title, void *(*work)(void *), int count) {
    pthread_t threads[THREADS];
    long long const start = now_ns();
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, work, NULL) != 0) abort();
    for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
    printf("%s %lld\n", title, now_ns() - start);
}

int main(int argument_count, char **arguments) {
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    if (argument_count != 3 || atoi(arguments[1]) < 1 || atoi(arguments[1]) > THREADS) return 2;
    int const count = atoi(arguments[1]);
    rounds = atol(arguments[2]);
    if (scopeflow_runtime_new(NULL, &options, &runtime, NULL) != SCOPEFLOW_STATUS_OK) abort();
    run("control", control, count);
    run("scopes", scopes, count);
    run("tools", tools, count);
    scopeflow_runtime_free(runtime);
    return 0;
}
