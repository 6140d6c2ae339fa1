/* The same program as in the other languages. In C the driver, which the bindings have inside, is
 * the program's own: `drive` does what the core says. Payloads and reasons are C strings here. */
#include <scopeflow/scopeflow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static scopeflow_runtime *runtime;
static scopeflow_task task;
static scopeflow_scope *assistant;

static scopeflow_bytes text(const char *ptr) {
    return (scopeflow_bytes){ptr, strlen(ptr)};
}

static void require(scopeflow_status status) {
    if (status == SCOPEFLOW_STATUS_OK) return;
    fprintf(stderr, "%s\n", scopeflow_status_name(status));
    exit(1);
}

/* How a payload becomes JSON. Asked for only if a subscriber looks. */
static void encode(void *context, scopeflow_ref ref, scopeflow_tape *tape) {
    (void)context;
    scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_STRING, text((const char *)ref));
}

/* --- What the program is about --- */

static void log_event(scopeflow_event *event) {
    static const char *const sides[] = {"mark", "start", "end"};
    scopeflow_event_info info;
    require(scopeflow_event_describe(event, &info, NULL));
    printf("%s %.*s\n", sides[info.scope_category], (int)info.name.len, info.name.ptr);
}

static const char *only_short_queries(const char *query) {
    return strlen(query) > 20 ? "the query is too long" : NULL;
}

static scopeflow_step drive(scopeflow_task *of, scopeflow_step step);

static const char *search(scopeflow_scope *call, const char *query) {
    /* A child of the call, because it happens inside it. */
    scopeflow_scope_event_options mark = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    scopeflow_task own_task;
    scopeflow_step step;
    mark.current = call;
    mark.name = text("cache miss");
    require(scopeflow_scope_event(runtime, &mark, &own_task, &step, NULL));
    (void)drive(&own_task, step);
    return strcmp(query, "scopes") == 0 ? "SCOPES" : "?";
}

/* --- The driver --- */

static scopeflow_step drive(scopeflow_task *of, scopeflow_step step) {
    for (;;) {
        scopeflow_answer answer = {.kind = SCOPEFLOW_ANSWER_KIND_VALUE};
        const char *const input = (const char *)step.input;
        if (step.kind == SCOPEFLOW_STEP_KIND_DELIVER) {
            log_event(step.event);
        } else if (step.kind == SCOPEFLOW_STEP_KIND_INVOKE) {
            answer.value = (scopeflow_ref)only_short_queries(input);
            if (answer.value != 0) answer.kind = SCOPEFLOW_ANSWER_KIND_REFUSE;
        } else if (step.kind == SCOPEFLOW_STEP_KIND_EXECUTE) {
            answer.value = (scopeflow_ref)search(step.scope, input);
        } else {
            return step; /* done, return or raise */
        }
        require(scopeflow_task_resume(of, &answer, &step, NULL));
    }
}

static void call_search(const char *query) {
    scopeflow_tool_execute_options call = SCOPEFLOW_TOOL_EXECUTE_OPTIONS_INIT;
    scopeflow_step step;
    call.current = assistant;
    call.name = text("search");
    call.request = (scopeflow_ref)query;
    require(scopeflow_tool_execute(runtime, &call, &task, &step, NULL));
    step = drive(&task, step);
    const char *const outcome =
        step.kind == SCOPEFLOW_STEP_KIND_RETURN ? "found" : "guardrail rejected:";
    printf("%s %s\n", outcome, (const char *)step.value);
}

int main(void) {
    scopeflow_host host = SCOPEFLOW_HOST_INIT;
    host.encode = encode;
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    require(scopeflow_runtime_new(&host, &options, &runtime, NULL));
    /* What a callable is, is the host's affair: one subscriber and one guard need no names. */
    require(scopeflow_register_subscriber(runtime, text("log"), 1, 0, NULL));
    require(scopeflow_register_tool_conditional_execution_guardrail(runtime, text("length"), 10, 1,
                                                                    0, NULL));

    scopeflow_scope_push_options push = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    scopeflow_step step;
    push.name = text("assistant");
    push.type = SCOPEFLOW_SCOPE_TYPE_AGENT;
    push.input = (scopeflow_ref) "look it up";
    require(scopeflow_scope_push(runtime, &push, &task, &step, NULL));
    assistant = drive(&task, step).scope;

    call_search("scopes");
    call_search("scopes, all of the scopes");

    scopeflow_scope_pop_options pop = SCOPEFLOW_SCOPE_POP_OPTIONS_INIT;
    pop.current = assistant;
    require(scopeflow_scope_pop(assistant, &pop, &task, &step, NULL));
    (void)drive(&task, step);
    scopeflow_scope_release(assistant);
    scopeflow_runtime_free(runtime);
    return 0;
}
