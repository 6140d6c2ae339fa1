/* Emission (S5): who gets an event, and the row of those that wait. */
#include "pipeline/task.h"

scopeflow__set *scopeflow__listeners_find(scopeflow_scope *scope) {
    bool failed;
    scopeflow__set *const set = scopeflow__set_of(scope, &failed);
    if (failed) scopeflow__count(&scope->runtime->dropped_event_count);
    if (scopeflow__set_count(set, SCOPEFLOW_REGISTRY_SUBSCRIBER) > 0) return set;
    scopeflow__set_release(set);
    return NULL;
}

void scopeflow__event_drop(scopeflow_event *event) {
    scopeflow__count(&event->scope->runtime->dropped_event_count);
    scopeflow_event_release(event);
}

/* S4.3: where nobody got the start, nobody gets the end; and an end that nobody got is owed. */
static bool is_owed_again(scopeflow_event *event) {
    bool const has_left = scopeflow__scope_is_root(event->scope); /* A root has no events. */
    if (event->kind != SCOPEFLOW_EVENT_KIND_SCOPE || has_left) return false;
    if (event->scope_category == SCOPEFLOW_SCOPE_CATEGORY_START) {
        (void)scopeflow__scope_end(event->scope);
        return false;
    }
    scopeflow__scope_owe_end(event->scope, event->timestamp_ns);
    return true;
}

void scopeflow__task_drop_events(scopeflow__task *self) {
    bool is_being_delivered = self->pending == SCOPEFLOW__PENDING_DELIVER;
    while (self->events != NULL) {
        scopeflow_event *const event = self->events;
        scopeflow__order_follow(self);
        self->events = event->next;
        if (!is_being_delivered && is_owed_again(event))
            scopeflow_event_release(event);
        else
            scopeflow__event_drop(event);
        is_being_delivered = false;
    }
}

void scopeflow__task_emit(scopeflow__task *self, scopeflow_event *event,
                          scopeflow__set *listeners) {
    if (event == NULL) {
        scopeflow__count(&self->runtime->dropped_event_count);
        scopeflow__set_release(listeners);
        return;
    }
    event->listeners = listeners;
    self->has_borrowed_scope |= !event->holds_scope;
    if (self->events == NULL) {
        self->events = event;
    } else {
        self->last_event->next = event;
        scopeflow__order_note(event, self);
    }
    self->last_event = event;
}

static void emit_adrift(scopeflow__task *self, scopeflow_event *event, scopeflow__set *listeners) {
    if (event != NULL) {
        scopeflow__event_hold_scope(event);
        scopeflow__event_set_adrift(event);
    }
    scopeflow__task_emit(self, event, listeners);
}

/* S3.11: nobody will come back for these. */
static void emit_left(scopeflow__task *self, scopeflow_scope *call) {
    scopeflow__pending_mark *left = scopeflow__pending_marks_take(call);
    while (left != NULL) {
        scopeflow__pending_mark *const next = left->next;
        scopeflow__set *const listeners = scopeflow__listeners_of(call);
        left->next = NULL;
        if (listeners != NULL)
            emit_adrift(self, scopeflow__event_new_left(call, left), listeners);
        else
            scopeflow__pending_marks_free(self->runtime, left);
        left = next;
    }
}

void scopeflow__task_emit_abandoned_end(scopeflow__task *self, scopeflow_scope *scope) {
    scopeflow__set *const listeners = scopeflow__listeners_of(scope);
    if (listeners == NULL) return;
    scopeflow_event *const event =
        scopeflow__event_new_end(scope, scopeflow__scope_end_time(scope, scope->ended_at_ns));
    if (event != NULL) {
        event->outcome.status = SCOPEFLOW_END_STATUS_ERROR;
        event->outcome.is_abandoned = true;
    }
    emit_adrift(self, event, listeners);
    emit_left(self, scope);
}

void scopeflow__task_end_if_closed(scopeflow__task *self, scopeflow_scope *scope) {
    if (!scopeflow__scope_end_if_closed(scope)) return;
    scope->ended_at_ns = scopeflow__runtime_clock(self->runtime);
    scopeflow__task_emit_abandoned_end(self, scope);
}

void scopeflow__task_emit_abandoned(scopeflow__task *self) {
    do {
        scopeflow_scope *scope = scopeflow__abandoned_take(self->runtime);
        while (scope != NULL) {
            scopeflow_scope *const next = scope->next;
            scopeflow__task_emit_abandoned_end(self, scope);
            scopeflow_scope_release(scope); /* Its parent may be the next that nobody holds. */
            scope = next;
        }
    } while (scopeflow__has_abandoned(self->runtime));
}
