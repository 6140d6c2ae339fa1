/* Wrong arguments: refused with `invalid_argument` and a message, before anything is changed
 * (S7.3).
 *
 * Null pointers and numbers beyond an enum cannot be given through most bindings, so they are tried
 * here, for every public function; test_every_function.py sees to it that none is missing. */
#include "check.h"
#include "session.h"

static session s;
static scopeflow_task task;
static scopeflow_step step;
static scopeflow_error error;

/* An operation must refuse, say why, and leave the runtime's draws where they were. */
#define REFUSES(call)                                                                              \
    do {                                                                                           \
        memset(&error, 0, sizeof error);                                                           \
        CHECK((call) == SCOPEFLOW_STATUS_INVALID_ARGUMENT);                                        \
        CHECK(error.status == SCOPEFLOW_STATUS_INVALID_ARGUMENT);                                  \
        CHECK(error.message_len_bytes > 20 && strlen(error.message) == error.message_len_bytes);   \
    } while (0)

static scopeflow_bytes const name = {"name", 4};
static scopeflow_bytes const broken = {NULL, 3};

static void runtimes(void) {
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    scopeflow_runtime *runtime = NULL;
    scopeflow_scope *root = NULL;
    scopeflow_runtime_stats stats;
    REFUSES(scopeflow_runtime_new(&s.host.table, NULL, &runtime, &error));
    REFUSES(scopeflow_runtime_new(&s.host.table, &options, NULL, &error));
    options.flags = 4;
    REFUSES(scopeflow_runtime_new(&s.host.table, &options, &runtime, &error));
    options.flags = 0;
    options.payload_budget_bytes = 63;
    REFUSES(scopeflow_runtime_new(&s.host.table, &options, &runtime, &error));
    options.payload_budget_bytes = (1u << 30) + 1;
    REFUSES(scopeflow_runtime_new(&s.host.table, &options, &runtime, &error));
    options.payload_budget_bytes = 64;
    options.struct_size_bytes -= 8;
    REFUSES(scopeflow_runtime_new(&s.host.table, &options, &runtime, &error));
    CHECK(runtime == NULL);
    options.struct_size_bytes += 8;
    CHECK(scopeflow_runtime_new(NULL, &options, &runtime, NULL) == SCOPEFLOW_STATUS_OK);
    scopeflow_runtime_free(runtime);
    scopeflow_runtime_free(NULL);
    REFUSES(scopeflow_runtime_root(NULL, &root, &error));
    REFUSES(scopeflow_runtime_root(s.runtime, NULL, &error));
    REFUSES(scopeflow_runtime_read_stats(NULL, &stats, &error));
    REFUSES(scopeflow_runtime_read_stats(s.runtime, NULL, &error));
    REFUSES(scopeflow_runtime_after_fork(NULL, &error));
}

static void flushes(void) {
    scopeflow_runtime_flush_options options = SCOPEFLOW_RUNTIME_FLUSH_OPTIONS_INIT;
    REFUSES(scopeflow_runtime_flush(NULL, &options, &task, &step, &error));
    REFUSES(scopeflow_runtime_flush(s.runtime, NULL, &task, &step, &error));
    REFUSES(scopeflow_runtime_flush(s.runtime, &options, NULL, &step, &error));
    REFUSES(scopeflow_runtime_flush(s.runtime, &options, &task, NULL, &error));
    options.struct_size_bytes = 4;
    REFUSES(scopeflow_runtime_flush(s.runtime, &options, &task, &step, &error));
}

static void pushes(void) {
    scopeflow_scope_push_options options = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    options.name = name;
    REFUSES(scopeflow_scope_push(NULL, &options, &task, &step, &error));
    REFUSES(scopeflow_scope_push(s.runtime, NULL, &task, &step, &error));
    REFUSES(scopeflow_scope_push(s.runtime, &options, NULL, &step, &error));
    REFUSES(scopeflow_scope_push(s.runtime, &options, &task, NULL, &error));
    options.struct_size_bytes = 0;
    REFUSES(scopeflow_scope_push(s.runtime, &options, &task, &step, &error));
    options.struct_size_bytes = sizeof options;
    options.type = 11;
    REFUSES(scopeflow_scope_push(s.runtime, &options, &task, &step, &error));
    options.type = -1;
    REFUSES(scopeflow_scope_push(s.runtime, &options, &task, &step, &error));
    options.type = SCOPEFLOW_SCOPE_TYPE_FUNCTION;
    options.attributes = 4;
    REFUSES(scopeflow_scope_push(s.runtime, &options, &task, &step, &error));
    options.attributes = 0;
    options.subtype = name;
    REFUSES(scopeflow_scope_push(s.runtime, &options, &task, &step, &error));
    options.type = SCOPEFLOW_SCOPE_TYPE_CUSTOM;
    options.subtype = broken;
    REFUSES(scopeflow_scope_push(s.runtime, &options, &task, &step, &error));
    options.name = broken;
    REFUSES(scopeflow_scope_push(s.runtime, &options, &task, &step, &error));
    /* A context value of another runtime. */
    session other;
    session_init(&other);
    options.name = name;
    options.subtype.len = 0;
    options.current = session_push(&other, NULL, "elsewhere");
    REFUSES(scopeflow_scope_push(s.runtime, &options, &task, &step, &error));
    session_pop(&other, options.current);
    scopeflow_scope_release(options.current);
    CHECK(session_deinit(&other));
}

