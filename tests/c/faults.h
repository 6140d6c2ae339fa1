/* What disturbs the replay of a case, and what must hold all the same (S4.3, S7.3).
 *
 * A fault strikes once, at the n-th place of its kind. After it the case comes out in some other
 * way, so that what it expects is not looked at: instead every start must have exactly one end,
 * nothing may leak, and the runtime must still do its work. */
#ifndef SCOPEFLOW_TESTS_FAULTS_H
#define SCOPEFLOW_TESTS_FAULTS_H

#include "host.h"

typedef enum fault_kind {
    FAULT_NONE,
    FAULT_ALLOCATION, /* An allocation fails; the case comes out the same. */
    FAULT_RAISE,      /* A callable, target or producer fails. */
    FAULT_CANCEL,     /* The same with a cancellation. */
    FAULT_ABANDON,    /* The host lets go of a task at a step. */
    FAULT_CLOSE,      /* The consumer of a stream stops instead of taking one more chunk. */
    FAULT_DROP        /* Or lets go of the stream. */
} fault_kind;

/* Where a fault can strike. */
typedef enum fault_place { PLACE_CALLABLE, PLACE_STEP, PLACE_CHUNK } fault_place;

/* A scope of which an event was seen. */
typedef struct seen_scope {
    scopeflow_uuid uuid;
    unsigned start_count;
    unsigned end_count;
} seen_scope;

typedef struct faults {
    fault_kind kind;
    size_t at;    /* Counted from 1. */
    size_t count; /* Places that were passed. */
    object *observer;
    seen_scope *seen;
    size_t seen_count;
} faults;

/* Whether something but the memory is disturbed. */
static inline bool faults_disturb(const faults *self) {
    return self->kind > FAULT_ALLOCATION;
}
/* Whether the fault strikes now. */
bool faults_strike(faults *self, fault_place place);

/* Registers a subscriber before all others, which sees every event of the runtime. */
void faults_observe(faults *self, host *owner, scopeflow_runtime *runtime);
/* Notes the event if the subscriber is the observer; false if it is not. */
bool faults_saw(faults *self, const object *subscriber, scopeflow_event *event);
/* A text that says what is wrong with what was seen, or null. */
const char *faults_find(const faults *self, scopeflow_runtime *runtime);
void faults_deinit(faults *self);

#endif
