/* Inside of a task: what a running operation holds between two steps.
 *
 * A task is a row of phases. `scopeflow__task_run` goes from phase to phase until the host has to
 * do something; `scopeflow_task_resume` takes the host's answer and runs on. Events that an
 * operation emits wait in `events`; they are prepared and delivered, one after the other, before
 * the next phase begins. */
#ifndef SCOPEFLOW__TASK_H
#define SCOPEFLOW__TASK_H

#include "event/event.h"

typedef enum scopeflow__phase {
    SCOPEFLOW__PHASE_ENDED = 0, /* Holds nothing; also what zeroed memory says. */
    SCOPEFLOW__PHASE_GATE,      /* S3.1 */
    SCOPEFLOW__PHASE_GUARD,     /* S3.5 */
    SCOPEFLOW__PHASE_DECODE,    /* S4.11 */
    SCOPEFLOW__PHASE_INTERCEPT, /* S3.11 */
    SCOPEFLOW__PHASE_ENCODE,    /* S4.11 */
    SCOPEFLOW__PHASE_START,     /* S4.2 */
    SCOPEFLOW__PHASE_LINK,      /* S3.7: the rest of the chain, begun by `next`. */
    SCOPEFLOW__PHASE_EXECUTE,
    SCOPEFLOW__PHASE_STREAM, /* S4.7 */
    SCOPEFLOW__PHASE_FINALIZE,
    SCOPEFLOW__PHASE_MARKS, /* S3.11: what intercepts left, after the end. */
    SCOPEFLOW__PHASE_FINISH /* RETURN, RAISE or DONE. */
} scopeflow__phase;

/* What the host owes an answer to. */
typedef enum scopeflow__pending {
    SCOPEFLOW__PENDING_NOTHING = 0,
    SCOPEFLOW__PENDING_GATE,
    SCOPEFLOW__PENDING_GUARD,
    SCOPEFLOW__PENDING_DECODE,
    SCOPEFLOW__PENDING_INTERCEPT,
    SCOPEFLOW__PENDING_ENCODE,
    SCOPEFLOW__PENDING_PREPARE, /* A sanitizer, codec or injector, for the first event. */
    SCOPEFLOW__PENDING_DELIVER,
    SCOPEFLOW__PENDING_EXECUTE,
    SCOPEFLOW__PENDING_STREAM,
    SCOPEFLOW__PENDING_FINALIZE
} scopeflow__pending;

/* What kind of operation it is. */
typedef enum scopeflow__task_kind {
    SCOPEFLOW__TASK_EMITS = 0, /* Only events. */
    SCOPEFLOW__TASK_TOOL,
    SCOPEFLOW__TASK_LLM,
    SCOPEFLOW__TASK_LLM_STREAM
} scopeflow__task_kind;

