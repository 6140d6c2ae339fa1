#include "native_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void work_init(work *self) {
    memset(self, 0, sizeof *self);
    session_init(&self->session);
    self->results[0] = "1";
}

bool work_deinit(work *self) {
    return session_deinit(&self->session);
}

void work_note(work *self, const char *what, scopeflow_bytes name) {
    size_t const used = strlen(self->trace);
    snprintf(self->trace + used, sizeof self->trace - used, "%s%s%.*s", used > 0 ? " " : "", what,
             (int)name.len, name.ptr);
}

/* --- Native callables --- */

static void run(void *user_data, scopeflow_invocation *invocation) {
    script *const self = user_data;
    bool const is_after = scopeflow_invocation_moment(invocation) == SCOPEFLOW_NATIVE_MOMENT_AFTER;
    self->run_count++;
    work_note(self->owner, is_after ? "after:" : "", scopeflow_invocation_registration(invocation));
    if (self->act != NULL) self->act(self, invocation);
}

static void destroy(void *user_data) {
    ((script *)user_data)->destroy_count++;
}

scopeflow_native_callable script_callable(work *self, script *of) {
    scopeflow_native_callable callable = SCOPEFLOW_NATIVE_CALLABLE_INIT;
    of->owner = self;
    callable.registry = of->registry;
    callable.priority = of->priority;
    callable.flags = of->flags;
    callable.name = session_text(of->name);
    if (of->gated != NULL) callable.gated = session_text(of->gated);
    callable.kinds = of->kinds;
    callable.run = run;
    callable.user_data = of;
    callable.destroy = destroy;
    return callable;
}

void work_register(work *self, script *of) {
    scopeflow_native_callable const callable = script_callable(self, of);
    scopeflow_error error;
    if (scopeflow_native_register(self->session.runtime, &callable, &error) == SCOPEFLOW_STATUS_OK)
        return;
    fprintf(stderr, "%s was not registered: %s\n", of->name, error.message);
    abort();
}

bool work_deregister(work *self, const script *of) {
    uint32_t removed = 0;
    if (scopeflow_native_deregister(self->session.runtime, of->registry, session_text(of->name),
                                    &removed, NULL) != SCOPEFLOW_STATUS_OK)
        abort();
    return removed != 0;
}

void act_refuse(script *self, scopeflow_invocation *invocation) {
    self->answered = scopeflow_invocation_refuse(invocation, session_text(self->text), NULL);
}

void act_fail(script *self, scopeflow_invocation *invocation) {
    self->answered =
        scopeflow_invocation_fail(invocation, SCOPEFLOW_STATUS_OK, session_text(self->text), NULL);
}

void act_replace(script *self, scopeflow_invocation *invocation) {
    self->answered = scopeflow_invocation_replace(invocation, session_text(self->text), NULL);
}

void act_look(script *self, scopeflow_invocation *invocation) {
    scopeflow_bytes input;
    self->answered =
        scopeflow_invocation_json(invocation, SCOPEFLOW_NATIVE_PART_INPUT, &input, NULL);
    if (self->answered == SCOPEFLOW_STATUS_OK)
        snprintf(self->seen, sizeof self->seen, "%.*s", (int)input.len, input.ptr);
}

/* --- The host --- */

typedef scopeflow_status (*register_function)(scopeflow_runtime *, scopeflow_bytes, int32_t,
                                              scopeflow_ref, scopeflow_callable_flag,
                                              scopeflow_error *);

void work_register_host(work *self, const char *name, scopeflow_registry registry,
                        int32_t priority) {
    register_function function = NULL;
    switch (registry) {
    case SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL:
        function = scopeflow_register_tool_conditional_execution_guardrail;
        break;
    case SCOPEFLOW_REGISTRY_TOOL_REQUEST_INTERCEPT:
        function = scopeflow_register_tool_request_intercept;
        break;
    case SCOPEFLOW_REGISTRY_TOOL_EXECUTION_INTERCEPT:
        function = scopeflow_register_tool_execution_intercept;
        break;
    default: abort();
    }
    scopeflow_ref const callable = object_ref(object_new_callable(&self->session.host, NULL));
    if (function(self->session.runtime, session_text(name), priority, callable, 0, NULL) !=
        SCOPEFLOW_STATUS_OK)
        abort();
}

static scopeflow_bytes text_of(scopeflow_ref ref) {
    scopeflow_bytes text = {NULL, 0};
    if (ref == 0) return text;
    text.ptr = object_of(ref)->text;
    text.len = object_of(ref)->len;
    return text;
}

static void execute_target(work *self, const scopeflow_step *step, scopeflow_answer *answer) {
    unsigned const last = sizeof self->results / sizeof *self->results - 1;
    unsigned const at = self->executed < last ? self->executed : last;
    self->executed++;
    work_note(self, "execute:", text_of(step->input));
    if (self->cancels) {
        answer->kind = SCOPEFLOW_ANSWER_KIND_CANCEL;
        answer->value = object_ref(object_new_error(&self->session.host, "Cancelled", "stop"));
        return;
    }
    if (self->results[at] != NULL) {
        answer->value = session_json(&self->session, self->results[at]);
        return;
    }
    answer->kind = SCOPEFLOW_ANSWER_KIND_ERROR;
    answer->value = object_ref(object_new_error(&self->session.host, "ValueError", "boom"));
}

