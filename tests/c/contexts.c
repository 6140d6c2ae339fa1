#include "contexts.h"

#include <stdlib.h>
#include <string.h>

value *value_retain(value *self) {
    if (self != NULL) self->refs++;
    return self;
}

void value_release(value *self) {
    while (self != NULL && --self->refs == 0) {
        value *const previous = self->previous;
        scopeflow_scope_release(self->scope);
        free(self);
        self = previous;
    }
}

void context_enter(context *self, scopeflow_scope *scope, value *before) {
    value *const entered = malloc(sizeof *entered);
    if (entered == NULL) abort();
    entered->refs = 1;
    entered->scope = scope;
    entered->previous = value_retain(before);
    value_release(self->current);
    self->current = entered;
}

void context_restore(context *self, const scopeflow_scope *ended) {
    if (self->current == NULL) return;
    context_go_back(self, ended, value_retain(self->current->previous));
}

void context_go_back(context *self, const scopeflow_scope *from, value *to) {
    value *nearest = to;
    if (self->current != NULL && self->current->scope == from) {
        while (nearest != NULL && !scopeflow_scope_is_in_force(nearest->scope))
            nearest = nearest->previous;
        (void)value_retain(nearest);
        value_release(self->current);
        self->current = nearest;
    }
    value_release(to);
}

context *context_find(contexts *self, const char *name) {
    for (size_t i = 0; i < CONTEXTS; i++)
        if (self->all[i].name != NULL && strcmp(self->all[i].name, name) == 0) return &self->all[i];
    return NULL;
}

void context_fork(contexts *self, const char *name, const context *from) {
    value *const inherited = value_retain(from->current);
    context *to = context_find(self, name);
    for (size_t i = 0; to == NULL && i < CONTEXTS; i++)
        if (self->all[i].name == NULL) to = &self->all[i];
    if (to == NULL) abort();
    value_release(to->current);
    to->name = name;
    to->current = inherited;
}

void contexts_forget(contexts *self, const scopeflow_scope *scope) {
    for (size_t i = 0; i < CONTEXTS; i++) {
        context *const c = &self->all[i];
        if (c->current == NULL || (scope != NULL && c->current->scope != scope)) continue;
        value_release(c->current);
        c->current = NULL;
    }
}
