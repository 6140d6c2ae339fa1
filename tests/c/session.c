#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void require(scopeflow_status status, const scopeflow_error *error) {
    if (status == SCOPEFLOW_STATUS_OK) return;
    fprintf(stderr, "a step of a test failed: %s\n", error->message);
    abort();
}

void session_init(session *self) {
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    scopeflow_error error;
    memset(self, 0, sizeof *self);
    host_init(&self->host);
    options.flags = SCOPEFLOW_RUNTIME_FLAG_DETERMINISTIC | SCOPEFLOW_RUNTIME_FLAG_CANONICAL;
    require(scopeflow_runtime_new(&self->host.table, &options, &self->runtime, &error), &error);
}

bool session_deinit(session *self) {
    scopeflow_runtime_free(self->runtime);
    for (size_t i = 0; i < SESSION_LINES; i++) free(self->lines[i]);
    return self->host.object_count == 0 && self->host.block_count == 0;
}

scopeflow_bytes session_text(const char *text) {
    scopeflow_bytes bytes;
    bytes.ptr = text;
    bytes.len = strlen(text);
    return bytes;
}

scopeflow_ref session_json(session *self, const char *text) {
    return object_ref(object_new_json(&self->host, text, strlen(text)));
}

void session_keep_line(session *self, scopeflow_event *event) {
    scopeflow_bytes line;
    scopeflow_error error;
    require(scopeflow_event_json(event, SCOPEFLOW_EVENT_PART_LINE, &line, &error), &error);
    char **const place = &self->lines[self->line_count++ % SESSION_LINES];
    free(*place);
    *place = malloc(line.len + 1);
    if (*place == NULL) abort();
    memcpy(*place, line.ptr, line.len);
    (*place)[line.len] = '\0';
}

scopeflow_step_kind session_drive(session *self, scopeflow_task *task, scopeflow_step *step) {
    scopeflow_error error;
    for (;;) {
        scopeflow_answer answer;
        memset(&answer, 0, sizeof answer);
        answer.emitter = &self->emitter;
        switch (step->kind) {
        case SCOPEFLOW_STEP_KIND_INVOKE: break;
        case SCOPEFLOW_STEP_KIND_DELIVER: session_keep_line(self, step->event); break;
        case SCOPEFLOW_STEP_KIND_EXECUTE: answer.value = session_json(self, "1"); break;
        default: return step->kind;
        }
        require(scopeflow_task_resume(task, &answer, step, &error), &error);
    }
}

scopeflow_scope *session_push(session *self, scopeflow_scope *current, const char *name) {
    scopeflow_scope_push_options options = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_error error;
    options.current = current;
    options.emitter = &self->emitter;
    options.name = session_text(name);
    options.type = SCOPEFLOW_SCOPE_TYPE_FUNCTION;
    require(scopeflow_scope_push(self->runtime, &options, &task, &step, &error), &error);
    (void)session_drive(self, &task, &step);
    return step.scope;
}

void session_pop(session *self, scopeflow_scope *scope) {
    scopeflow_scope_pop_options options = SCOPEFLOW_SCOPE_POP_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_error error;
    options.current = scope;
    options.emitter = &self->emitter;
    require(scopeflow_scope_pop(scope, &options, &task, &step, &error), &error);
    (void)session_drive(self, &task, &step);
}

void session_mark(session *self, scopeflow_scope *current, const char *name) {
    scopeflow_scope_event_options options = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_error error;
    options.current = current;
    options.emitter = &self->emitter;
    options.name = session_text(name);
    require(scopeflow_scope_event(self->runtime, &options, &task, &step, &error), &error);
    (void)session_drive(self, &task, &step);
}

void session_call(session *self, scopeflow_scope *current, const char *name) {
    scopeflow_tool_execute_options options = SCOPEFLOW_TOOL_EXECUTE_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_error error;
    options.current = current;
    options.emitter = &self->emitter;
    options.name = session_text(name);
    options.request = session_json(self, "{}");
    require(scopeflow_tool_execute(self->runtime, &options, &task, &step, &error), &error);
    if (session_drive(self, &task, &step) != SCOPEFLOW_STEP_KIND_RETURN) abort();
    object_release(object_of(step.value));
    object_release(object_of(options.request));
}

void session_flush(session *self) {
    scopeflow_runtime_flush_options options = SCOPEFLOW_RUNTIME_FLUSH_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_error error;
    options.emitter = &self->emitter;
    require(scopeflow_runtime_flush(self->runtime, &options, &task, &step, &error), &error);
    (void)session_drive(self, &task, &step);
}

void session_subscribe(session *self, const char *name) {
    scopeflow_error error;
    scopeflow_ref const callable = object_ref(object_new_callable(&self->host, NULL));
    require(scopeflow_register_subscriber(self->runtime, session_text(name), callable, 0, &error),
            &error);
}
