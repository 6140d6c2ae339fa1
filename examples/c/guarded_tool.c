/* A tool behind a guardrail that refuses, and a sanitizer that keeps a password out of events. */
#include "driver.h"

static const char reading[] = "{\"statement\":\"select * from answers\",\"password\":\"sesame\"}";
static const char dropping[] = "{\"statement\":\"drop table answers\",\"password\":\"sesame\"}";

/* Sanitizers change what observers see, and nothing else: the tool gets the password. */
static void query(const scopeflow_step *step, scopeflow_answer *answer) {
    if (strstr((const char *)step->input, "sesame") == NULL) abort();
    answer->value = (scopeflow_ref) "[42]";
}

static void only_reading(const scopeflow_step *step, scopeflow_answer *answer) {
    if (strstr((const char *)step->input, "\"select") != NULL) return;
    answer->kind = SCOPEFLOW_ANSWER_KIND_REFUSE;
    answer->value = (scopeflow_ref) "only statements that read are allowed";
}

static void without_password(const scopeflow_step *step, scopeflow_answer *answer) {
    (void)step;
    answer->value = (scopeflow_ref) "{\"statement\":\"select * from answers\"}";
}

static void show(const scopeflow_step *step, scopeflow_answer *answer) {
    (void)answer;
    print_event("   ", step->event);
}

static void call_query(scopeflow_runtime *runtime, const char *arguments) {
    scopeflow_tool_execute_options call = SCOPEFLOW_TOOL_EXECUTE_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    call.name = text("query");
    call.request = (scopeflow_ref)arguments;
    require(scopeflow_tool_execute(runtime, &call, &task, &step, NULL));
    step = drive(&task, step, query);
    if (step.status == SCOPEFLOW_STATUS_GUARDRAIL_REJECTED) printf("guardrail rejected: ");
    printf("%s\n", (const char *)step.value);
}

int main(void) {
    scopeflow_runtime *const runtime = new_runtime();
    require(scopeflow_register_subscriber(runtime, text("show"), (scopeflow_ref)show, 0, NULL));
    require(scopeflow_register_tool_conditional_execution_guardrail(
        runtime, text("only reading"), 10, (scopeflow_ref)only_reading, 0, NULL));
    require(scopeflow_register_tool_sanitize_request_guardrail(
        runtime, text("password"), 20, (scopeflow_ref)without_password, 0, NULL));
    call_query(runtime, reading);
    call_query(runtime, dropping);
    scopeflow_runtime_free(runtime);
    return 0;
}