static void pops(void) {
    scopeflow_scope *const scope = session_push(&s, NULL, "a");
    scopeflow_scope_pop_options options = SCOPEFLOW_SCOPE_POP_OPTIONS_INIT;
    options.current = scope;
    REFUSES(scopeflow_scope_pop(NULL, &options, &task, &step, &error));
    REFUSES(scopeflow_scope_pop(scope, NULL, &task, &step, &error));
    REFUSES(scopeflow_scope_pop(scope, &options, NULL, &step, &error));
    REFUSES(scopeflow_scope_pop(scope, &options, &task, NULL, &error));
    options.struct_size_bytes = 12;
    REFUSES(scopeflow_scope_pop(scope, &options, &task, &step, &error));
    options.struct_size_bytes = sizeof options;
    options.flags = 2;
    REFUSES(scopeflow_scope_pop(scope, &options, &task, &step, &error));
    options.flags = 0;
    options.status = 4;
    REFUSES(scopeflow_scope_pop(scope, &options, &task, &step, &error));
    options.status = SCOPEFLOW_END_STATUS_UNSET;
    options.timestamp_ns = -1; /* The deterministic clock begins at 0. */
    REFUSES(scopeflow_scope_pop(scope, &options, &task, &step, &error));
    session_pop(&s, scope);
    scopeflow_scope_release(scope);
}

static void marks(void) {
    scopeflow_scope_event_options options = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    options.name = name;
    REFUSES(scopeflow_scope_event(NULL, &options, &task, &step, &error));
    REFUSES(scopeflow_scope_event(s.runtime, NULL, &task, &step, &error));
    REFUSES(scopeflow_scope_event(s.runtime, &options, NULL, &step, &error));
    REFUSES(scopeflow_scope_event(s.runtime, &options, &task, NULL, &error));
    options.name = broken;
    REFUSES(scopeflow_scope_event(s.runtime, &options, &task, &step, &error));
    options.name = name;
    options.struct_size_bytes = 1;
    REFUSES(scopeflow_scope_event(s.runtime, &options, &task, &step, &error));
}

static void calls(void) {
    scopeflow_tool_execute_options options = SCOPEFLOW_TOOL_EXECUTE_OPTIONS_INIT;
    options.name = name;
    REFUSES(scopeflow_tool_execute(NULL, &options, &task, &step, &error));
    REFUSES(scopeflow_tool_execute(s.runtime, NULL, &task, &step, &error));
    REFUSES(scopeflow_tool_execute(s.runtime, &options, NULL, &step, &error));
    REFUSES(scopeflow_tool_execute(s.runtime, &options, &task, NULL, &error));
    options.flags = 8;
    REFUSES(scopeflow_tool_execute(s.runtime, &options, &task, &step, &error));
    options.flags = 0;
    options.attributes = 2;
    REFUSES(scopeflow_tool_execute(s.runtime, &options, &task, &step, &error));
    options.attributes = 0;
    options.tool_call_id = broken;
    REFUSES(scopeflow_tool_execute(s.runtime, &options, &task, &step, &error));
    options.tool_call_id.len = 0;
    options.name = broken;
    REFUSES(scopeflow_tool_execute(s.runtime, &options, &task, &step, &error));
    options.name = name;
    options.struct_size_bytes = 1;
    REFUSES(scopeflow_tool_execute(s.runtime, &options, &task, &step, &error));
}

