/* Emission and delivery (S5): who gets an event, in which order, and what a subscriber's failure
 * does. Native subscribers run here; the host's are handed out as DELIVER steps. */
#include "pipeline/emitter.h"
#include "pipeline/task.h"

typedef char
    scopeflow__emitter_fits[sizeof(scopeflow__emitter) <= sizeof(scopeflow_emitter) ? 1 : -1];

/* --- Emission --- */

scopeflow__set *scopeflow__listeners_find(scopeflow_scope *scope) {
    bool failed;
    scopeflow__set *const set = scopeflow__set_of(scope, &failed);
    if (failed) scopeflow__count(&scope->runtime->dropped_event_count);
    if (scopeflow__set_count(set, SCOPEFLOW_REGISTRY_SUBSCRIBER) > 0) return set;
    scopeflow__set_release(set);
    return NULL;
}

static void append_event(scopeflow_event **first, scopeflow_event **last, scopeflow_event *event) {
    if (*first == NULL)
        *first = event;
    else
        (*last)->next = event;
    *last = event;
}

static void drop(scopeflow_event *event) {
    scopeflow__count(&event->scope->runtime->dropped_event_count);
    scopeflow_event_release(event);
}

/* S5.1: what a subscriber emits waits until the current event has reached everybody. By then the
 * objects that it refers to may have changed or gone, so it is encoded now (S5.5). */
static void put_aside(scopeflow__emitter *emitter, scopeflow_event *event) {
    if (emitter->waiting_count == SCOPEFLOW_EMITTER_EVENT_LIMIT ||
        !scopeflow__event_encode(event)) {
        drop(event);
        return;
    }
    append_event(&emitter->first, &emitter->last, event);
    emitter->waiting_count++;
}

void scopeflow__task_emit(scopeflow__task *self, scopeflow_emitter *emitter, scopeflow_event *event,
                          scopeflow__set *listeners) {
    scopeflow__emitter *const mine = scopeflow__emitter_of(emitter);
    if (event == NULL) {
        scopeflow__count(&self->runtime->dropped_event_count);
        scopeflow__set_release(listeners);
        return;
    }
    event->listeners = listeners;
    if (mine != NULL && mine->is_delivering)
        put_aside(mine, event);
    else
        append_event(&self->events, &self->last_event, event);
}

static void emit_abandoned(scopeflow__task *self, scopeflow_emitter *emitter,
                           scopeflow_scope *scope) {
    scopeflow__set *const listeners = scopeflow__listeners_of(scope);
    if (listeners == NULL) return;
    scopeflow_event *const event =
        scopeflow__event_new_end(scope, scopeflow__scope_end_time(scope, scope->ended_at_ns));
    if (event != NULL) {
        event->outcome.status = SCOPEFLOW_END_STATUS_ERROR;
        event->outcome.is_abandoned = true;
    }
    scopeflow__task_emit(self, emitter, event, listeners);
}

void scopeflow__task_emit_abandoned(scopeflow__task *self, scopeflow_emitter *emitter) {
    do {
        scopeflow_scope *scope = scopeflow__abandoned_take(self->runtime);
        while (scope != NULL) {
            scopeflow_scope *const next = scope->next;
            emit_abandoned(self, emitter, scope);
            scopeflow_scope_release(scope); /* Its parent may be the next that nobody holds. */
            scope = next;
        }
    } while (scopeflow__has_abandoned(self->runtime));
}

/* --- Delivery --- */

static void count_delivery(const scopeflow_event *event) {
    scopeflow_runtime *const runtime = event->scope->runtime;
    scopeflow__count(event->kind == SCOPEFLOW_EVENT_KIND_MARK ? &runtime->mark_event_count
                                                              : &runtime->scope_event_count);
}

/* Serves native subscribers until one of the host's comes. */
static const scopeflow__entry *next_host_listener(scopeflow__task *self) {
    const scopeflow_event *const event = self->events;
    const scopeflow__chain *const chain = &event->listeners->chains[SCOPEFLOW_REGISTRY_SUBSCRIBER];
    while (self->listener_index < chain->count) {
        const scopeflow__entry *const entry = chain->entries[self->listener_index++];
        if (entry->native.deliver == NULL) return entry;
        entry->native.deliver(entry->native.context, self->events);
    }
    return NULL;
}

/* The event has reached everybody. One that the host kept is encoded while its objects are there,
 * so that it never dangles, whether or not the host sealed it. */
static void retire_event(scopeflow__task *self) {
    scopeflow_event *const event = self->events;
    count_delivery(event);
    if (scopeflow__load_u32(&event->refs) > 1) {
        if (!scopeflow__event_encode(event)) {
            scopeflow__count(&self->runtime->dropped_event_count);
            scopeflow__event_forget(event);
        }
        scopeflow__event_leave_scope(event);
    }
    self->events = event->next;
    event->next = NULL;
    self->listener_index = 0;
    scopeflow_event_release(event);
}

/* Moves what subscribers emitted meanwhile behind what already waits. */
static void take_aside(scopeflow__task *self, scopeflow__emitter *emitter) {
    if (emitter->first == NULL) return;
    append_event(&self->events, &self->last_event, emitter->first);
    self->last_event = emitter->last;
    emitter->first = NULL;
    emitter->last = NULL;
    emitter->waiting_count = 0;
}

bool scopeflow__task_deliver(scopeflow__task *self, scopeflow_emitter *emitter,
                             scopeflow_step *step) {
    scopeflow__emitter *const mine = scopeflow__emitter_of(emitter);
    while (self->events != NULL) {
        if (mine != NULL) mine->is_delivering = 1;
        const scopeflow__entry *const listener = next_host_listener(self);
        if (listener != NULL) {
            self->pending = SCOPEFLOW__PENDING_DELIVER;
            step->kind = SCOPEFLOW_STEP_KIND_DELIVER;
            step->registry = SCOPEFLOW_REGISTRY_SUBSCRIBER;
            step->flags = listener->flags;
            step->callable = listener->callable;
            step->event = self->events;
            step->registration = scopeflow__entry_name(listener);
            return true;
        }
        retire_event(self);
        if (mine == NULL) continue;
        take_aside(self, mine);
        mine->is_delivering = self->events != NULL;
    }
    return false;
}

void scopeflow__task_delivered(scopeflow__task *self, const scopeflow_answer *answer) {
    if (answer->kind == SCOPEFLOW_ANSWER_KIND_ERROR)
        scopeflow__count(&self->runtime->subscriber_error_count);
    if (answer->kind == SCOPEFLOW_ANSWER_KIND_CANCEL && !self->has_held) {
        self->held = answer->value;
        self->has_held = true;
        return;
    }
    scopeflow__runtime_release_ref(self->runtime, answer->value);
}

void scopeflow__task_drop_events(scopeflow__task *self) {
    while (self->events != NULL) {
        scopeflow_event *const event = self->events;
        self->events = event->next;
        drop(event);
    }
}
