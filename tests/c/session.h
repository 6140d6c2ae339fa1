/* A runtime with the tests' host, and a driver that answers every step with success. */
#ifndef SCOPEFLOW_TESTS_SESSION_H
#define SCOPEFLOW_TESTS_SESSION_H

#include "host.h"

enum { SESSION_LINES = 64 };

typedef struct session {
    host host;
    scopeflow_runtime *runtime;
    scopeflow_emitter emitter;
    char *lines[SESSION_LINES]; /* Of all events that were delivered; the newest overwrite. */
    size_t line_count;
} session;

/* Deterministic and canonical; aborts when the runtime cannot be made. */
void session_init(session *self);
/* Frees the runtime; true if nothing of the core's or the host's is left. */
bool session_deinit(session *self);

scopeflow_bytes session_text(const char *text);
scopeflow_ref session_json(session *self, const char *text);

/* What a subscriber of the host's does. */
void session_keep_line(session *self, scopeflow_event *event);

/* Answers until the task ends and returns how; EXECUTE returns JSON `1`. Every event's line is
 * kept. */
scopeflow_step_kind session_drive(session *self, scopeflow_task *task, scopeflow_step *step);

/* Each aborts unless the operation succeeds. */
scopeflow_scope *session_push(session *self, scopeflow_scope *current, const char *name);
void session_pop(session *self, scopeflow_scope *scope);
void session_mark(session *self, scopeflow_scope *current, const char *name);
void session_call(session *self, scopeflow_scope *current, const char *name);
void session_flush(session *self);
void session_subscribe(session *self, const char *name);

#endif
