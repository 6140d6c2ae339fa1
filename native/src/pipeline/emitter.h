/* Inside of an emitter: what a subscriber emitted on this thread while it was being served. */
#ifndef SCOPEFLOW__EMITTER_H
#define SCOPEFLOW__EMITTER_H

#include "event/event.h"

typedef struct scopeflow__emitter {
    scopeflow_event *first;
    scopeflow_event *last;
    uint32_t waiting_count;               /* Also of those that the serving task has taken over. */
    const struct scopeflow__task *server; /* The task that it serves, or null. */
} scopeflow__emitter;

static inline scopeflow__emitter *scopeflow__emitter_of(scopeflow_emitter *emitter) {
    return emitter == NULL ? NULL : (scopeflow__emitter *)(void *)emitter->private_words;
}

#endif
