/* Inside of the runner: one case that is being replayed, and one task of it that is being driven.
 *
 * runner.c does the steps of a case, call.c reads arguments and results for dispatch.gen.h, drive.c
 * answers the steps of a task, answers.c says what the callables of the case do, natively.c and
 * native_script.c what those in C do, streams.c hands chunks on, presented.c makes what a callable
 * gets, outcome.c compares, faults.c disturbs. */
#ifndef SCOPEFLOW_TESTS_CALL_H
#define SCOPEFLOW_TESTS_CALL_H

#include "contexts.h"
#include "faults.h"
#include "host.h"
#include "runner.h"

enum {
    LABELS = 64,
    RECORDS = 16,
    CALLS = 512,
    LABEL_SIZE = 64,
    LINES = 512,
    REFS = 8,
    OUTS = 16,
    NEXTS = 16,
    CHUNKS = 64
};

typedef struct call call;
struct native;

typedef struct label {
    const char *name;
    scopeflow_scope *scope;
} label;

/* What a subscriber saw. */
typedef struct record {
    const char *label;
    char *lines[LINES];
    size_t count;
} record;

/* A `next` that an execution intercept kept, with the request that it got. */
typedef struct kept_next {
    const char *name;
    call *call;
    uint32_t position; /* That of a stream's intercept, which works until the call has ended. */
    object *request;
    char registration[LABEL_SIZE];
} kept_next;

typedef struct runner {
    const json *the_case;
    host host;
    scopeflow_runtime *runtime;
    scopeflow_runtime *elsewhere;
    scopeflow_emitter emitter;
    faults faults;
    label labels[LABELS];
    contexts contexts;
    record records[RECORDS];
    char calls[CALLS][LABEL_SIZE];
    size_t call_count;
    kept_next nexts[NEXTS];
    call *all;              /* Every task of the case, the newest first. */
    struct native *natives; /* Likewise. */
    context *operating;     /* In which the innermost operation is going on. */
    size_t native_depth;    /* Native callables that are being asked, in each other. */
    size_t depth;
    size_t failure_count;
    bool has_scripts;
    bool is_over;   /* Only what is owed is still delivered: callables do nothing more. */
    bool was_gated; /* A gate has switched something off. */
} runner;

typedef struct name_value {
    const char *name;
    int64_t value;
} name_value;

/* A member of what an operation returned. */
typedef struct out_member {
    const char *name;
    char text[128];
    int64_t number;
} out_member;

typedef struct held_ref {
    object *object;
    bool take;
} held_ref;

/* What of a stream has passed (S4.7). */
typedef struct streaming {
    bool has_begun;
    object *producer; /* An OBJECT_STREAM, held; null if what came was none. */
    value *inside;    /* What is current for the producer: it has a copy of the context (S1.11). */
    object *passing;  /* The chunk that the collector took and the consumer has not got. */
    object *taken[CHUNKS];
    size_t taken_count;
    size_t collector_count;
    size_t finalizer_count;
} streaming;

/* One task that is being driven: of an operation, or of a `next` of it. It stays until the end of
 * the case, since a `next` that was kept may come back to it at any time. */
struct call {
    runner *runner;
    call *older;
    call *operation; /* Whose `next` it is; itself if it is none. */
    const char *name;
    const json *step_of_case;
    const json *arguments;
    context *context;
    value *before; /* What was current when the operation was called. */
    scopeflow_runtime *runtime;
    scopeflow_scope *scope;
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_status status;
    scopeflow_error error;
    held_ref refs[REFS];
    size_t ref_count;
    char *long_text;
    out_member outs[OUTS];
    size_t out_count;
    size_t target_count; /* How often the target was reached. */
    streaming stream;
    /* How it ended. */
    bool is_native; /* A registration in C, or the end of one there. */
    bool was_left;  /* Without an end: nothing came out. */
    object *result; /* What came back, held. */
    object *raised; /* Or else the error object, held; or the runtime's own status. */
    scopeflow_status raised_status;
    char message[512];
    object *request;  /* What guards and the target have to be given (S3.10). */
    object *returned; /* What has to come back (S4.4). */
};

