/* What work costs in memory: a live scope, and nothing at all once the work is over; ten times as
 * much work with SCOPEFLOW_TEST_DEPTH=deep in the environment. */
#include "check.h"
#include "scopeflow/scopeflow.h"

#include <stdlib.h>

enum { SCOPES = 1000000, CALLS = 100000, LIVE = 1000, LIVE_SCOPE_LIMIT_BYTES = 256 };

typedef struct account {
    size_t block_count;
    size_t size_bytes;
} account;

static account held;
static scopeflow_runtime *runtime;

static void *reallocate(void *context, void *block, size_t old_size, size_t new_size) {
    account *const self = context;
    self->size_bytes -= old_size;
    self->size_bytes += new_size;
    if (block == NULL) self->block_count++;
    if (new_size == 0) self->block_count--;
    if (new_size > 0) return realloc(block, new_size);
    free(block);
    return NULL;
}

static void make_runtime(void) {
    scopeflow_host host = SCOPEFLOW_HOST_INIT;
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    host.context = &held;
    host.reallocate = reallocate;
    if (scopeflow_runtime_new(&host, &options, &runtime, NULL) != SCOPEFLOW_STATUS_OK) abort();
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

static void call_tool(void) {
    scopeflow_tool_execute_options options = SCOPEFLOW_TOOL_EXECUTE_OPTIONS_INIT;
    scopeflow_answer answer;
    scopeflow_task task;
    scopeflow_step step;
    memset(&answer, 0, sizeof answer);
    options.name = name();
    if (scopeflow_tool_execute(runtime, &options, &task, &step, NULL) != SCOPEFLOW_STATUS_OK)
        abort();
    while (step.kind != SCOPEFLOW_STEP_KIND_RETURN)
        if (scopeflow_task_resume(&task, &answer, &step, NULL) != SCOPEFLOW_STATUS_OK) abort();
}

static int times(int count) {
    const char *const depth = getenv("SCOPEFLOW_TEST_DEPTH");
    return depth != NULL && strcmp(depth, "deep") == 0 ? 10 * count : count;
}

/* --- Tests --- */

static void a_live_scope_is_small(void) {
    scopeflow_scope *scopes[LIVE];
    make_runtime();
    size_t const before = held.size_bytes;
    for (int i = 0; i < LIVE; i++) scopes[i] = open_scope(i > 0 ? scopes[i - 1] : NULL);
    size_t const size = (held.size_bytes - before) / LIVE;
    printf("a live scope with a name of six letters: %zu bytes\n", size);
    CHECK(size <= LIVE_SCOPE_LIMIT_BYTES);
    for (int i = LIVE; i > 0; i--) end_scope(scopes[i - 1]);
    CHECK(held.size_bytes == before);
    scopeflow_runtime_free(runtime);
    CHECK(held.block_count == 0 && held.size_bytes == 0);
}

static void scopes_leave_nothing(void) {
    make_runtime();
    account const before = held;
    for (int i = times(SCOPES); i > 0; i--) end_scope(open_scope(NULL));
    CHECK(held.block_count == before.block_count && held.size_bytes == before.size_bytes);
    scopeflow_runtime_free(runtime);
    CHECK(held.block_count == 0);
}

static void calls_leave_nothing(void) {
    make_runtime();
    if (scopeflow_register_tool_conditional_execution_guardrail(runtime, name(), 0, 1, 0, NULL) !=
            SCOPEFLOW_STATUS_OK ||
        scopeflow_register_tool_request_intercept(runtime, name(), 0, 1, 0, NULL) !=
            SCOPEFLOW_STATUS_OK)
        abort();
    call_tool(); /* Resolves the chains, which stay. */
    account const before = held;
    for (int i = times(CALLS); i > 0; i--) call_tool();
    CHECK(held.block_count == before.block_count && held.size_bytes == before.size_bytes);
    scopeflow_runtime_free(runtime);
    CHECK(held.block_count == 0);
}

int main(void) {
    static const test tests[] = {
        {"a live scope is small", a_live_scope_is_small},
        {"scopes leave nothing", scopes_leave_nothing},
        {"calls leave nothing", calls_leave_nothing},
    };
    return RUN_TESTS(tests);
}
