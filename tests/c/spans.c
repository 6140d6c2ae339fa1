#include "spans.h"

#include <stdlib.h>
#include <string.h>

static size_t find(const spans *self, const scopeflow_uuid *uuid) {
    size_t at = self->open_count;
    while (at > 0 && memcmp(&self->open[at - 1], uuid, sizeof *uuid) != 0) at--;
    return at;
}

static void pair(spans *self, const scopeflow_uuid *uuid, bool is_end) {
    size_t const found = find(self, uuid);
    if (found == 0) {
        if (self->open_count == SPANS) abort();
        self->has_ended[self->open_count] = is_end;
        self->open[self->open_count++] = *uuid;
    } else if (self->has_ended[found - 1] == is_end) {
        self->odd_count++;
    } else {
        if (!is_end) self->late_count++;
        self->open_count--;
        self->open[found - 1] = self->open[self->open_count];
        self->has_ended[found - 1] = self->has_ended[self->open_count];
    }
}

void spans_see(spans *self, scopeflow_event *event) {
    scopeflow_event_info info;
    if (scopeflow_event_describe(event, &info, NULL) != SCOPEFLOW_STATUS_OK) abort();
    if (info.kind == SCOPEFLOW_EVENT_KIND_MARK) return;
    pair(self, &info.uuid, info.scope_category == SCOPEFLOW_SCOPE_CATEGORY_END);
}

void spans_reset(spans *self) {
    memset(self, 0, sizeof *self);
}
