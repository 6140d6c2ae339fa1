/* Delivery (S5): in which order subscribers get an event, and what the failure of one does. Sinks
 * are served here; for all others there are DELIVER steps. */
#include "pipeline/emitter.h"
#include "pipeline/task.h"
#include "scope/log.h"

typedef char
    scopeflow__emitter_fits[sizeof(scopeflow__emitter) <= sizeof(scopeflow_emitter) ? 1 : -1];

/* --- Events that subscribers emit --- */

/* Nobody has got it yet. */
static void drop_first(scopeflow__task *self) {
    scopeflow_event *const event = self->events;
    scopeflow__order_follow(self);
    self->events = event->next;
    scopeflow__event_drop(event);
}

/* S5.1: what a subscriber emits waits until the current event has reached everybody. By then the
 * objects that it refers to may have changed or gone, so it is encoded now (S5.5), and does
 * not hold its scope open any longer (S1.12). */
static void put_aside(scopeflow__task *self, scopeflow__emitter *emitter) {
    scopeflow_event *const event = self->events;
    scopeflow__order_note(event, emitter);
    if (emitter->waiting_count == SCOPEFLOW_EMITTER_EVENT_LIMIT ||
        !scopeflow__event_encode(event)) {
        drop_first(self);
        return;
    }
    self->events = event->next;
    event->next = NULL;
    scopeflow__event_leave_scope(event);
    scopeflow__event_set_adrift(event);
    if (emitter->first == NULL)
        emitter->first = event;
    else
        emitter->last->next = event;
    emitter->last = event;
    emitter->waiting_count++;
    event->is_waiting = true;
}

/* Moves what subscribers emitted meanwhile behind what already waits. */
static void take_aside(scopeflow__task *self, scopeflow__emitter *emitter) {
    if (emitter->first == NULL) return;
    for (scopeflow_event *event = emitter->first; event != NULL; event = event->next)
        if (event->is_noted) scopeflow__order_note(event, self);
    if (self->events == NULL)
        self->events = emitter->first;
    else
        self->last_event->next = emitter->first;
    self->last_event = emitter->last;
    emitter->first = NULL;
    emitter->last = NULL;
}

/* Its turn has come, or the emitter has no more to do with it. */
static void stop_waiting(scopeflow__emitter *emitter, scopeflow_event *event) {
    if (!event->is_waiting || emitter == NULL) return;
    event->is_waiting = false;
    emitter->waiting_count--;
}

/* --- One event --- */

static void count_delivery(const scopeflow_event *event) {
    scopeflow__shard *const shard = &event->scope->runtime->shards[event->scope->shard];
    scopeflow__count(event->kind == SCOPEFLOW_EVENT_KIND_MARK ? &shard->mark_event_count
                                                              : &shard->scope_event_count);
}

/* Serves sinks until another subscriber comes. */
static const scopeflow__entry *next_listener(scopeflow__task *self) {
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
    if (event->is_noted) scopeflow__order_follow(self);
    scopeflow__event_settle(event);
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

/* An emitter serves one task at a time, whichever thread answers the others. */
static void begin_serving(scopeflow__task *self, scopeflow__emitter *emitter) {
    if (emitter == NULL || self->serving != NULL || emitter->server != NULL) return;
    self->serving = emitter;
    emitter->server = self;
}

/* What the task has taken over stays with it, whatever emitter it goes on with. */
static void end_serving(scopeflow__task *self) {
    if (self->serving == NULL) return;
    for (scopeflow_event *event = self->events; event != NULL; event = event->next)
        stop_waiting(self->serving, event);
    self->serving->server = NULL;
    self->serving = NULL;
}

void scopeflow__task_stop_serving(scopeflow__task *self) {
    if (self->serving != NULL) take_aside(self, self->serving);
    end_serving(self);
}

static void fill_delivery(scopeflow__task *self, const scopeflow__entry *listener,
                          scopeflow_step *step) {
    self->pending = SCOPEFLOW__PENDING_DELIVER;
    step->kind = SCOPEFLOW_STEP_KIND_DELIVER;
    step->registry = SCOPEFLOW_REGISTRY_SUBSCRIBER;
    step->flags = listener->flags;
    step->callable = listener->callable;
    step->event = self->events;
    step->registration = scopeflow__entry_name(listener);
}

/* The others have to get it first even if somebody ends the scope meanwhile, on another thread. */
static void begin_delivery(scopeflow__task *self) {
    const scopeflow__set *const listeners = self->events->listeners;
    if (listeners->chains[SCOPEFLOW_REGISTRY_SUBSCRIBER].count > 1)
        scopeflow__order_note(self->events, self);
}

bool scopeflow__task_deliver(scopeflow__task *self, scopeflow_emitter *emitter,
                             scopeflow_step *step) {
    scopeflow__emitter *const mine = scopeflow__emitter_of(emitter);
    while (self->events != NULL) {
        if (self->events->preparation != SCOPEFLOW__PREPARED) {
            end_serving(self); /* What a sanitizer emits is no subscriber's. */
            if (scopeflow__task_prepare(self, step)) {
                scopeflow__order_note(self->events, self);
                return true;
            }
            if (self->events->is_lost) {
                drop_first(self);
                continue;
            }
            self->events->preparation = SCOPEFLOW__PREPARED;
            if (scopeflow__order_keep(self, mine)) continue;
        }
        /* One that somebody has got already goes on to the others, whoever answers. */
        if (mine != NULL && mine->server != NULL && self->serving == NULL &&
            self->listener_index == 0) {
            put_aside(self, mine);
            continue;
        }
        begin_serving(self, mine);
        stop_waiting(self->serving, self->events);
        const scopeflow__entry *const listener = next_listener(self);
        if (listener != NULL) {
            if (self->listener_index == 1) begin_delivery(self);
            fill_delivery(self, listener, step);
            return true;
        }
        retire_event(self);
        if (self->serving != NULL) take_aside(self, self->serving);
    }
    end_serving(self);
    return false;
}

SCOPEFLOW__NOINLINE void scopeflow__task_delivery_failed(scopeflow__task *self,
                                                         scopeflow_ref error) {
    const scopeflow__chain *const chain =
        &self->events->listeners->chains[SCOPEFLOW_REGISTRY_SUBSCRIBER];
    scopeflow__count(&self->runtime->subscriber_error_count);
    scopeflow__log_failure(self->runtime, SCOPEFLOW_LOG_LEVEL_ERROR, SCOPEFLOW__TEXT("subscriber"),
                           scopeflow__entry_name(chain->entries[self->listener_index - 1]), error);
}

void scopeflow__task_delivered(scopeflow__task *self, const scopeflow_answer *answer) {
    if (answer->kind == SCOPEFLOW_ANSWER_KIND_CANCEL) {
        scopeflow__task_hold(self, answer->value);
        return;
    }
    if (answer->kind == SCOPEFLOW_ANSWER_KIND_ERROR)
        scopeflow__task_delivery_failed(self, answer->value);
    if (answer->value != 0) scopeflow__runtime_release_ref(self->runtime, answer->value);
}