/* An intercept of the host calls `next` once and returns what it gives. */
static void execute_intercept(work *self, scopeflow_task *task, const scopeflow_step *step,
                              scopeflow_answer *answer) {
    scopeflow_task_link_options options = SCOPEFLOW_TASK_LINK_OPTIONS_INIT;
    scopeflow_task link;
    scopeflow_step last;
    work_note(self, "around:", step->registration);
    options.call = task;
    options.request = step->input;
    if (scopeflow_task_link(self->session.runtime, &options, &link, &last, NULL) !=
        SCOPEFLOW_STATUS_OK) {
        answer->kind = SCOPEFLOW_ANSWER_KIND_ERROR;
        answer->value = object_ref(object_new_error(&self->session.host, "NoMemory", "no link"));
        return;
    }
    work_drive(self, &link, &last);
    work_note(self, "left:", step->registration);
    bool const is_value = last.kind == SCOPEFLOW_STEP_KIND_RETURN;
    answer->kind = is_value        ? SCOPEFLOW_ANSWER_KIND_VALUE
                   : self->cancels ? SCOPEFLOW_ANSWER_KIND_CANCEL
                                   : SCOPEFLOW_ANSWER_KIND_ERROR;
    answer->value = last.value;
}

static void invoke(work *self, const scopeflow_step *step, scopeflow_answer *answer) {
    work_note(self, "invoke:", step->registration);
    if (step->registry != SCOPEFLOW_REGISTRY_TOOL_REQUEST_INTERCEPT) return;
    answer->value = self->intercepted != NULL
                        ? session_json(&self->session, self->intercepted)
                        : object_ref(object_copy(object_of(step->input), OWNER_REQUEST));
}

void work_drive(work *self, scopeflow_task *task, scopeflow_step *step) {
    for (;;) {
        scopeflow_answer answer;
        memset(&answer, 0, sizeof answer);
        answer.emitter = &self->session.emitter;
        switch (step->kind) {
        case SCOPEFLOW_STEP_KIND_INVOKE: invoke(self, step, &answer); break;
        case SCOPEFLOW_STEP_KIND_DELIVER: session_keep_line(&self->session, step->event); break;
        case SCOPEFLOW_STEP_KIND_EXECUTE:
            if (step->callable == 0)
                execute_target(self, step, &answer);
            else
                execute_intercept(self, task, step, &answer);
            break;
        default: return;
        }
        if (scopeflow_task_resume(task, &answer, step, NULL) != SCOPEFLOW_STATUS_OK) abort();
    }
}

/* --- Calls --- */

static const scopeflow_step no_memory = {.kind = SCOPEFLOW_STEP_KIND_RAISE,
                                         .status = SCOPEFLOW_STATUS_NO_MEMORY};

scopeflow_step work_call(work *self, const char *request) {
    scopeflow_tool_execute_options options = SCOPEFLOW_TOOL_EXECUTE_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.name = session_text("search");
    options.tool_call_id = session_text("call-1");
    options.emitter = &self->session.emitter;
    options.request = session_json(&self->session, request);
    if (scopeflow_tool_execute(self->session.runtime, &options, &task, &step, NULL) ==
        SCOPEFLOW_STATUS_OK)
        work_drive(self, &task, &step);
    else
        step = no_memory;
    object_release(object_of(options.request));
    return step;
}

scopeflow_step work_call_llm(work *self, const char *request) {
    scopeflow_llm_execute_options options = SCOPEFLOW_LLM_EXECUTE_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.name = session_text("provider");
    options.model_name = session_text("model");
    options.emitter = &self->session.emitter;
    options.request = session_json(&self->session, request);
    if (scopeflow_llm_execute(self->session.runtime, &options, &task, &step, NULL) ==
        SCOPEFLOW_STATUS_OK)
        work_drive(self, &task, &step);
    else
        step = no_memory;
    object_release(object_of(options.request));
    return step;
}

static bool has_text(const scopeflow_step *step, const char *text) {
    return step->value != 0 && strstr(object_of(step->value)->text, text) != NULL;
}

bool work_returned(work *self, scopeflow_step *step, const char *value) {
    (void)self;
    bool const is_it = step->kind == SCOPEFLOW_STEP_KIND_RETURN && step->value != 0 &&
                       strcmp(object_of(step->value)->text, value) == 0;
    object_release(object_of(step->value));
    return is_it;
}

bool work_raised(work *self, scopeflow_step *step, scopeflow_status status, const char *text) {
    scopeflow_status came = step->status;
    (void)self;
    if (came == SCOPEFLOW_STATUS_OK && step->value != 0) came = object_of(step->value)->status;
    bool const is_it =
        step->kind == SCOPEFLOW_STEP_KIND_RAISE && came == status && has_text(step, text);
    object_release(object_of(step->value));
    return is_it;
}
