#include "scope/log.h"

#include "base/checks.gen.h"
#include "base/sink.h"
#include "base/utf8.h"
#include "value/described.h"

static void keep(scopeflow_runtime *runtime, const scopeflow_error *entry) {
    scopeflow__lock(&runtime->log_lock);
    runtime->log[runtime->log_count++ % SCOPEFLOW__LOG_COUNT] = *entry;
    scopeflow__unlock(&runtime->log_lock);
}

static void append(scopeflow_error *to, scopeflow_bytes text) {
    size_t const room = sizeof to->message - 1 - to->message_len_bytes;
    size_t const len = scopeflow__utf8_cut(text, room);
    scopeflow__copy(to->message + to->message_len_bytes, text.ptr, len);
    to->message_len_bytes += (uint32_t)len;
    to->message[to->message_len_bytes] = '\0';
}

static void append_error(scopeflow_runtime *runtime, scopeflow_error *to, scopeflow_ref error) {
    if (error == 0 || runtime->host.describe_error == NULL) return;
    scopeflow_tape tape;
    scopeflow__tape_init(&tape, &runtime->memory, sizeof to->message);
    runtime->host.describe_error(runtime->host.context, error, &tape);
    scopeflow__cursor const description = scopeflow__tape_value(&tape);
    append(to, SCOPEFLOW__TEXT(": "));
    append(to, scopeflow__described(description, "type"));
    append(to, SCOPEFLOW__TEXT(": "));
    append(to, scopeflow__described(description, "message"));
    scopeflow__tape_deinit(&tape);
}

static void begin(scopeflow_error *entry, scopeflow_bytes title, scopeflow_bytes name) {
    entry->status = SCOPEFLOW_STATUS_INTERNAL;
    entry->message_len_bytes = 0;
    append(entry, title);
    append(entry, SCOPEFLOW__TEXT(" '"));
    append(entry, name);
    append(entry, SCOPEFLOW__TEXT("' failed"));
}

static void put_out(scopeflow_runtime *runtime, scopeflow_log_level level,
                    const scopeflow_error *entry) {
    keep(runtime, entry);
    if (runtime->host.log != NULL)
        runtime->host.log(runtime->host.context, (uint32_t)level,
                          scopeflow__text(entry->message, entry->message_len_bytes));
}

void scopeflow__log_failure(scopeflow_runtime *runtime, scopeflow_log_level level,
                            scopeflow_bytes title, scopeflow_bytes name, scopeflow_ref error) {
    scopeflow_error entry;
    begin(&entry, title, name);
    append_error(runtime, &entry, error);
    put_out(runtime, level, &entry);
}

static void log_reason(scopeflow_runtime *runtime, scopeflow_log_level level, scopeflow_bytes title,
                       scopeflow_bytes name, scopeflow_bytes reason) {
    scopeflow_error entry;
    begin(&entry, title, name);
    append(&entry, SCOPEFLOW__TEXT(": "));
    append(&entry, reason);
    put_out(runtime, level, &entry);
}

void scopeflow__log_fault(scopeflow_runtime *runtime, scopeflow_log_level level,
                          scopeflow_bytes title, scopeflow_bytes name, const char *fault) {
    log_reason(runtime, level, title, name, scopeflow__c_text(fault));
}

void scopeflow__sink_log_failure(scopeflow_runtime *runtime, scopeflow_bytes path,
                                 scopeflow_bytes reason) {
    log_reason(runtime, SCOPEFLOW_LOG_LEVEL_ERROR, SCOPEFLOW__TEXT("writing to"), path, reason);
}

scopeflow_status scopeflow_runtime_last_error(scopeflow_runtime *self, uint32_t index,
                                              scopeflow_error *out_failure,
                                              scopeflow_error *out_error) {
    scopeflow_status const status =
        scopeflow__check_runtime_last_error(self, index, out_failure, out_error);
    if (status != SCOPEFLOW_STATUS_OK) return status;
    out_failure->status = SCOPEFLOW_STATUS_OK;
    out_failure->message_len_bytes = 0;
    out_failure->message[0] = '\0';
    scopeflow__lock(&self->log_lock);
    if (index < SCOPEFLOW__LOG_COUNT && index < self->log_count)
        *out_failure = self->log[(self->log_count - 1 - index) % SCOPEFLOW__LOG_COUNT];
    scopeflow__unlock(&self->log_lock);
    return SCOPEFLOW_STATUS_OK;
}
