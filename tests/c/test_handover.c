/* Threads that hand something over: ids increase along the way (S2.2), and a runtime lives as long
 * as a scope in some thread, whoever lets go last. */
#include "check.h"
#include "scopeflow/scopeflow.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { ROUNDS = 20000, THREADS = 2, SCOPES = 64, TIMES = 200 };

static scopeflow_runtime *runtime;
static atomic_ullong allocated_count;
static atomic_ullong freed_count;
static _Atomic int64_t now_ns;

static void *reallocate(void *context, void *block, size_t old_size_bytes, size_t new_size_bytes) {
    (void)context;
    (void)old_size_bytes;
    if (block == NULL) atomic_fetch_add(&allocated_count, 1);
    if (new_size_bytes > 0) return realloc(block, new_size_bytes);
    atomic_fetch_add(&freed_count, block != NULL);
    free(block);
    return NULL;
}

/* A clock that goes back with each reading. */
static int64_t read_clock(void *context) {
    (void)context;
    return atomic_fetch_sub(&now_ns, 1000000);
}

static void make_runtime(bool has_own_clock) {
    scopeflow_host host = SCOPEFLOW_HOST_INIT;
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    host.reallocate = reallocate;
    atomic_store(&now_ns, 1767225600000000000);
    if (has_own_clock) host.clock = read_clock;
    if (scopeflow_runtime_new(&host, &options, &runtime, NULL) != SCOPEFLOW_STATUS_OK) abort();
}

static scopeflow_scope *open_scope(void) {
    scopeflow_scope_push_options options = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.name.ptr = "scope";
    options.name.len = 5;
    if (scopeflow_scope_push(runtime, &options, &task, &step, NULL) != SCOPEFLOW_STATUS_OK) abort();
    return step.scope;
}

static void end_scope(scopeflow_scope *scope) {
    scopeflow_scope_pop_options options = SCOPEFLOW_SCOPE_POP_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    if (scopeflow_scope_pop(scope, &options, &task, &step, NULL) != SCOPEFLOW_STATUS_OK) abort();
    scopeflow_scope_release(scope);
}

/* --- Ids --- */

static atomic_int turn;
static scopeflow_uuid last;
static atomic_int disorder_count;

static void *draw_in_turn(void *place) {
    int const mine = (int)(size_t)place;
    for (int i = 0; i < ROUNDS; i++) {
        while (atomic_load_explicit(&turn, memory_order_acquire) % THREADS != mine) sched_yield();
        scopeflow_scope *const scope = open_scope();
        scopeflow_scope_info info;
        if (scopeflow_scope_describe(scope, &info, NULL) != SCOPEFLOW_STATUS_OK) abort();
        if (memcmp(&last, &info.uuid, sizeof last) >= 0) atomic_fetch_add(&disorder_count, 1);
        last = info.uuid;
        atomic_fetch_add_explicit(&turn, 1, memory_order_release);
        end_scope(scope);
    }
    return NULL;
}

static void draw_in_turns(bool has_own_clock) {
    pthread_t threads[THREADS];
    make_runtime(has_own_clock);
    memset(&last, 0, sizeof last);
    atomic_store(&turn, 0);
    atomic_store(&disorder_count, 0);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, draw_in_turn, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(atomic_load(&disorder_count) == 0);
    scopeflow_runtime_free(runtime);
}

static void ids_increase_from_thread_to_thread(void) {
    draw_in_turns(false);
}

static void ids_increase_while_the_clock_goes_back(void) {
    draw_in_turns(true);
}

/* --- Who lets go last --- */

static scopeflow_scope *scopes[THREADS][SCOPES];
static atomic_int waiting;

static void *let_go(void *place) {
    scopeflow_scope **const mine = scopes[(size_t)place];
    atomic_fetch_add(&waiting, 1);
    while (atomic_load(&waiting) <= THREADS) sched_yield();
    for (int i = 0; i < SCOPES; i++) scopeflow_scope_release(mine[i]);
    return NULL;
}

static void *open_and_let_go(void *place) {
    for (int i = 0; i < SCOPES; i++) scopes[(size_t)place][i] = open_scope();
    return let_go(place);
}

/* The owner lets go in the middle of it. */
static void free_while_others_let_go(void) {
    pthread_t threads[THREADS];
    atomic_store(&waiting, 0);
    make_runtime(false);
    for (int i = 0; i < SCOPES; i++) scopes[1][i] = open_scope();
    CHECK(pthread_create(&threads[0], NULL, open_and_let_go, NULL) == 0);
    CHECK(pthread_create(&threads[1], NULL, let_go, (void *)1) == 0);
    while (atomic_load(&waiting) < THREADS) sched_yield();
    atomic_fetch_add(&waiting, 1);
    scopeflow_runtime_free(runtime);
    for (int i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
}

static void a_runtime_goes_with_its_last_scope(void) {
    atomic_store(&allocated_count, 0);
    atomic_store(&freed_count, 0);
    for (int i = 0; i < TIMES; i++) free_while_others_let_go();
    CHECK(atomic_load(&allocated_count) == atomic_load(&freed_count));
}

int main(void) {
    static const test tests[] = {
        {"ids increase from thread to thread", ids_increase_from_thread_to_thread},
        {"ids increase while the clock goes back", ids_increase_while_the_clock_goes_back},
        {"a runtime goes with its last scope", a_runtime_goes_with_its_last_scope},
    };
    return RUN_TESTS(tests);
}