typedef struct operation {
    const char *name;
    void (*function)(call *c);
    bool is_task;
} operation;

/* --- natively.c --- */

/* From now on also middleware that does not say so is registered as native, where that can be. */
void natively_wanted(void);
/* Does the call's registration so; false if it is none, or the host's. */
bool register_natively(call *c);
/* The same for a deregistration in a native callable. */
bool deregister_natively(call *c);
/* Whether those that are named, and no others, have been given back. */
void check_natives_given_back(runner *self, const json *expected);
/* Once the runtime is gone, each has been given back once. */
void natives_free(runner *self);

/* --- runner.c --- */

/* Prints what is wrong with the case and counts it. */
void fail(runner *self, const char *format, ...);
/* The same for what may differ once something has been disturbed. */
void differ(runner *self, const char *format, ...);

/* A scope by its label, or null; `elsewhere` is made when it is first asked for. */
scopeflow_scope *label_find(runner *self, const char *name);
void label_set(runner *self, const char *name, scopeflow_scope *scope);

/* Returns the error that one of the steps lets through, held, or null. */
object *run_steps(runner *self, context *where, const json *steps);

/* --- call.c: each of the first two returns one reference --- */

object *new_payload(runner *self, const json *payload);
object *new_error(runner *self, const json *error);

/* A text argument as bytes, which are the call's. */
scopeflow_bytes call_text(call *c, const char *name);

/* Null for a name that the spec does not have. */
const operation *operation_find(const char *name);
/* The bit of a flag that stands in events by its name, 0 for another name. */
int64_t wire_flag(const char *name);

/* --- drive.c --- */

call *call_new(runner *self, context *where, const json *step, const char *name);
/* Frees all of the case. */
void calls_free(runner *self);
/* What `next` does: a task of its own for the rest of the chain, driven to its end. A null request
 * is the one that the intercept got. */
call *call_next(const kept_next *next, context *where, const json *step, object *request);
/* Calls the operation, again and again while memory is short, and drives its task to the end. */
void call_operation(call *self, const operation *op);
/* Lets go of the task in the middle. */
void leave(call *self);

/* An error of the runtime as an object: its type is the name of the status, in capitals (S7.1). */
object *own_error(runner *self, scopeflow_status status, const char *message);
/* What a failed call raised, as an object; held. */
object *call_error_object(const call *self);

/* --- answers.c --- */

void invoke(call *c, scopeflow_answer *answer);
void execute(call *c, scopeflow_answer *answer);
void run_codec(call *c, scopeflow_answer *answer);

/* Notes that something of this label was called; of a codec, with its action. */
void note_call(runner *self, const char *of, const char *action);
/* The answer for this call of it, null for none: the last one counts for all later calls. */
const json *next_answer(const json *answers, size_t *count);
/* Does the steps, unless a fault strikes first. False if that is already the answer. */
bool act(call *c, const json *script, scopeflow_answer *answer);
/* Fills the answer and returns true if the script ends with an error. */
bool act_failure(call *c, const json *script, scopeflow_answer *answer);
void answer_error(scopeflow_answer *answer, object *error);

/* --- streams.c --- */

/* Takes one step of the stream; false if the consumer has dropped it. */
bool stream_go_on(call *c, scopeflow_answer *answer);
void finalize(call *c, scopeflow_answer *answer);
void stream_let_go(streaming *self);

/* --- presented.c: each returns one reference --- */

/* The input of the step as its callable gets it (S3.6, S3.10); null for nothing. */
object *present(call *c);

/* Whether it is the payload that a case names. */
bool payload_is(const object *got, const json *expected);
/* The fields of the step's event, for an event sanitizer (S3.12). */
object *present_fields(call *c);
/* What a callable returns of what it got, which it takes; null for nothing. */
object *rewritten(call *c, object *got, const json *script);
bool is_llm_request(const object *self);

/* --- outcome.c --- */

/* Gives the line, which the record keeps; NULL if there was none. */
const char *record_line(runner *self, const char *name, scopeflow_event *event);
/* Compares how the operation ended with what the step expects. */
void check_outcome(call *c);
void check_case(runner *self);

#endif
