#include "event/error_text.h"

#include "event/metadata.h"
#include "value/described.h"

static scopeflow_bytes text_of(scopeflow__cursor value) {
    if (scopeflow__cursor_peek(&value) != SCOPEFLOW_TOKEN_STRING) return SCOPEFLOW__TEXT("");
    return scopeflow__cursor_read(&value).text;
}

static void describe(scopeflow__error_view *self, scopeflow_runtime *runtime, scopeflow_ref error,
                     bool is_reason) {
    if (is_reason) {
        scopeflow__encode_ref(runtime, error, &self->described);
        self->message = text_of(scopeflow__tape_value(&self->described));
        return;
    }
    if (error != 0 && runtime->host.describe_error != NULL)
        runtime->host.describe_error(runtime->host.context, error, &self->described);
    scopeflow__cursor const description = scopeflow__tape_value(&self->described);
    self->type = scopeflow__described(description, "type");
    self->message = scopeflow__described(description, "message");
    self->status = scopeflow__described(description, "status");
}

/* What the sanitizers left at `error.message`; anything but a text there withholds it. */
static void read_sanitized(scopeflow__error_view *self, const scopeflow_event *event) {
    scopeflow__encode_ref(event->scope->runtime, event->sanitized_error, &self->sanitized);
    scopeflow__cursor error;
    scopeflow__cursor message;
    self->has_message = scopeflow__member_find(scopeflow__tape_value(&self->sanitized),
                                               SCOPEFLOW__TEXT("error"), &error) &&
                        scopeflow__member_find(error, SCOPEFLOW__TEXT("message"), &message) &&
                        scopeflow__cursor_peek(&message) == SCOPEFLOW_TOKEN_STRING;
    self->message = self->has_message ? text_of(message) : SCOPEFLOW__TEXT("");
}

void scopeflow__error_view_init(scopeflow__error_view *self, const scopeflow_event *event,
                                scopeflow_ref error, bool is_reason) {
    scopeflow_runtime *const runtime = event->scope->runtime;
    size_t const full_at = scopeflow__payload_full_at(runtime);
    scopeflow__tape_init(&self->described, &runtime->memory, full_at);
    scopeflow__tape_init(&self->sanitized, &runtime->memory, full_at);
    self->type = SCOPEFLOW__TEXT("");
    self->message = SCOPEFLOW__TEXT("");
    self->status = SCOPEFLOW__TEXT("");
    self->has_message = true;
    describe(self, runtime, error, is_reason);
    if (event->error_text == SCOPEFLOW__ERROR_TEXT_SANITIZED) read_sanitized(self, event);
    if (event->error_text == SCOPEFLOW__ERROR_TEXT_WITHHELD) self->has_message = false;
}

void scopeflow__error_view_deinit(scopeflow__error_view *self, scopeflow_tape *out) {
    if (self->described.bytes.failed || self->sanitized.bytes.failed) out->bytes.failed = true;
    scopeflow__tape_deinit(&self->described);
    scopeflow__tape_deinit(&self->sanitized);
}
