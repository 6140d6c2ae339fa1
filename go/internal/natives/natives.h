/* Middleware in C for the tests of the Go package, written as any other extension is: of scopeflow
 * it knows the header, and the table that it is handed. */
#ifndef SCOPEFLOW_GO_NATIVES_H
#define SCOPEFLOW_GO_NATIVES_H

#include <scopeflow/scopeflow.h>

typedef enum natives_act {
    NATIVES_LOOK,          /* Has nothing to say. */
    NATIVES_REFUSE,        /* The text is the reason. */
    NATIVES_REPLACE,       /* The text is JSON, here and below. */
    NATIVES_SHORT_CIRCUIT, /* Before the rest of the chain. */
    NATIVES_REPLACE_RESULT,
    NATIVES_RETRY, /* As often as `retries` says, if it has failed. */
    NATIVES_MASK,  /* Every digit in the JSON's texts becomes a star. */
    NATIVES_FAIL,  /* With `status`, and the text as message. */
    NATIVES_ASK_GO /* A function in Go answers. */
} natives_act;

/* What a callable does. A `%` in its text stands for the JSON that it was given. */
typedef struct natives_script {
    natives_act act;
    scopeflow_status status;
    uint32_t retries;
    uintptr_t function; /* Of ASK_GO. */
    const char *text;   /* Null: none. */
} natives_script;

/* A callable that is registered. It stays readable after it was given back. */
typedef struct natives_callable natives_callable;

/* Registers a callable, on the scope if there is one. Without success the error says why. */
natives_callable *natives_register(const scopeflow_functions *table, scopeflow_runtime *runtime,
                                   scopeflow_scope *scope, const scopeflow_native_callable *how,
                                   const natives_script *script, scopeflow_error *error);

/* How often it has run, after the rest of a chain too, and was given back. */
uint32_t natives_run_count(const natives_callable *self);
uint32_t natives_destroy_count(const natives_callable *self);

/* --- For functions in Go, which cannot call what a table points to --- */

scopeflow_status natives_json(scopeflow_invocation *invocation, scopeflow_native_part part,
                              scopeflow_bytes *out);
scopeflow_status natives_answer(scopeflow_invocation *invocation, natives_act act,
                                scopeflow_bytes text);
/* What a callable is told beside the JSON. */
typedef struct natives_facts {
    scopeflow_registry registry;
    scopeflow_runtime *runtime;
    scopeflow_bytes registration, target, tool_call_id, model_name;
    uint32_t attempt;
    uint32_t is_after, has_failed;
} natives_facts;

void natives_read_facts(const scopeflow_invocation *invocation, natives_facts *out);

/* What a callable says in the words of the vectors; a text may be null for those that decide. */
typedef enum natives_word {
    NATIVES_SAY_REFUSE,
    NATIVES_SAY_REPLACE,
    NATIVES_SAY_DECIDE,
    NATIVES_SAY_FAIL
} natives_word;

scopeflow_status natives_say(scopeflow_invocation *invocation, natives_word word, int32_t number,
                             scopeflow_bytes text, scopeflow_error *error);

#endif