static void registrations(void) {
    scopeflow_ref const callable = object_ref(object_new_callable(&s.host, NULL));
    scopeflow_scope *const scope = session_push(&s, NULL, "a");
    uint32_t removed = 7;
    REFUSES(scopeflow_register_subscriber(NULL, name, callable, 0, &error));
    REFUSES(scopeflow_register_subscriber(s.runtime, broken, callable, 0, &error));
    REFUSES(scopeflow_register_subscriber(s.runtime, name, 0, 0, &error));
    REFUSES(scopeflow_register_subscriber(s.runtime, name, callable, 2, &error));
    REFUSES(scopeflow_register_subscriber(s.runtime, name, callable, 1, &error)); /* S3.8 */
    REFUSES(scopeflow_scope_register_subscriber(NULL, name, callable, 0, &error));
    REFUSES(scopeflow_scope_register_subscriber(scope, broken, callable, 0, &error));
    REFUSES(scopeflow_scope_register_subscriber(scope, name, 0, 0, &error));
    REFUSES(scopeflow_scope_register_subscriber(scope, name, callable, 4, &error));
    REFUSES(scopeflow_register_tool_conditional_execution_guardrail(NULL, name, 0, callable, 0,
                                                                    &error));
    REFUSES(scopeflow_register_tool_conditional_execution_guardrail(s.runtime, broken, 0, callable,
                                                                    0, &error));
    REFUSES(
        scopeflow_register_tool_conditional_execution_guardrail(s.runtime, name, 0, 0, 0, &error));
    REFUSES(scopeflow_register_tool_conditional_execution_guardrail(s.runtime, name, 0, callable, 2,
                                                                    &error));
    REFUSES(scopeflow_scope_register_tool_conditional_execution_guardrail(NULL, name, 0, callable,
                                                                          0, &error));
    REFUSES(scopeflow_scope_register_tool_conditional_execution_guardrail(scope, name, 0, callable,
                                                                          8, &error));
    CHECK(object_of(callable)->refs == 1); /* Nothing was taken. */
    REFUSES(scopeflow_deregister_subscriber(NULL, name, &removed, &error));
    REFUSES(scopeflow_deregister_subscriber(s.runtime, name, NULL, &error));
    REFUSES(scopeflow_deregister_subscriber(s.runtime, broken, &removed, &error));
    REFUSES(scopeflow_scope_deregister_subscriber(NULL, name, &removed, &error));
    REFUSES(scopeflow_scope_deregister_subscriber(scope, name, NULL, &error));
    REFUSES(
        scopeflow_deregister_tool_conditional_execution_guardrail(NULL, name, &removed, &error));
    REFUSES(
        scopeflow_deregister_tool_conditional_execution_guardrail(s.runtime, name, NULL, &error));
    REFUSES(scopeflow_scope_deregister_tool_conditional_execution_guardrail(NULL, name, &removed,
                                                                            &error));
    REFUSES(
        scopeflow_scope_deregister_tool_conditional_execution_guardrail(scope, name, NULL, &error));
    CHECK(removed == 7);
    object_release(object_of(callable));
    session_pop(&s, scope);
    scopeflow_scope_release(scope);
}

static void scopes_and_events(void) {
    scopeflow_scope_info info;
    scopeflow_event_info event_info;
    scopeflow_event_line line;
    scopeflow_bytes text;
    REFUSES(scopeflow_scope_describe(NULL, &info, &error));
    REFUSES(scopeflow_event_describe(NULL, &event_info, &error));
    REFUSES(scopeflow_event_json(NULL, SCOPEFLOW_EVENT_PART_LINE, &text, &error));
    REFUSES(scopeflow_event_open_line(NULL, &line, &error));
    REFUSES(scopeflow_event_seal(NULL, &error));
    CHECK(scopeflow_scope_is_open(NULL) == 0);
    CHECK(scopeflow_scope_retain(NULL) == NULL);
    CHECK(scopeflow_event_retain(NULL) == NULL);
    scopeflow_scope_release(NULL);
    scopeflow_event_release(NULL);

    scopeflow_scope *root = NULL;
    CHECK(scopeflow_runtime_root(s.runtime, &root, NULL) == SCOPEFLOW_STATUS_OK);
    REFUSES(scopeflow_scope_describe(root, NULL, &error));
    scopeflow_scope_release(root);
}

