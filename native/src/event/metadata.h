/* The metadata of an event: the user's, merged, with what the runtime has to say (S2.4, S2.5). */
#ifndef SCOPEFLOW__METADATA_H
#define SCOPEFLOW__METADATA_H

#include "base/names.gen.h"
#include "event/event.h"
#include "event/text.h"
#include "json/write.h"

/* The outcome of work that went well, where nothing else is to be told of it. */
#define SCOPEFLOW__METADATA_OK "{\"" SCOPEFLOW__KEY_OTEL_STATUS_CODE "\":\"OK\"}"

/* Whether there is nothing to tell, or only that outcome, as of most events. */
bool scopeflow__metadata_is_plain(const scopeflow_event *event, bool output_is_null);

/* Writes it; `output_is_null` says that the output was JSON null, not absent. */
void scopeflow__metadata_write(scopeflow_event *event, scopeflow__buffer *out, bool output_is_null);

/* Where a host may stop walking a payload: at the budget. In canonical form keys that sort first
 * may come last, so it goes on, up to a bound (S2.6). */
static inline size_t scopeflow__payload_full_at(const scopeflow_runtime *runtime) {
    size_t const budget = runtime->payload_budget_bytes;
    if ((runtime->flags & SCOPEFLOW_RUNTIME_FLAG_CANONICAL) == 0) return budget;
    return budget <= SIZE_MAX / 16 ? 16 * budget : SIZE_MAX;
}

/* Runs the host's encoder for a reference; 0 and a missing encoder give an empty tape. */
void scopeflow__encode_ref(scopeflow_runtime *runtime, scopeflow_ref ref, scopeflow_tape *tape);

#endif
