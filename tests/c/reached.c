#include "reached.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { THINGS = 512, THING_SIZE = 128 };

static bool is_wanted;
static char things[THINGS][THING_SIZE];
static size_t thing_count;

void reached_wanted(void) {
    is_wanted = true;
}

static void reach(const char *format, ...) {
    if (!is_wanted) return;
    if (thing_count == THINGS) abort();
    char *const thing = things[thing_count];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(thing, THING_SIZE, format, arguments);
    va_end(arguments);

    for (size_t i = 0; i < thing_count; i++)
        if (strcmp(things[i], thing) == 0) return;
    thing_count++;
    printf("reached %s\n", thing);
}

void reached_operation(const char *name) {
    reach("operation %s", name);
}

void reached_error(const char *operation, scopeflow_status status) {
    reach("error %s of %s", scopeflow_status_name(status), operation);
}

void reached_answer(scopeflow_answer_kind answer, scopeflow_step_kind step) {
    reach("answer %d to %d", answer, step);
}

void reached_native(scopeflow_registry registry) {
    reach("native %d", registry);
}

void reached_decision(scopeflow_native_decision decision, scopeflow_native_moment moment) {
    reach("decision %d %d", decision, moment);
}

void reached_step(const scopeflow_step *step) {
    reach("step %d", step->kind);
    if (step->registry != 0) reach("registry %d", step->registry);
    if (step->event == NULL) return;
    scopeflow_event_info info;
    if (scopeflow_event_describe(step->event, &info, NULL) != SCOPEFLOW_STATUS_OK) abort();
    reach("event %d %d", info.kind, info.scope_category);
}
