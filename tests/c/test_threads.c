/* Several threads on one runtime; what counts is what ThreadSanitizer says, and that every sum is
 * right.
 *
 * The host here is one without objects: callables and payloads are small numbers, and releases are
 * counted atomically. */
#include "check.h"
#include "scopeflow/scopeflow.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

enum { ROUNDS = 9000, SHARED_SCOPES = 500, THREADS = 3 };

static scopeflow_runtime *runtime;
static atomic_ullong release_count;
static atomic_ullong delivery_count;
static atomic_ullong line_count;

static void release(void *context, scopeflow_ref ref) {
    (void)context;
    (void)ref;
    atomic_fetch_add(&release_count, 1);
}

static void encode(void *context, scopeflow_ref ref, scopeflow_tape *tape) {
    (void)context;
    scopeflow_tape_put_uint(tape, ref);
}

static scopeflow_bytes text(const char *literal) {
    scopeflow_bytes bytes;
    bytes.ptr = literal;
    bytes.len = strlen(literal);
    return bytes;
}

static void make_runtime(void) {
    scopeflow_host host = SCOPEFLOW_HOST_INIT;
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    host.release = release;
    host.encode = encode;
    atomic_store(&release_count, 0);
    atomic_store(&delivery_count, 0);
    if (scopeflow_runtime_new(&host, &options, &runtime, NULL) != SCOPEFLOW_STATUS_OK) abort();
}

static void drive(scopeflow_task *task, scopeflow_step *step, scopeflow_emitter *emitter) {
    for (;;) {
        scopeflow_answer answer;
        scopeflow_bytes line;
        memset(&answer, 0, sizeof answer);
        answer.emitter = emitter;
        if (step->kind == SCOPEFLOW_STEP_KIND_DELIVER) {
            atomic_fetch_add(&delivery_count, 1);
            if (scopeflow_event_json(step->event, SCOPEFLOW_EVENT_PART_LINE, &line, NULL) ==
                SCOPEFLOW_STATUS_OK)
                atomic_fetch_add(&line_count, 1);
        } else if (step->kind == SCOPEFLOW_STEP_KIND_EXECUTE) {
            answer.value = 9;
        } else if (step->kind != SCOPEFLOW_STEP_KIND_INVOKE) {
            return;
        }
        if (scopeflow_task_resume(task, &answer, step, NULL) != SCOPEFLOW_STATUS_OK) abort();
    }
}

static scopeflow_scope *push(scopeflow_scope *current, scopeflow_emitter *emitter) {
    scopeflow_scope_push_options options = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.current = current;
    options.emitter = emitter;
    options.name = text("scope");
    options.metadata = 5;
    if (scopeflow_scope_push(runtime, &options, &task, &step, NULL) != SCOPEFLOW_STATUS_OK) abort();
    drive(&task, &step, emitter);
    return step.scope;
}

static bool pop(scopeflow_scope *scope, scopeflow_emitter *emitter) {
    scopeflow_scope_pop_options options = SCOPEFLOW_SCOPE_POP_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.current = scope;
    options.emitter = emitter;
    if (scopeflow_scope_pop(scope, &options, &task, &step, NULL) != SCOPEFLOW_STATUS_OK)
        return false;
    drive(&task, &step, emitter);
    return true;
}

static void execute(scopeflow_scope *current, scopeflow_emitter *emitter) {
    scopeflow_tool_execute_options options = SCOPEFLOW_TOOL_EXECUTE_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.current = current;
    options.emitter = emitter;
    options.name = text("tool");
    options.request = 7;
    if (scopeflow_tool_execute(runtime, &options, &task, &step, NULL) != SCOPEFLOW_STATUS_OK)
        abort();
    drive(&task, &step, emitter);
    if (step.kind != SCOPEFLOW_STEP_KIND_RETURN || step.value != 9) abort();
}

static void mark(scopeflow_scope *current, scopeflow_emitter *emitter) {
    scopeflow_scope_event_options options = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.current = current;
    options.emitter = emitter;
    options.name = text("mark");
    options.data = 3;
    if (scopeflow_scope_event(runtime, &options, &task, &step, NULL) != SCOPEFLOW_STATUS_OK)
        abort();
    drive(&task, &step, emitter);
}

/* --- Registering while others call --- */

static scopeflow_scope *shared;

static void *call_on(void *unused) {
    scopeflow_emitter emitter;
    (void)unused;
    memset(&emitter, 0, sizeof emitter);
    for (int i = 0; i < ROUNDS; i++) {
        scopeflow_scope *const scope = push(shared, &emitter);
        execute(scope, &emitter);
        mark(scope, &emitter);
        if (i % 3 == 0) scopeflow_scope_release(push(scope, &emitter)); /* Abandoned. */
        (void)pop(scope, &emitter);
        scopeflow_scope_release(scope);
    }
    return NULL;
}

