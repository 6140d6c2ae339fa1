/* An exporter of one's own: a subscriber that keeps each scope and call as a row of a table. */
#include "driver.h"

typedef struct span {
    scopeflow_uuid uuid;
    int64_t started_ns, ended_ns;
    char name[32], category[32];
    int failed;
} span;

static span spans[100];
static size_t span_count;

static void copy(char to[32], scopeflow_bytes from) {
    snprintf(to, 32, "%.*s", (int)from.len, from.ptr);
}

static void start_span(scopeflow_event_info info) {
    span *const row = &spans[span_count++];
    row->uuid = info.uuid;
    row->started_ns = info.timestamp_ns;
    copy(row->name, info.name);
    copy(row->category, info.category);
}

static void end_span(scopeflow_event_info info, scopeflow_bytes metadata) {
    size_t at = span_count - 1;
    while (memcmp(&spans[at].uuid, &info.uuid, sizeof info.uuid) != 0) at--;
    spans[at].ended_ns = info.timestamp_ns;
    spans[at].failed = holds(metadata, "\"otel.status_code\":\"ERROR\"");
}

static void keep(const scopeflow_step *step, scopeflow_answer *answer) {
    scopeflow_event_info const info = describe(step->event);
    (void)answer;
    if (info.scope_category == SCOPEFLOW_SCOPE_CATEGORY_START) start_span(info);
    if (info.scope_category == SCOPEFLOW_SCOPE_CATEGORY_END)
        end_span(info, json_of(step->event, SCOPEFLOW_EVENT_PART_METADATA));
}

static int is_first_of_its_name(size_t at) {
    for (size_t i = 0; i < at; i++)
        if (strcmp(spans[i].name, spans[at].name) == 0) return 0;
    return 1;
}

static void print_all_of_the_name(const char *name, const char *category) {
    int count = 0, failed_count = 0, timed_count = 0;
    for (size_t i = 0; i < span_count; i++) {
        if (strcmp(spans[i].name, name) != 0) continue;
        count++;
        failed_count += spans[i].failed;
        timed_count += spans[i].ended_ns >= spans[i].started_ns;
    }
    printf("%s %s: %d in all, %d failed%s\n", category, name, count, failed_count,
           timed_count == count ? ", timed" : "");
}

/* --- What is exported --- */

static void measure(const scopeflow_step *step, scopeflow_answer *answer) {
    if (strcmp((const char *)step->input, "\"cellar\"") != 0) {
        answer->value = (scopeflow_ref) "21.5";
        return;
    }
    answer->kind = SCOPEFLOW_ANSWER_KIND_ERROR;
    answer->value = (scopeflow_ref) "no thermometer in the cellar";
}

static void call_measure(scopeflow_runtime *runtime, scopeflow_scope *current, const char *room) {
    scopeflow_tool_execute_options call = SCOPEFLOW_TOOL_EXECUTE_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    call.current = current;
    call.name = text("measure");
    call.request = (scopeflow_ref)room;
    require(scopeflow_tool_execute(runtime, &call, &task, &step, NULL));
    step = drive(&task, step, measure);
    if (step.kind == SCOPEFLOW_STEP_KIND_RETURN) printf("%s ", room);
    printf("%s\n", (const char *)step.value);
}

int main(void) {
    scopeflow_runtime *const runtime = new_runtime();
    scopeflow_task task;
    scopeflow_step step;
    require(scopeflow_register_subscriber(runtime, text("table"), (scopeflow_ref)keep, 0, NULL));

    scopeflow_scope_push_options push = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    push.name = text("heating");
    push.type = SCOPEFLOW_SCOPE_TYPE_AGENT;
    require(scopeflow_scope_push(runtime, &push, &task, &step, NULL));
    scopeflow_scope *const heating = drive(&task, step, NULL).scope;
    call_measure(runtime, heating, "\"kitchen\"");
    call_measure(runtime, heating, "\"cellar\"");
    call_measure(runtime, heating, "\"attic\"");

    scopeflow_scope_pop_options pop = SCOPEFLOW_SCOPE_POP_OPTIONS_INIT;
    pop.current = heating;
    require(scopeflow_scope_pop(heating, &pop, &task, &step, NULL));
    (void)drive(&task, step, NULL);
    scopeflow_scope_release(heating);
    for (size_t i = 0; i < span_count; i++)
        if (is_first_of_its_name(i)) print_all_of_the_name(spans[i].name, spans[i].category);
    scopeflow_runtime_free(runtime);
    return 0;
}
