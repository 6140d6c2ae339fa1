/* Inside of a task: what a running operation holds between two steps.
 *
 * A task is a row of phases. `scopeflow__task_run` goes from phase to phase until the host has to
 * do something; `scopeflow_task_resume` takes the host's answer and runs on. Events that an
 * operation emits wait in `events` and are delivered before the next phase begins. */
#ifndef SCOPEFLOW__TASK_H
#define SCOPEFLOW__TASK_H

#include "event/event.h"

typedef enum scopeflow__phase {
    SCOPEFLOW__PHASE_ENDED = 0, /* Holds nothing; also what zeroed memory says. */
    SCOPEFLOW__PHASE_GUARD,     /* S3.5 */
    SCOPEFLOW__PHASE_START,     /* S4.2 */
    SCOPEFLOW__PHASE_EXECUTE,
    SCOPEFLOW__PHASE_FINISH /* RETURN, RAISE or DONE. */
} scopeflow__phase;

/* What the host owes an answer to. */
typedef enum scopeflow__pending {
    SCOPEFLOW__PENDING_NOTHING = 0,
    SCOPEFLOW__PENDING_INVOKE,
    SCOPEFLOW__PENDING_DELIVER,
    SCOPEFLOW__PENDING_EXECUTE
} scopeflow__pending;

typedef struct scopeflow__task {
    uint32_t check; /* Tells a task from memory that never was one. */
    uint8_t phase;
    uint8_t pending;
    uint8_t final_step;  /* The step kind that ends it. */
    uint8_t hands_scope; /* DONE hands `scope` to the host. */
    uint32_t guard_index;
    uint32_t listener_index;
    scopeflow_status final_status;
    scopeflow_runtime *runtime;
    scopeflow_scope *scope;     /* The call's span, or the scope that was opened. Held. */
    scopeflow__set *middleware; /* What the call saw when it began (S3.4). Held. */
    scopeflow_event *events;    /* The one being delivered, then those that wait. Held. */
    scopeflow_event *last_event;
    scopeflow_ref request; /* Borrowed. */
    scopeflow_ref data;    /* Borrowed. */
    scopeflow_ref value;   /* What the last step hands back. Taken. */
    scopeflow_ref held;    /* A subscriber's exit or cancellation, raised at the end (S5.2). */
    int64_t timestamp_ns;
    bool has_held;
} scopeflow__task;

static inline scopeflow__task *scopeflow__task_of(scopeflow_task *task) {
    return (scopeflow__task *)(void *)task->private_words;
}

/* Makes the task an empty one of this runtime. */
void scopeflow__task_begin(scopeflow__task *self, scopeflow_runtime *runtime);

/* Goes on until the host has to do something, and says what. */
void scopeflow__task_run(scopeflow__task *self, scopeflow_emitter *emitter, scopeflow_step *step);

/* The step of an operation that has nothing for the host to do. Writes no more than that. */
void scopeflow__task_done(scopeflow_task *task, scopeflow_step *step, scopeflow_scope *scope);

/* --- deliver.c --- */

/* Emits an event for those who listen to `scope`, if anybody does: `scopeflow__listeners_of` gave
 * `listeners`, which this takes. Null events (no memory) are counted as dropped. */
void scopeflow__task_emit(scopeflow__task *self, scopeflow_emitter *emitter, scopeflow_event *event,
                          scopeflow__set *listeners);

scopeflow__set *scopeflow__listeners_find(scopeflow_scope *scope);
/* Who gets an event of this scope; null when nobody listens (S5.3, S5.4). To be released. */
static inline scopeflow__set *scopeflow__listeners_of(scopeflow_scope *scope) {
    if (SCOPEFLOW__LIKELY(!scopeflow__has_registrations(scope->runtime))) return NULL;
    return scopeflow__listeners_find(scope);
}

/* Emits what is owed for scopes that nobody held any more (S1.12). */
void scopeflow__task_emit_abandoned(scopeflow__task *self, scopeflow_emitter *emitter);
static inline bool scopeflow__has_abandoned(const scopeflow_runtime *runtime) {
    return __atomic_load_n(&runtime->abandoned, __ATOMIC_RELAXED) != NULL;
}

/* Fills a DELIVER step if an event waits; false when all have reached everybody. */
bool scopeflow__task_deliver(scopeflow__task *self, scopeflow_emitter *emitter,
                             scopeflow_step *step);
void scopeflow__task_delivered(scopeflow__task *self, const scopeflow_answer *answer);
/* Drops what waits, undelivered. */
void scopeflow__task_drop_events(scopeflow__task *self);

/* --- call.c: the phases of a managed call --- */

bool scopeflow__call_guard(scopeflow__task *self, scopeflow_step *step);
void scopeflow__call_guarded(scopeflow__task *self, const scopeflow_answer *answer);
void scopeflow__call_start(scopeflow__task *self, scopeflow_emitter *emitter);
bool scopeflow__call_execute(scopeflow__task *self, scopeflow_emitter *emitter,
                             scopeflow_step *step);
void scopeflow__call_executed(scopeflow__task *self, const scopeflow_answer *answer);

#endif