typedef struct scopeflow__task {
    uint32_t check; /* Tells a task from memory that never was one. */
    uint8_t phase;
    uint8_t pending;
    uint8_t kind;       /* A scopeflow__task_kind. */
    uint8_t final_step; /* The step kind that ends it. */
    bool hands_scope;   /* DONE hands `scope` to the host. */
    bool can_await;     /* S3.8 */
    bool is_standalone; /* S4.9: only guards or only request intercepts. */
    bool is_link;       /* It is what a `next` runs. */
    bool owns_request;  /* An intercept made it. */
    bool wants_chunk_marks;
    bool has_held;
    bool has_borrowed_scope; /* Of an event that stands in the row. */
    uint8_t after_gates;     /* The phase that gates stand before. */
    bool finalizer_failed;
    bool has_finalizer;
    bool was_annotated;  /* Some intercept gave an annotated request. */
    bool output_is_void; /* There was a finalizer, and it gave nothing (S4.7). */
    uint8_t ending;      /* An answer kind: how a stream ended. */
    uint32_t index;      /* The next guard or request intercept. */
    uint32_t link;       /* The execution intercept that runs, or how many there are: the target. */
    uint32_t listener_index;
    scopeflow_status final_status;
    scopeflow_runtime *runtime;
    scopeflow_scope *scope;     /* The call's span, or the scope that was opened. Held. */
    scopeflow__set *middleware; /* What the call saw when it began (S3.4). Held. */
    scopeflow_event *events;    /* The one being delivered, then those that wait. Held. */
    scopeflow_event *last_event;
    struct scopeflow__frame *frames;    /* Native execution intercepts around what runs now. */
    struct scopeflow__emitter *serving; /* The thread's, while this is what it delivers for. */
    scopeflow__pending_mark *marks;     /* Those of the call that are still to be emitted. */
    scopeflow_ref request;              /* Borrowed, unless an intercept made it. */
    scopeflow_ref annotated;      /* Its decoded form, taken from the codec or an intercept. */
    scopeflow_ref decoded;        /* The request that it was decoded from. Borrowed. */
    scopeflow_ref data;           /* Borrowed. */
    scopeflow_ref codec;          /* Borrowed. */
    scopeflow_ref response_codec; /* Borrowed. */
    scopeflow_ref value;          /* What the last step hands back. Taken. */
    scopeflow_ref output;         /* What a finalizer made. Taken. */
    scopeflow_ref held;           /* An exit or cancellation that is raised at the end (S5.2). */
    int64_t timestamp_ns;
    int64_t last_chunk_ns;
    int64_t ended_at_ns;
} scopeflow__task;

static inline scopeflow__task *scopeflow__task_of(scopeflow_task *task) {
    return (scopeflow__task *)(void *)task->private_words;
}

/* Makes the task an empty one of this runtime. */
void scopeflow__task_begin(scopeflow__task *self, scopeflow_runtime *runtime);

/* Begins one that emits, for an operation that somebody listens to. */
scopeflow__task *scopeflow__task_begin_emitting(scopeflow_task *task, scopeflow_runtime *runtime);

/* Goes on until the host has to do something, and says what. */
void scopeflow__task_run(scopeflow__task *self, scopeflow_emitter *emitter, scopeflow_step *step);

/* The step of an operation that has nothing for the host to do. Writes no more than that. */
void scopeflow__task_done(scopeflow_task *task, scopeflow_step *step, scopeflow_scope *scope);

/* Whether it is one that was begun and has not ended. */
bool scopeflow__task_goes_on(const scopeflow__task *self);

/* Keeps an exit or a cancellation, to be raised at the end; the first one counts (S5.2). Takes the
 * reference. */
void scopeflow__task_hold(scopeflow__task *self, scopeflow_ref error);

/* Which of the two registries is the one for this kind of call. */
static inline scopeflow_registry scopeflow__task_registry(const scopeflow__task *self,
                                                          scopeflow_registry tool,
                                                          scopeflow_registry llm) {
    return self->kind == SCOPEFLOW__TASK_TOOL ? tool : llm;
}

/* Fills what every step of a call tells. */
SCOPEFLOW__INLINE void scopeflow__task_fill(const scopeflow__task *self, scopeflow_step *step,
                                            scopeflow_step_kind kind,
                                            const scopeflow__entry *entry) {
    scopeflow_scope *const span = self->scope;
    step->kind = kind;
    step->scope = span;
    if (entry != NULL) {
        step->registry = entry->kind;
        step->flags = entry->flags;
        step->callable = entry->callable;
        step->registration = scopeflow__entry_name(entry);
    }
    if (span == NULL || !span->is_call) return;
    step->target = scopeflow__scope_name(span);
    if (span->type == SCOPEFLOW_SCOPE_TYPE_LLM)
        step->model_name = scopeflow__scope_detail(span);
    else
        step->tool_call_id = scopeflow__scope_detail(span);
}

/* --- emit.c --- */

/* Emits an event for those who listen to `scope`, if anybody does: `scopeflow__listeners_of` gave
 * `listeners`, which this takes. Null events (no memory) are counted as dropped. */
void scopeflow__task_emit(scopeflow__task *self, scopeflow_event *event, scopeflow__set *listeners);

