/* Writes numbers as the core does, for test_numbers.py to check against Python's own.
 *
 * `numbers doubles` reads doubles as 8 bytes each from stdin, `numbers texts` one JSON number a
 * line; both print one number a line. The numbers travel as one payload, so that millions are
 * quick. */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *input;
static size_t input_len;
static bool as_texts;

static void read_input(void) {
    size_t capacity = 1 << 20;
    input = malloc(capacity);
    while (input != NULL) {
        size_t const got = fread(input + input_len, 1, capacity - input_len, stdin);
        if (got == 0) return;
        input_len += got;
        if (input_len == capacity) input = realloc(input, capacity *= 2);
    }
    abort();
}

static void put_texts(scopeflow_tape *tape) {
    const char *const end = input + input_len;
    for (const char *at = input; at < end;) {
        const char *const line_end = memchr(at, '\n', (size_t)(end - at));
        scopeflow_bytes text;
        text.ptr = at;
        text.len = (size_t)(line_end - at);
        scopeflow_tape_put_json(tape, text);
        at = line_end + 1;
    }
}

static void put_doubles(scopeflow_tape *tape) {
    for (size_t at = 0; at + 8 <= input_len; at += 8) {
        double value;
        memcpy(&value, input + at, sizeof value);
        scopeflow_tape_put_double(tape, value);
    }
}

static void encode(void *context, scopeflow_ref ref, scopeflow_tape *tape) {
    (void)context;
    (void)ref;
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_ARRAY);
    if (as_texts)
        put_texts(tape);
    else
        put_doubles(tape);
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_END);
}

/* The array without its brackets, a line for each comma: numbers have none. */
static void print(scopeflow_bytes data) {
    if (data.len < 2 || data.ptr[0] != '[') abort();
    for (size_t i = 1; i + 1 < data.len; i++) putchar(data.ptr[i] == ',' ? '\n' : data.ptr[i]);
    putchar('\n');
}

int main(int count, char **arguments) {
    if (count != 2) return 2;
    as_texts = strcmp(arguments[1], "texts") == 0;
    read_input();

    session s;
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    scopeflow_scope_event_options mark = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_bytes data;
    memset(&s, 0, sizeof s);
    host_init(&s.host);
    s.host.table.encode = encode;
    s.host.table.release = NULL;
    options.payload_budget_bytes = 1u << 30;
    mark.name = session_text("numbers");
    mark.data = 1;
    if (scopeflow_runtime_new(&s.host.table, &options, &s.runtime, NULL) != SCOPEFLOW_STATUS_OK ||
        scopeflow_register_subscriber(s.runtime, session_text("log"), 1, 0, NULL) !=
            SCOPEFLOW_STATUS_OK ||
        scopeflow_scope_event(s.runtime, &mark, &task, &step, NULL) != SCOPEFLOW_STATUS_OK ||
        scopeflow_event_json(step.event, SCOPEFLOW_EVENT_PART_DATA, &data, NULL) !=
            SCOPEFLOW_STATUS_OK)
        return 1;
    print(data);
    (void)session_drive(&s, &task, &step);
    free(input);
    return session_deinit(&s) ? 0 : 1;
}
