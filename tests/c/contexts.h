/* What is current in each named context of a case: a value that forks inherit (S1.5, S1.9). */
#ifndef SCOPEFLOW_TESTS_CONTEXTS_H
#define SCOPEFLOW_TESTS_CONTEXTS_H

#include "scopeflow/scopeflow.h"

enum { CONTEXTS = 16 };

/* Forks share it; `previous` is what was current when the scope was opened, along which its end
 * restores. */
typedef struct value {
    unsigned refs;
    scopeflow_scope *scope;
    struct value *previous;
} value;

typedef struct context {
    const char *name;
    value *current; /* Null is the root. */
} context;

typedef struct contexts {
    context all[CONTEXTS];
} contexts;

value *value_retain(value *self);
void value_release(value *self);

/* Takes a reference of the scope and makes it current. `before` is what was current when the
 * operation that opened it was called: a subscriber may have changed that meanwhile (S1.5). */
void context_enter(context *self, scopeflow_scope *scope, value *before);
/* By value, and only where the ended scope is still current: the nearest open one before it. */
void context_restore(context *self, const scopeflow_scope *ended);

/* The same, but to what was current before, or the nearest above it. Takes that value. */
void context_go_back(context *self, const scopeflow_scope *from, value *to);

context *context_find(contexts *self, const char *name);
void context_fork(contexts *self, const char *name, const context *from);
/* Empties the contexts whose value the scope is; all of them for a null scope. */
void contexts_forget(contexts *self, const scopeflow_scope *scope);

#endif
