/* Parses JSON texts and writes them in canonical form, for test_json_corpora.py.
 *
 * From stdin: any number of texts, each behind its length as 4 bytes, lowest first. To stdout: a
 * line for each. A text that is refused comes out as a JSON string of itself, as the core keeps
 * what a host says is JSON and is not. */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *text;
static size_t text_len;

static bool read_text(void) {
    unsigned char size[4];
    if (fread(size, 1, sizeof size, stdin) != sizeof size) return false;
    text_len = 0;
    for (size_t i = sizeof size; i-- > 0;) text_len = text_len << 8 | size[i];
    free(text);
    /* Of exactly that size, so that a sanitizer sees a byte too many being read. */
    text = malloc(text_len > 0 ? text_len : 1);
    if (text == NULL || fread(text, 1, text_len, stdin) != text_len) abort();
    return true;
}

static void encode(void *context, scopeflow_ref ref, scopeflow_tape *tape) {
    (void)context;
    (void)ref;
    scopeflow_bytes bytes;
    bytes.ptr = text;
    bytes.len = text_len;
    scopeflow_tape_put_json(tape, bytes);
}

static void print(session *s) {
    scopeflow_scope_event_options mark = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_bytes data;
    mark.name = session_text("text");
    mark.data = 1;
    if (scopeflow_scope_event(s->runtime, &mark, &task, &step, NULL) != SCOPEFLOW_STATUS_OK ||
        scopeflow_event_json(step.event, SCOPEFLOW_EVENT_PART_DATA, &data, NULL) !=
            SCOPEFLOW_STATUS_OK)
        abort();
    fwrite(data.ptr, 1, data.len, stdout);
    putchar('\n');
    (void)session_drive(s, &task, &step);
}

int main(void) {
    session s;
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    memset(&s, 0, sizeof s);
    host_init(&s.host);
    s.host.table.encode = encode;
    s.host.table.release = NULL;
    options.flags = SCOPEFLOW_RUNTIME_FLAG_CANONICAL;
    options.payload_budget_bytes = 1u << 30;
    if (scopeflow_runtime_new(&s.host.table, &options, &s.runtime, NULL) != SCOPEFLOW_STATUS_OK ||
        scopeflow_register_subscriber(s.runtime, session_text("log"), 1, 0, NULL) !=
            SCOPEFLOW_STATUS_OK)
        return 1;
    while (read_text()) print(&s);
    free(text);
    return session_deinit(&s) ? 0 : 1;
}