scopeflow__set *scopeflow__listeners_find(scopeflow_scope *scope);
/* Who gets an event of this scope; null when nobody listens (S5.3, S5.4). To be released. */
static inline scopeflow__set *scopeflow__listeners_of(scopeflow_scope *scope) {
    if (SCOPEFLOW__LIKELY(!scopeflow__may_see(scope, SCOPEFLOW__GROUP_SUBSCRIBERS))) return NULL;
    return scopeflow__listeners_find(scope);
}

/* Emits the end of the scope that has just opened if the runtime has been closed meanwhile. */
void scopeflow__task_end_if_closed(scopeflow__task *self, scopeflow_scope *scope);
/* Emits the end of a scope that ends without a word, and what intercepts left with it. */
void scopeflow__task_emit_abandoned_end(scopeflow__task *self, scopeflow_scope *scope);
/* Emits what is owed for scopes that nobody held any more (S1.12). */
void scopeflow__task_emit_abandoned(scopeflow__task *self);
static inline bool scopeflow__has_abandoned(const scopeflow_runtime *runtime) {
    return __atomic_load_n(&runtime->abandoned, __ATOMIC_RELAXED) != NULL;
}
static inline bool scopeflow__has_work(const scopeflow_runtime *runtime,
                                       const scopeflow__set *listeners) {
    return listeners != NULL || scopeflow__has_abandoned(runtime);
}
/* Counts an event that nobody will get, and lets it go. */
void scopeflow__event_drop(scopeflow_event *event);
/* Drops what waits, undelivered. */
void scopeflow__task_drop_events(scopeflow__task *self);

/* --- prepare.c --- */

/* Goes on preparing the first event (S3.12). True when the host has to do something for it. */
bool scopeflow__task_prepare(scopeflow__task *self, scopeflow_step *step);
void scopeflow__task_prepared(scopeflow__task *self, const scopeflow_answer *answer);
/* Whether a payload is JSON null. Runs host code. */
bool scopeflow__ref_is_null(scopeflow_runtime *runtime, scopeflow_ref ref);
/* Whether its top level is JSON-shaped. */
bool scopeflow__ref_is_json(scopeflow_runtime *runtime, scopeflow_ref ref);
bool scopeflow__ref_is_object(scopeflow_runtime *runtime, scopeflow_ref ref);
/* A mark has its category's facts and its schema as objects or not at all (S2.1). */
scopeflow_status scopeflow__mark_check(scopeflow_runtime *runtime, scopeflow_ref profile,
                                       scopeflow_ref data_schema, scopeflow_error *out_error);

/* --- order.c: no end overtakes its start --- */

/* The event, if it is a start, waits: for a sanitizer, behind others, for subscribers. `where` is
 * the task or the emitter in whose row it stands. */
void scopeflow__order_note(scopeflow_event *start, const void *where);
/* True if the first event is not to be delivered now but right after the start of its scope, which
 * has got it, and everybody with it. */
bool scopeflow__order_keep(scopeflow__task *self, const struct scopeflow__emitter *mine);
/* The first event has been delivered, or will never be: what was to follow it stands behind it. */
void scopeflow__order_follow(scopeflow__task *self);

/* --- deliver.c --- */

/* Fills a step if the host has to do something for an event; false when all have reached
 * everybody. */
bool scopeflow__task_deliver(scopeflow__task *self, scopeflow_emitter *emitter,
                             scopeflow_step *step);
void scopeflow__task_delivered(scopeflow__task *self, const scopeflow_answer *answer);
/* Counts and logs that the subscriber has failed (S5.2). */
void scopeflow__task_delivery_failed(scopeflow__task *self, scopeflow_ref error);
/* The subscriber that is being served will not answer: what it emitted joins the task's events, and
 * the thread's emitter is free for others. */
void scopeflow__task_stop_serving(scopeflow__task *self);

/* --- gates.c --- */

bool scopeflow__call_gate(scopeflow__task *self, scopeflow_step *step);
void scopeflow__call_gated(scopeflow__task *self, const scopeflow_answer *answer);

/* --- admission.c: what comes before the start of a call --- */

