#include "faults.h"

#include <stdlib.h>
#include <string.h>

static fault_place place_of(fault_kind kind) {
    if (kind == FAULT_ABANDON) return PLACE_STEP;
    return kind == FAULT_CLOSE || kind == FAULT_DROP ? PLACE_CHUNK : PLACE_CALLABLE;
}

bool faults_strike(faults *self, fault_place place) {
    if (!faults_disturb(self) || place_of(self->kind) != place) return false;
    return ++self->count == self->at;
}

/* --- The observer --- */

void faults_observe(faults *self, host *owner, scopeflow_runtime *runtime) {
    static const char name[] = "observer of the faults";
    scopeflow_bytes text;
    text.ptr = name;
    text.len = sizeof name - 1;
    self->observer = object_new_callable(owner, NULL);
    if (scopeflow_register_subscriber(runtime, text, object_ref(self->observer), 0, NULL) !=
        SCOPEFLOW_STATUS_OK)
        abort();
}

static seen_scope *seen_of(faults *self, const scopeflow_uuid *uuid) {
    for (size_t i = 0; i < self->seen_count; i++)
        if (memcmp(&self->seen[i].uuid, uuid, sizeof *uuid) == 0) return &self->seen[i];
    seen_scope *const seen = realloc(self->seen, (self->seen_count + 1) * sizeof *seen);
    if (seen == NULL) abort();
    self->seen = seen;
    memset(&seen[self->seen_count], 0, sizeof *seen);
    seen[self->seen_count].uuid = *uuid;
    return &seen[self->seen_count++];
}

bool faults_saw(faults *self, const object *subscriber, scopeflow_event *event) {
    if (self->observer == NULL || subscriber != self->observer) return false;
    scopeflow_event_info info;
    scopeflow_bytes line;
    if (scopeflow_event_describe(event, &info, NULL) != SCOPEFLOW_STATUS_OK ||
        scopeflow_event_json(event, SCOPEFLOW_EVENT_PART_LINE, &line, NULL) != SCOPEFLOW_STATUS_OK)
        abort();
    if (info.kind == SCOPEFLOW_EVENT_KIND_MARK) return true;
    seen_scope *const seen = seen_of(self, &info.uuid);
    if (info.scope_category == SCOPEFLOW_SCOPE_CATEGORY_START)
        seen->start_count++;
    else
        seen->end_count++;
    return true;
}

/* S4.3. An event that was dropped was counted; a task that the host lets go of drops those that it
 * still had to deliver. */
const char *faults_find(const faults *self, scopeflow_runtime *runtime) {
    scopeflow_runtime_stats stats;
    if (scopeflow_runtime_read_stats(runtime, &stats, NULL) != SCOPEFLOW_STATUS_OK) abort();
    uint64_t missing = 0;
    for (size_t i = 0; i < self->seen_count; i++) {
        const seen_scope *const seen = &self->seen[i];
        if (seen->start_count > 1) return "a scope has started twice";
        if (seen->end_count > 1) return "a scope has ended twice";
        if (seen->start_count != seen->end_count) missing++;
    }
    return missing > stats.dropped_event_count ? "a start has no end, or an end no start" : NULL;
}

void faults_deinit(faults *self) {
    free(self->seen);
}
