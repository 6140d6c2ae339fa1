/* A scope with a mark in it, and a subscriber that prints what becomes of them. */
#include "driver.h"

static void show(const scopeflow_step *step, scopeflow_answer *answer) {
    (void)answer;
    print_event("", step->event);
}

int main(void) {
    scopeflow_runtime *const runtime = new_runtime();
    scopeflow_task task;
    scopeflow_step step;
    require(scopeflow_register_subscriber(runtime, text("show"), (scopeflow_ref)show, 0, NULL));

    scopeflow_scope_push_options push = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    push.name = text("planner");
    push.type = SCOPEFLOW_SCOPE_TYPE_AGENT;
    push.input = (scopeflow_ref) "{\"goal\":\"tea\"}";
    require(scopeflow_scope_push(runtime, &push, &task, &step, NULL));
    scopeflow_scope *const planner = drive(&task, step, NULL).scope;

    scopeflow_scope_event_options mark = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    mark.current = planner; /* The mark is a child of the scope. */
    mark.name = text("thinking");
    mark.data = (scopeflow_ref) "{\"about\":\"leaves\"}";
    require(scopeflow_scope_event(runtime, &mark, &task, &step, NULL));
    (void)drive(&task, step, NULL);

    scopeflow_scope_pop_options pop = SCOPEFLOW_SCOPE_POP_OPTIONS_INIT;
    pop.current = planner;
    pop.output = (scopeflow_ref) "{\"plan\":[\"boil water\",\"wait four minutes\"]}";
    require(scopeflow_scope_pop(planner, &pop, &task, &step, NULL));
    (void)drive(&task, step, NULL);

    scopeflow_scope_release(planner);
    scopeflow_runtime_free(runtime);
    return 0;
}