bool scopeflow__call_guard(scopeflow__task *self, scopeflow_step *step);
void scopeflow__call_guarded(scopeflow__task *self, const scopeflow_answer *answer);
bool scopeflow__call_decode(scopeflow__task *self, scopeflow_step *step);
void scopeflow__call_decoded(scopeflow__task *self, const scopeflow_answer *answer);
bool scopeflow__call_intercept(scopeflow__task *self, scopeflow_step *step);
/* S3.11: what an intercept or the codec gives back has to be a request. */
scopeflow_status scopeflow__call_check_rewritten(const scopeflow__task *self,
                                                 const scopeflow_answer *answer,
                                                 scopeflow_error *out_error);
void scopeflow__call_intercepted(scopeflow__task *self, const scopeflow_answer *answer);
/* The same for a native callable's answer: apart, so that the host's way stays short. */
scopeflow_status scopeflow__call_check_native(const scopeflow__task *self,
                                              const scopeflow_answer *answer,
                                              scopeflow_error *out_error);
void scopeflow__call_intercepted_natively(scopeflow__task *self, const scopeflow_answer *answer);
bool scopeflow__call_encode(scopeflow__task *self, scopeflow_step *step);
void scopeflow__call_encoded(scopeflow__task *self, const scopeflow_answer *answer);

/* --- execution.c: from the start of a call to its end --- */

void scopeflow__call_start(scopeflow__task *self);
void scopeflow__call_link(scopeflow__task *self);
bool scopeflow__call_execute(scopeflow__task *self, scopeflow_step *step);
void scopeflow__call_executed(scopeflow__task *self, const scopeflow_answer *answer);
/* As that, where it was not the host that answered. Apart, so that the host's way stays short. */
void scopeflow__call_settle(scopeflow__task *self, const scopeflow_answer *answer);
/* Ends the span, at the time when its outcome was known, and emits the end. */
void scopeflow__call_end(scopeflow__task *self, const scopeflow_answer *answer,
                         int64_t ended_at_ns);
void scopeflow__call_marks(scopeflow__task *self);

const scopeflow__chain *scopeflow__call_execution_chain(const scopeflow__task *self);

/* --- native.c, native_execution.c: left out of the WebAssembly build --- */

#if SCOPEFLOW_HOSTED
/* Whether the step is not the host's to do. */
static inline bool scopeflow__is_native_step(const scopeflow_step *step) {
    return !SCOPEFLOW__LIKELY(step->callable != SCOPEFLOW__NATIVE_CALLABLE);
}
/* Runs the native callable that the step is for, takes its answer and clears the step. */
void scopeflow__native_run(scopeflow__task *self, scopeflow_step *step);
/* What a native execution intercept decided before the rest of the chain. */
void scopeflow__native_decided(scopeflow__task *self, const scopeflow_invocation *invocation);
/* Asks the native execution intercepts around what has run, the innermost first, and changes the
 * answer as they say. False when one of them wants the rest of the chain to run once more. */
bool scopeflow__native_unwind(scopeflow__task *self, scopeflow_answer *answer);
/* Lets go of them, unasked. */
void scopeflow__native_forget(scopeflow__task *self);
/* What they hold, for a garbage collector: 0 beyond the last. */
scopeflow_ref scopeflow__native_held_at(const scopeflow__task *self, uint32_t index);
#else
#define scopeflow__is_native_step(step) false
#define scopeflow__native_run(self, step) ((void)0)
#define scopeflow__native_unwind(self, answer) true
#define scopeflow__native_forget(self) ((void)0)
#define scopeflow__native_held_at(self, index) 0
#endif

/* --- stream.c --- */

bool scopeflow__stream_go_on(scopeflow__task *self, scopeflow_step *step);
void scopeflow__stream_answered(scopeflow__task *self, const scopeflow_answer *answer);
bool scopeflow__stream_finalize(scopeflow__task *self, scopeflow_step *step);
void scopeflow__stream_finalized(scopeflow__task *self, const scopeflow_answer *answer);

#endif
