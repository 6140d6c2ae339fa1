/* An end does not overtake its start (S4.3), nor do the marks that follow it (S3.11).
 *
 * A start is emitted before anything else can happen to its scope, but it may have to wait: for a
 * sanitizer, which may itself end the scope, behind other events, or until a subscriber has been
 * served, while another thread ends the scope or closes the runtime. Such a start is noted in its
 * runtime. What comes too early is left with it, and follows it whoever delivers it. */
#include "pipeline/emitter.h"
#include "pipeline/task.h"

static bool is_start(const scopeflow_event *event) {
    return event->kind == SCOPEFLOW_EVENT_KIND_SCOPE &&
           event->scope_category == SCOPEFLOW_SCOPE_CATEGORY_START;
}

void scopeflow__order_note(scopeflow_event *start, const void *where) {
    scopeflow_runtime *const runtime = start->scope->runtime;
    if (!is_start(start)) return;

    scopeflow__lock(&runtime->order_lock);
    start->where = where;
    if (!start->is_noted) {
        start->is_noted = true;
        start->next_start = runtime->noted_starts;
        runtime->noted_starts = start;
        __atomic_store_n(&start->scope->has_noted_start, true, __ATOMIC_RELEASE);
    }
    scopeflow__unlock(&runtime->order_lock);
}

/* --- What comes too early --- */

static bool is_end(const scopeflow_event *event) {
    return event->left != NULL || event->scope_category == SCOPEFLOW_SCOPE_CATEGORY_END;
}

/* Under the lock. Null if the start of the event's scope has reached everybody, or if the event is
 * to stand behind it anyway: on the same emitter, or in the row of the task that this serves. */
static scopeflow_event *start_before(const scopeflow__task *self, const scopeflow__emitter *mine) {
    const scopeflow_event *const event = self->events;
    const scopeflow_uuid *const uuid =
        event->kind == SCOPEFLOW_EVENT_KIND_MARK ? &event->parent_uuid : &event->uuid;
    scopeflow_event *start = self->runtime->noted_starts;
    while (start != NULL && memcmp(&start->uuid, uuid, sizeof *uuid) != 0)
        start = start->next_start;
    bool const is_put_aside = mine != NULL && mine->server != NULL && self->serving == NULL;
    bool const is_behind =
        start != NULL && is_put_aside && (start->where == mine || start->where == mine->server);
    return is_behind ? NULL : start;
}

static bool is_too_early(const scopeflow__task *self, const scopeflow__emitter *mine) {
    scopeflow__lock(&self->runtime->order_lock);
    bool const is_early = start_before(self, mine) != NULL;
    scopeflow__unlock(&self->runtime->order_lock);
    return is_early;
}

static bool leave_with_start(scopeflow__task *self, const scopeflow__emitter *mine) {
    scopeflow_event *const event = self->events;
    scopeflow__lock(&self->runtime->order_lock);
    scopeflow_event *const start = start_before(self, mine);
    if (start != NULL) {
        self->events = event->next;
        event->next = NULL;
        scopeflow_event **last = &start->early;
        while (*last != NULL) last = &(*last)->next;
        *last = event;
    }
    scopeflow__unlock(&self->runtime->order_lock);
    return start != NULL;
}

/* As with an event that waits on an emitter, the objects that it refers to may have gone by then
 * (S5.5), and it does not hold its scope (S1.12). */
static SCOPEFLOW__NOINLINE bool keep_early(scopeflow__task *self, const scopeflow__emitter *mine) {
    scopeflow_event *const event = self->events;
    if (!is_end(event) || !is_too_early(self, mine)) return false;
    if (!scopeflow__event_encode(event)) {
        self->events = event->next;
        scopeflow__event_drop(event);
        return true;
    }
    scopeflow__event_leave_scope(event);
    scopeflow__event_set_adrift(event);
    return leave_with_start(self, mine);
}

bool scopeflow__order_keep(scopeflow__task *self, const scopeflow__emitter *mine) {
    return __atomic_load_n(&self->events->scope->has_noted_start, __ATOMIC_ACQUIRE) &&
           keep_early(self, mine);
}

/* --- The start's turn is over --- */

void scopeflow__order_follow(scopeflow__task *self) {
    scopeflow_event *const start = self->events;
    if (!start->is_noted) return;

    scopeflow__lock(&self->runtime->order_lock);
    scopeflow_event **at = &self->runtime->noted_starts;
    while (*at != start) at = &(*at)->next_start;
    *at = start->next_start;
    __atomic_store_n(&start->scope->has_noted_start, false, __ATOMIC_RELEASE); /* Or the root's. */
    scopeflow__unlock(&self->runtime->order_lock);
    start->is_noted = false;

    scopeflow_event *last = start->early;
    if (last == NULL) return;
    while (last->next != NULL) last = last->next;
    last->next = start->next;
    if (start->next == NULL) self->last_event = last;
    start->next = start->early;
    start->early = NULL;
}
