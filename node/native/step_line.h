/* The line that a step to deliver an event comes with, in the addon and in WebAssembly. */
#ifndef SCOPEFLOW_STEP_LINE_H
#define SCOPEFLOW_STEP_LINE_H

#include "slots.gen.h"

typedef char step_and_line_fit[STEP_SLOTS + EVENT_LINE_SLOTS <= SLOT_COUNT ? 1 : -1];

/* To write the line may run JavaScript, which fills the slots anew: the step is put after it. If it
 * fails, which leaves it empty, it fails again for whoever asks for it by itself. */
static inline scopeflow_event_line step_line(const scopeflow_step *step, scopeflow_error *error) {
    scopeflow_event_line line = {{NULL, 0}, 0, 0, 0, 0};
    if (step->kind != SCOPEFLOW_STEP_KIND_DELIVER) return line;
    if (scopeflow_event_open_line(step->event, &line, error) != SCOPEFLOW_STATUS_OK)
        line.json.ptr = NULL;
    return line;
}

/* Puts both, one behind the other, but of the most frequent steps no more than they have. With the
 * step that calls the target a reference to the call's span comes: the host would take one at once,
 * by a call of its own. */
static inline void slots_put_step_and_line(double *slots, const scopeflow_step *step,
                                           const scopeflow_event_line *line) {
    slots[STEP_KIND_SLOT] = step->kind;
    slots[STEP_CALLABLE_SLOT] = (double)step->callable;
    if (step->kind == SCOPEFLOW_STEP_KIND_EXECUTE && step->callable == 0) {
        slots[STEP_INPUT_SLOT] = (double)step->input;
        slots[STEP_SCOPE_SLOT] = (double)(uintptr_t)scopeflow_scope_retain(step->scope);
        return;
    }
    switch (step->kind) {
    case SCOPEFLOW_STEP_KIND_DONE: slots[STEP_SCOPE_SLOT] = (double)(uintptr_t)step->scope; break;
    case SCOPEFLOW_STEP_KIND_DELIVER:
        slots[STEP_EVENT_SLOT] = (double)(uintptr_t)step->event;
        slots_put_event_line(slots + STEP_SLOTS, line);
        break;
    case SCOPEFLOW_STEP_KIND_RETURN:
    case SCOPEFLOW_STEP_KIND_RAISE:
        slots[STEP_STATUS_SLOT] = step->status;
        slots[STEP_VALUE_SLOT] = (double)step->value;
        break;
    default: slots_put_step(slots, step);
    }
}

#endif