static void *register_on(void *unused) {
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t removed = 0;
        if (scopeflow_register_subscriber(runtime, text("s"), 1, 0, NULL) != SCOPEFLOW_STATUS_OK ||
            scopeflow_scope_register_tool_conditional_execution_guardrail(
                shared, text("g"), i, 2, 0, NULL) != SCOPEFLOW_STATUS_OK ||
            scopeflow_deregister_subscriber(runtime, text("s"), &removed, NULL) !=
                SCOPEFLOW_STATUS_OK ||
            removed != 1 ||
            scopeflow_scope_deregister_tool_conditional_execution_guardrail(
                shared, text("g"), &removed, NULL) != SCOPEFLOW_STATUS_OK ||
            removed != 1)
            abort();
    }
    return NULL;
}

static void registering_while_others_call(void) {
    pthread_t threads[THREADS];
    scopeflow_emitter emitter;
    memset(&emitter, 0, sizeof emitter);
    make_runtime();
    shared = push(NULL, &emitter);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, i == 0 ? register_on : call_on, NULL) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(pop(shared, &emitter));
    scopeflow_scope_release(shared);
    scopeflow_runtime_stats stats;
    CHECK(scopeflow_runtime_read_stats(runtime, &stats, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(stats.abandoned_scope_count == (THREADS - 1) * (uint64_t)(ROUNDS / 3));
    CHECK(stats.dropped_event_count == 0);
    CHECK(stats.scope_event_count + stats.mark_event_count == atomic_load(&delivery_count));
    scopeflow_runtime_free(runtime);
    /* Two callables a round, and the metadata of each scope. */
    uint64_t const scopes = (THREADS - 1) * (uint64_t)(ROUNDS + ROUNDS / 3) + 1;
    CHECK(atomic_load(&release_count) == 2 * (uint64_t)ROUNDS + scopes);
}

/* --- Ending one scope from two threads --- */

static scopeflow_scope *scopes[SHARED_SCOPES];
static atomic_int end_count;

static void *end_all(void *unused) {
    scopeflow_emitter emitter;
    (void)unused;
    memset(&emitter, 0, sizeof emitter);
    for (int i = 0; i < SHARED_SCOPES; i++)
        if (pop(scopes[i], &emitter)) atomic_fetch_add(&end_count, 1);
    return NULL;
}

/* S4.3: one end whoever is faster; the slower one is told `not_found`, or ends it silently. */
static void a_scope_is_ended_once(void) {
    pthread_t threads[2];
    scopeflow_emitter emitter;
    memset(&emitter, 0, sizeof emitter);
    make_runtime();
    for (int i = 0; i < SHARED_SCOPES; i++) scopes[i] = push(NULL, &emitter);
    if (scopeflow_register_subscriber(runtime, text("s"), 1, 0, NULL) != SCOPEFLOW_STATUS_OK)
        abort();
    for (int i = 0; i < 2; i++) CHECK(pthread_create(&threads[i], NULL, end_all, NULL) == 0);
    for (int i = 0; i < 2; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(atomic_load(&delivery_count) == SHARED_SCOPES);
    CHECK(atomic_load(&end_count) >= SHARED_SCOPES);
    for (int i = 0; i < SHARED_SCOPES; i++) scopeflow_scope_release(scopes[i]);
    scopeflow_runtime_free(runtime);
}

/* --- Ids --- */

static scopeflow_uuid drawn[THREADS][ROUNDS];

static void *draw(void *place) {
    scopeflow_uuid *const out = place;
    scopeflow_emitter emitter;
    memset(&emitter, 0, sizeof emitter);
    for (int i = 0; i < ROUNDS; i++) {
        scopeflow_scope *const scope = push(NULL, &emitter);
        scopeflow_scope_info info;
        if (scopeflow_scope_describe(scope, &info, NULL) != SCOPEFLOW_STATUS_OK) abort();
        out[i] = info.uuid;
        (void)pop(scope, &emitter);
        scopeflow_scope_release(scope);
    }
    return NULL;
}

static int compare_ids(const void *a, const void *b) {
    return memcmp(a, b, sizeof drawn[0][0]);
}

/* S2.2: increasing along happens-before, so in each thread, and none twice. */
static void ids_are_unique_and_increase_in_each_thread(void) {
    pthread_t threads[THREADS];
    make_runtime();
    for (int i = 0; i < THREADS; i++) CHECK(pthread_create(&threads[i], NULL, draw, drawn[i]) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    int disorder = 0;
    for (int i = 0; i < THREADS; i++)
        for (int k = 1; k < ROUNDS; k++)
            if (compare_ids(&drawn[i][k - 1], &drawn[i][k]) >= 0) disorder++;
    CHECK(disorder == 0);
    scopeflow_uuid *const all = drawn[0];
    qsort(all, (size_t)THREADS * ROUNDS, sizeof *all, compare_ids);
    int doubled = 0;
    for (size_t i = 1; i < (size_t)THREADS * ROUNDS; i++)
        if (compare_ids(&all[i - 1], &all[i]) == 0) doubled++;
    CHECK(doubled == 0);
    scopeflow_runtime_free(runtime);
}

int main(void) {
    static const test tests[] = {
        {"registering while others call", registering_while_others_call},
        {"a scope is ended once", a_scope_is_ended_once},
        {"ids are unique and increase in each thread", ids_are_unique_and_increase_in_each_thread},
    };
    return RUN_TESTS(tests);
}
