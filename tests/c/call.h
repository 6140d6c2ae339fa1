/* Inside of the runner: one case that is being replayed, and one operation of it that is being
 * called. call.c reads arguments and results for dispatch.gen.h, runner.c does the rest. */
#ifndef SCOPEFLOW_TESTS_CALL_H
#define SCOPEFLOW_TESTS_CALL_H

#include "contexts.h"
#include "host.h"

enum { LABELS = 64, RECORDS = 16, CALLS = 256, LINES = 256, REFS = 8, OUTS = 16 };

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

typedef struct runner {
    const json *the_case;
    host host;
    scopeflow_runtime *runtime;
    scopeflow_runtime *elsewhere;
    scopeflow_emitter emitter;
    label labels[LABELS];
    contexts contexts;
    record records[RECORDS];
    const char *calls[CALLS];
    size_t call_count;
    size_t failure_count;
    bool has_scripts;
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

/* One operation that is being called. */
typedef struct call {
    runner *runner;
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
    /* How it ended, where not well: the runtime's own status, or an error object. */
    object *raised;
    scopeflow_status raised_status;
    char message[512];
    object *request;  /* What guards and the target have to be given (S3.10). */
    object *returned; /* What the target returned. */
} call;

typedef struct operation {
    const char *name;
    void (*function)(call *c);
    bool is_task;
} operation;

/* Prints what is wrong with the case and counts it. */
void fail(runner *self, const char *format, ...);

/* A scope by its label; `elsewhere` is made when it is first asked for. */
scopeflow_scope *label_find(runner *self, const char *name);
void label_set(runner *self, const char *name, scopeflow_scope *scope);

/* Each returns one reference. */
object *new_payload(runner *self, const json *payload);
object *new_error(runner *self, const json *error);

/* Null for a name that the spec does not have. */
const operation *operation_find(const char *name);
/* The bit of a flag that stands in events by its name, 0 for another name. */
int64_t wire_flag(const char *name);

#endif
