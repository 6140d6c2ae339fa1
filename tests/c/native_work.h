/* Native callables that do as a script says, and a driver that writes down what the host had to do.
 *
 * Everything that happens is noted in `trace`, one word a thing: what a native callable is asked,
 * as `name`, `name.after`; what the host has to do, as `invoke:name`, `deliver`, `execute:input`.
 */
#ifndef SCOPEFLOW_TESTS_NATIVE_WORK_H
#define SCOPEFLOW_TESTS_NATIVE_WORK_H

#include "session.h"

typedef struct work work;
typedef struct script script;

/* What a native callable does. */
struct script {
    const char *name;
    scopeflow_registry registry;
    int32_t priority;
    scopeflow_callable_flag flags;
    void (*act)(script *self, scopeflow_invocation *invocation); /* Null: nothing. */
    const char *text;  /* For `act`: a reason, a message, a JSON text. */
    uint32_t kinds;    /* Of a gate, */
    const char *gated; /* like this. */
    /* What has come of it. */
    work *owner;
    unsigned run_count;
    unsigned destroy_count;
    scopeflow_status answered; /* What its answer was met with. */
    char seen[512];            /* The input, if it asked. */
};

struct work {
    session session;
    char trace[2048];
    /* How the host answers. */
    const char *results[4]; /* Of the target, the n-th time; null is an error. */
    bool cancels;
    const char *intercepted; /* What the host's request intercepts return; null: what they got. */
    unsigned executed;
};

void work_init(work *self);
/* True if nothing is left and no callable was given back more than once. */
bool work_deinit(work *self);
void work_note(work *self, const char *what, scopeflow_bytes name);

scopeflow_native_callable script_callable(work *self, script *of);
/* Registers on the runtime; aborts unless that succeeds. */
void work_register(work *self, script *of);
bool work_deregister(work *self, const script *of);
void work_register_host(work *self, const char *name, scopeflow_registry registry,
                        int32_t priority);

/* Runs a tool or LLM call and gives back its last step; whose value is the caller's to release. */
scopeflow_step work_call(work *self, const char *request);
scopeflow_step work_call_llm(work *self, const char *request);
/* Answers a task's steps to the end. */
void work_drive(work *self, scopeflow_task *task, scopeflow_step *step);
/* Whether the last step returns this JSON text, or raises an error of this status with this text
 * in it. Lets go of its value. */
bool work_returned(work *self, scopeflow_step *step, const char *value);
bool work_raised(work *self, scopeflow_step *step, scopeflow_status status, const char *text);

/* --- What `act` can be --- */

void act_refuse(script *self, scopeflow_invocation *invocation);
void act_fail(script *self, scopeflow_invocation *invocation);
void act_replace(script *self, scopeflow_invocation *invocation);
void act_look(script *self, scopeflow_invocation *invocation);

#endif