static void sinks(void) {
    scopeflow_atof_sink_open_options options = SCOPEFLOW_ATOF_SINK_OPEN_OPTIONS_INIT;
    scopeflow_atof_sink *sink = NULL;
    scopeflow_sink_stats stats;
    options.path = name;
    REFUSES(scopeflow_atof_sink_open(NULL, &sink, &error));
    REFUSES(scopeflow_atof_sink_open(&options, NULL, &error));
    options.mode = 2;
    REFUSES(scopeflow_atof_sink_open(&options, &sink, &error));
    options.mode = SCOPEFLOW_FILE_MODE_APPEND;
    options.delivery = 2;
    REFUSES(scopeflow_atof_sink_open(&options, &sink, &error));
    options.delivery = SCOPEFLOW_SINK_DELIVERY_QUEUED;
    options.overflow = 3;
    REFUSES(scopeflow_atof_sink_open(&options, &sink, &error));
    options.overflow = SCOPEFLOW_SINK_OVERFLOW_SPILL;
    options.queue_limit_bytes = 4095;
    REFUSES(scopeflow_atof_sink_open(&options, &sink, &error));
    options.queue_limit_bytes = 4096;
    options.delay_ns = 100000001;
    REFUSES(scopeflow_atof_sink_open(&options, &sink, &error));
    options.delay_ns = 0;
    options.kept_file_count = 0;
    REFUSES(scopeflow_atof_sink_open(&options, &sink, &error));
    options.kept_file_count = 1;
    options.path = broken;
    REFUSES(scopeflow_atof_sink_open(&options, &sink, &error));
    options.path.len = 0;
    REFUSES(scopeflow_atof_sink_open(&options, &sink, &error));
    options.struct_size_bytes = 1;
    REFUSES(scopeflow_atof_sink_open(&options, &sink, &error));
    CHECK(sink == NULL);
    REFUSES(scopeflow_atof_sink_register(NULL, s.runtime, name, &error));
    REFUSES(scopeflow_atof_sink_flush(NULL, 0, &error));
    REFUSES(scopeflow_atof_sink_read_stats(NULL, &stats, &error));
    scopeflow_atof_sink_free(NULL);
}

static void nothing_was_drawn(void) {
    scopeflow_scope *const scope = session_push(&s, NULL, "after");
    scopeflow_scope_info info;
    CHECK(scopeflow_scope_describe(scope, &info, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(info.uuid.bytes[15] == 3); /* `pops` and `registrations` opened one each. */
    session_pop(&s, scope);
    scopeflow_scope_release(scope);
    CHECK(session_deinit(&s));
}

static void statuses_have_names(void) {
    CHECK(strcmp(scopeflow_status_name(SCOPEFLOW_STATUS_OK), "ok") == 0);
    CHECK(strcmp(scopeflow_status_name(SCOPEFLOW_STATUS_LIMIT_EXCEEDED), "limit_exceeded") == 0);
    CHECK(strcmp(scopeflow_status_name(77), "unknown") == 0);
    CHECK(scopeflow_abi_hash() == SCOPEFLOW_ABI_HASH);
    CHECK(strcmp(scopeflow_version(), SCOPEFLOW_VERSION) == 0);
}

/* S7.2: the message is cut at a code point, never in the middle of one. */
static void long_messages_are_cut_at_a_code_point(void) {
    char text[400];
    scopeflow_bytes long_name;
    for (size_t i = 0; i < sizeof text; i += 2) memcpy(text + i, "\xC3\xA9", 2);
    long_name.ptr = text;
    long_name.len = sizeof text;
    session other;
    session_init(&other);
    scopeflow_scope *const scope = session_push(&other, NULL, "a");
    session_pop(&other, scope);
    scopeflow_ref const callable = object_ref(object_new_callable(&other.host, NULL));
    CHECK(scopeflow_register_subscriber(other.runtime, long_name, callable, 0, &error) ==
          SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_register_subscriber(other.runtime, long_name, callable, 0, &error) ==
          SCOPEFLOW_STATUS_ALREADY_EXISTS);
    for (size_t i = 0; i < error.message_len_bytes; i++)
        if ((unsigned char)error.message[i] == 0xC3)
            CHECK((unsigned char)error.message[i + 1] == 0xA9);
    CHECK(error.message_len_bytes < sizeof error.message);
    CHECK(error.message[error.message_len_bytes] == '\0');
    scopeflow_scope_release(scope);
    CHECK(session_deinit(&other));
}

int main(void) {
    static const test tests[] = {
        {"runtimes", runtimes},
        {"flushes", flushes},
        {"pushes", pushes},
        {"pops", pops},
        {"marks", marks},
        {"calls", calls},
        {"registrations", registrations},
        {"scopes and events", scopes_and_events},
        {"sinks", sinks},
        {"nothing was drawn", nothing_was_drawn},
        {"statuses have names", statuses_have_names},
        {"long messages are cut at a code point", long_messages_are_cut_at_a_code_point},
    };
    session_init(&s);
    return RUN_TESTS(tests);
}
