/* Every public function in every wrong way that the spec knows: null, no bytes, all bytes that
 * there are, numbers beyond an enum, a range or a set of flags (S7.2, S7.3, S7.4); handles that
 * were freed; several threads at once; and from inside the host's own functions.
 *
 * The ways are generated, so a function that is new is tried, too. */
#define _DEFAULT_SOURCE 1 /* mkdtemp */
#include "check.h"
#include "scopeflow/scopeflow.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_ASAN 1
#endif
#endif

#define MISUSE_FREED (~0u)

/* One of each handle, and room for what comes out. */
typedef struct misuse {
    const scopeflow_host *host;
    scopeflow_runtime *runtime;
    scopeflow_scope *scope;
    scopeflow_event *event;
    scopeflow_registration_list *registration_list;
    scopeflow_atof_sink *atof_sink;
    scopeflow_atof_reader *atof_reader;
    scopeflow_codec_output *codec_output;
    scopeflow_payload_text *payload_text;
    scopeflow_codec_stream *codec_stream;
    scopeflow_sse_decoder *sse_decoder;
    scopeflow_tape *tape;             /* Null outside of `encode`. */
    scopeflow_invocation *invocation; /* Null outside of a native callable. */
    scopeflow_task *task;
    scopeflow_task task_itself;
    scopeflow_bytes text;
    scopeflow_bytes huge;
    scopeflow_ref ref;
    scopeflow_answer answer;
    scopeflow_native_callable native_callable;
    scopeflow_step step;
    scopeflow_error error;
    scopeflow_status status;
    scopeflow_atof_item out_atof_item;
    scopeflow_atof_reader *out_atof_reader;
    scopeflow_atof_sink *out_atof_sink;
    scopeflow_bytes out_bytes;
    scopeflow_codec_id out_codec_id;
    scopeflow_codec_output *out_codec_output;
    scopeflow_codec_stream *out_codec_stream;
    scopeflow_error out_error;
    scopeflow_event_info out_event_info;
    scopeflow_event_line out_event_line;
    scopeflow_payload_text *out_payload_text;
    scopeflow_propagation out_propagation;
    scopeflow_ref out_ref;
    scopeflow_registration_info out_registration_info;
    scopeflow_registration_list *out_registration_list;
    scopeflow_runtime *out_runtime;
    scopeflow_runtime_stats out_runtime_stats;
    scopeflow_scope *out_scope;
    scopeflow_scope_info out_scope_info;
    scopeflow_scope_remains out_scope_remains;
    scopeflow_sink_stats out_sink_stats;
    scopeflow_sse_decoder *out_sse_decoder;
    scopeflow_sse_item out_sse_item;
    uint32_t out_uint32_t;
} misuse;

typedef struct misuse_function {
    const char *name;
    const char *handle;
    bool is_fallible;
    const char *(*call)(misuse *m, unsigned way);
} misuse_function;

/* Lets go of the operation, if it has begun. */
static void misuse_end_task(misuse *m) {
    if (m->status != SCOPEFLOW_STATUS_OK) return;
    if (m->step.kind == SCOPEFLOW_STEP_KIND_DONE) scopeflow_scope_release(m->step.scope);
    scopeflow_task_abandon(m->task);
}

#include "misuse.gen.h"

enum { FUNCTIONS = sizeof misuse_functions / sizeof *misuse_functions, THREADS = 4 };

/* --- The host --- */

static void release(void *context, scopeflow_ref ref) {
    (void)context;
    (void)ref;
}

/* Set for the test that calls everything from in here. */
static misuse *inside;

static void call_everything(misuse *m);

/* Of the payload that a codec can do something with. */
enum { REF_OF_OBJECT = 8 };

static void encode(void *context, scopeflow_ref ref, scopeflow_tape *tape) {
    misuse *const m = inside;
    (void)context;
    if (ref == REF_OF_OBJECT) {
        scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_OBJECT);
        scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_END);
        return;
    }
    if (m == NULL) {
        scopeflow_tape_put_null(tape);
        return;
    }
    inside = NULL;
    m->tape = tape;
    call_everything(m);
    m->tape = NULL;
}

static void describe_error(void *context, scopeflow_ref ref, scopeflow_tape *tape) {
    encode(context, ref, tape);
}

static scopeflow_ref decode(void *context, scopeflow_bytes json, uint32_t shape) {
    (void)context;
    (void)json;
    (void)shape;
    return 7;
}

static scopeflow_ref make_error(void *context, uint32_t status, scopeflow_bytes message) {
    (void)context;
    (void)status;
    (void)message;
    return 7;
}

static scopeflow_host make_host(void) {
    scopeflow_host host = SCOPEFLOW_HOST_INIT;
    host.decode = decode;
    host.make_error = make_error;
    host.release = release;
    host.encode = encode;
    host.describe_error = describe_error;
    return host;
}

/* --- One of each handle --- */

/* Longer than any text may be; what is said to be longer still has to be refused by its length. */
static char long_text[70000];

static void look(void *user_data, scopeflow_invocation *invocation) {
    (void)user_data;
    (void)invocation;
}

static void fill(misuse *m, scopeflow_runtime *runtime) {
    static scopeflow_native_callable const callable = SCOPEFLOW_NATIVE_CALLABLE_INIT;
    memset(m, 0, sizeof *m);
    m->native_callable = callable;
    m->native_callable.registry = SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL;
    m->native_callable.name.ptr = "name";
    m->native_callable.name.len = 4;
    m->native_callable.run = look;
    m->runtime = runtime;
    m->task = &m->task_itself;
    m->text.ptr = "name";
    m->text.len = 4;
    m->huge.ptr = long_text;
    m->huge.len = SIZE_MAX;
    m->ref = 7;
}

static scopeflow_runtime *new_runtime(const scopeflow_host *host) {
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    scopeflow_runtime *runtime = NULL;
    options.flags = SCOPEFLOW_RUNTIME_FLAG_DETERMINISTIC;
    CHECK(scopeflow_runtime_new(host, &options, &runtime, NULL) == SCOPEFLOW_STATUS_OK);
    return runtime;
}

/* To the end of an operation, whatever other threads have registered on the runtime meanwhile. The
 * first event that is delivered is kept. */
static void go_on(misuse *m, scopeflow_event **out_event) {
    while (m->step.kind != SCOPEFLOW_STEP_KIND_DONE) {
        scopeflow_answer nothing;
        memset(&nothing, 0, sizeof nothing);
        if (m->step.kind == SCOPEFLOW_STEP_KIND_DELIVER && out_event != NULL && *out_event == NULL)
            *out_event = scopeflow_event_retain(m->step.event);
        CHECK(scopeflow_task_resume(m->task, &nothing, &m->step, NULL) == SCOPEFLOW_STATUS_OK);
    }
}

/* The scope that a step of DONE hands over. */
static void open_scope(misuse *m) {
    scopeflow_scope_push_options options = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    options.name = m->text;
    CHECK(scopeflow_scope_push(m->runtime, &options, m->task, &m->step, NULL) ==
          SCOPEFLOW_STATUS_OK);
    go_on(m, NULL);
    m->scope = m->step.scope;
}

/* A mark that a subscriber kept. */
static void keep_event(misuse *m) {
    static scopeflow_bytes const name = {"keeper", 6};
    scopeflow_scope_event_options options = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    uint32_t removed;
    options.name = m->text;
    CHECK(scopeflow_scope_register_subscriber(m->scope, name, m->ref, 0, NULL) ==
          SCOPEFLOW_STATUS_OK);
    options.current = m->scope;
    CHECK(scopeflow_scope_event(m->runtime, &options, m->task, &m->step, NULL) ==
          SCOPEFLOW_STATUS_OK);
    go_on(m, &m->event);
    CHECK(m->event != NULL);
    CHECK(scopeflow_scope_deregister_subscriber(m->scope, name, &removed, NULL) ==
          SCOPEFLOW_STATUS_OK);
}

static void open_all(misuse *m, scopeflow_runtime *runtime) {
    scopeflow_registration_list_new_options list = SCOPEFLOW_REGISTRATION_LIST_NEW_OPTIONS_INIT;
    scopeflow_atof_sink_open_options sink = SCOPEFLOW_ATOF_SINK_OPEN_OPTIONS_INIT;
    scopeflow_atof_reader_new_options reader = SCOPEFLOW_ATOF_READER_NEW_OPTIONS_INIT;
    scopeflow_sse_decoder_new_options decoder = SCOPEFLOW_SSE_DECODER_NEW_OPTIONS_INIT;
    scopeflow_codec_stream_new_options stream = SCOPEFLOW_CODEC_STREAM_NEW_OPTIONS_INIT;
    scopeflow_payload_text_new_options text = SCOPEFLOW_PAYLOAD_TEXT_NEW_OPTIONS_INIT;
    fill(m, runtime);
    open_scope(m);
    keep_event(m);
    list.runtime = reader.runtime = decoder.runtime = stream.runtime = text.runtime = runtime;
    sink.path = m->text;
    CHECK(scopeflow_registration_list_new(&list, &m->registration_list, NULL) ==
          SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_atof_sink_open(&sink, &m->atof_sink, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_atof_reader_new(&reader, &m->atof_reader, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_sse_decoder_new(&decoder, &m->sse_decoder, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_codec_stream_new(&stream, &m->codec_stream, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_codec_decode_request(runtime, SCOPEFLOW_CODEC_ID_OPENAI_CHAT, REF_OF_OBJECT,
                                         &m->codec_output, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_payload_text_new(&text, &m->payload_text, NULL) == SCOPEFLOW_STATUS_OK);
}

static void close_all(misuse *m) {
    scopeflow_event_release(m->event);
    scopeflow_scope_release(m->scope);
    scopeflow_registration_list_free(m->registration_list);
    scopeflow_atof_sink_free(m->atof_sink);
    scopeflow_atof_reader_free(m->atof_reader);
    scopeflow_codec_output_free(m->codec_output);
    scopeflow_payload_text_free(m->payload_text);
    scopeflow_codec_stream_free(m->codec_stream);
    scopeflow_sse_decoder_free(m->sse_decoder);
}

/* --- In every way --- */

/* What is of the core's own calls only is not called on nothing: the core never lends nothing. */
static bool is_of_tape(const misuse_function *function) {
    return strcmp(function->handle, "tape") == 0;
}

static bool is_of_invocation(const misuse_function *function) {
    return strcmp(function->handle, "invocation") == 0;
}

/* What lives only as long as a function of the host's, or a callable, runs. */
static bool is_lent(const misuse_function *function) {
    return is_of_tape(function) || is_of_invocation(function);
}

static bool is_at_hand(const misuse *m, const misuse_function *function) {
    if (is_of_tape(function)) return m->tape != NULL;
    return !is_of_invocation(function) || m->invocation != NULL;
}

static const char *call_in(misuse *m, const misuse_function *function, unsigned way) {
    memset(&m->error, 0, sizeof m->error);
    m->status = SCOPEFLOW_STATUS_OK;
    return function->call(m, way);
}

/* A question may be answered whatever it is about: a text of all bytes is no name that is known. */
static bool is_refusal(const misuse *m, const char *title) {
    if (strstr(title, "all bytes") != NULL && m->status == SCOPEFLOW_STATUS_OK) return true;
    return (m->status == SCOPEFLOW_STATUS_INVALID_ARGUMENT ||
            m->status == SCOPEFLOW_STATUS_LIMIT_EXCEEDED) &&
           m->error.status == m->status && m->error.message_len_bytes > 20;
}

static void call_in_every_wrong_way(misuse *m, const misuse_function *function) {
    const char *title;
    for (unsigned way = 1; (title = call_in(m, function, way)) != NULL; way++) {
        if (!function->is_fallible || is_refusal(m, title)) continue;
        fprintf(stderr, "%s: %s: %s (%s)\n", function->name, title,
                scopeflow_status_name(m->status), m->error.message);
        check_failure_count++;
    }
}

static void everything_that_is_wrong_is_refused(void) {
    scopeflow_host const host = make_host();
    for (size_t i = 0; i < FUNCTIONS; i++) {
        misuse m;
        if (is_lent(&misuse_functions[i])) continue;
        scopeflow_runtime *const runtime = new_runtime(&host);
        open_all(&m, runtime);
        call_in_every_wrong_way(&m, &misuse_functions[i]);
        (void)call_in(&m, &misuse_functions[i], 0);
        CHECK(strcmp(scopeflow_status_name(m.status), "unknown") != 0);
        close_all(&m);
        scopeflow_runtime_free(runtime);
    }
}

/* --- From inside, and from several threads --- */

/* These end what others go on to use. */
static bool ends_for_all(const misuse_function *function) {
    return strcmp(function->name, "scopeflow_runtime_close") == 0 ||
           strcmp(function->name, "scopeflow_runtime_after_fork") == 0;
}

static void call_everything(misuse *m) {
    for (size_t i = 0; i < FUNCTIONS; i++) {
        const misuse_function *const function = &misuse_functions[i];
        if (!is_of_tape(function) && is_at_hand(m, function)) call_in_every_wrong_way(m, function);
    }
    for (size_t i = 0; i < FUNCTIONS; i++) {
        const misuse_function *const function = &misuse_functions[i];
        if (!ends_for_all(function) && is_at_hand(m, function)) (void)call_in(m, function, 0);
    }
}

/* While a payload is encoded, on the same runtime and the same scope. */
static void everything_may_be_called_while_a_payload_is_encoded(void) {
    static scopeflow_bytes const name = {"observer", 8};
    scopeflow_host const host = make_host();
    scopeflow_scope_event_options options = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    scopeflow_bytes line;
    misuse outer;
    misuse m;
    scopeflow_runtime *const runtime = new_runtime(&host);
    open_all(&outer, runtime);
    open_all(&m, runtime);
    CHECK(scopeflow_register_subscriber(runtime, name, 7, 0, NULL) == SCOPEFLOW_STATUS_OK);
    options.name = name;
    options.current = outer.scope;
    options.data = 7;
    CHECK(scopeflow_scope_event(runtime, &options, outer.task, &outer.step, NULL) ==
          SCOPEFLOW_STATUS_OK);
    CHECK(outer.step.kind == SCOPEFLOW_STEP_KIND_DELIVER);
    inside = &m;
    CHECK(scopeflow_event_json(outer.step.event, SCOPEFLOW_EVENT_PART_LINE, &line, NULL) ==
          SCOPEFLOW_STATUS_OK);
    CHECK(inside == NULL && line.len > 0); /* It was called. */
    scopeflow_task_abandon(outer.task);
    close_all(&m);
    close_all(&outer);
    scopeflow_runtime_free(runtime);
}

static void call_from_inside(void *user_data, scopeflow_invocation *invocation) {
    misuse *const m = (misuse *)user_data;
    m->invocation = invocation;
    call_everything(m);
    m->invocation = NULL;
    m->ref++; /* It was called. */
}

/* A guard in C, on the same runtime and the same scope. */
static void everything_may_be_called_from_a_native_callable(void) {
    scopeflow_host const host = make_host();
    scopeflow_tool_execute_options options = SCOPEFLOW_TOOL_EXECUTE_OPTIONS_INIT;
    misuse outer;
    misuse m;
    scopeflow_runtime *const runtime = new_runtime(&host);
    open_all(&outer, runtime);
    open_all(&m, runtime);
    outer.native_callable.name.ptr = "guard";
    outer.native_callable.name.len = 5;
    outer.native_callable.run = call_from_inside;
    outer.native_callable.user_data = &m;
    CHECK(scopeflow_native_scope_register(outer.scope, &outer.native_callable, NULL) ==
          SCOPEFLOW_STATUS_OK);
    options.name = outer.text;
    options.current = outer.scope;
    options.request = 7;
    CHECK(scopeflow_tool_execute(runtime, &options, outer.task, &outer.step, NULL) ==
          SCOPEFLOW_STATUS_OK);
    CHECK(m.ref == outer.ref + 1);
    scopeflow_task_abandon(outer.task);
    close_all(&m);
    close_all(&outer);
    scopeflow_runtime_free(runtime);
}

static void *call_from_a_thread(void *context) {
    for (int round = 0; round < 3; round++) {
        misuse m;
        open_all(&m, (scopeflow_runtime *)context);
        call_everything(&m);
        close_all(&m);
    }
    return NULL;
}

static void everything_may_be_called_from_several_threads(void) {
    scopeflow_host const host = make_host();
    pthread_t threads[THREADS];
    scopeflow_runtime *const runtime = new_runtime(&host);
    for (size_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, call_from_a_thread, runtime) == 0);
    for (size_t i = 0; i < THREADS; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    scopeflow_runtime_free(runtime);
}

/* --- Handles that were freed --- */

#if defined(HAS_ASAN)
static void free_all(misuse *m) {
    scopeflow_scope_pop_options options = SCOPEFLOW_SCOPE_POP_OPTIONS_INIT;
    options.flags = SCOPEFLOW_POP_FLAG_CLOSE;
    if (scopeflow_scope_pop(m->scope, &options, m->task, &m->step, NULL) != SCOPEFLOW_STATUS_OK)
        _exit(3);
    close_all(m);
    scopeflow_runtime_free(m->runtime);
}

enum { NOT_NOTICED = 10, REFUSED = 11 };

static void use_what_is_freed(const misuse_function *function) {
    misuse m;
    scopeflow_host const host = make_host();
    open_all(&m, new_runtime(&host));
    free_all(&m);
    (void)call_in(&m, function, MISUSE_FREED);
    _exit(m.status == SCOPEFLOW_STATUS_INVALID_ARGUMENT ? REFUSED : NOT_NOTICED);
}

/* What became of the child, and the beginning of what it said. */
static int use_in_a_child(const misuse_function *function, char *report, size_t size) {
    size_t len = 0;
    ssize_t got;
    int ends[2];
    int status = 0;
    CHECK(pipe(ends) == 0);
    fflush(NULL);
    pid_t const child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        use_what_is_freed(function);
    }
    (void)close(ends[1]);
    while (len < size - 1 && (got = read(ends[0], report + len, size - 1 - len)) > 0)
        len += (size_t)got;
    (void)close(ends[0]);
    report[len] = '\0';
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The child ends as the sanitizer ends it. Few functions find something else wrong before. */
static void a_freed_handle_is_found_by_the_sanitizer(void) {
    size_t count = 0;
    size_t refused_count = 0;
    for (size_t i = 0; i < FUNCTIONS; i++) {
        const misuse_function *const function = &misuse_functions[i];
        char report[4096];
        if (function->handle[0] == '\0' || is_lent(function)) continue;
        int const status = use_in_a_child(function, report, sizeof report);
        count++;
        if (status == REFUSED) refused_count++;
        if (status == REFUSED || strstr(report, "use-after-free") != NULL) continue;
        fprintf(stderr, "%s: nobody noticed that its handle was freed\n", function->name);
        check_failure_count++;
    }
    CHECK(count > 80 && refused_count <= 3);
}
#endif

/* Files that are opened under the name of everything else. */
static bool enter_a_folder(char *folder) {
    return mkdtemp(folder) != NULL && chdir(folder) == 0;
}

int main(void) {
    static const test tests[] = {
        {"everything that is wrong is refused", everything_that_is_wrong_is_refused},
        {"everything may be called while a payload is encoded",
         everything_may_be_called_while_a_payload_is_encoded},
        {"everything may be called from a native callable",
         everything_may_be_called_from_a_native_callable},
        {"everything may be called from several threads",
         everything_may_be_called_from_several_threads},
#if defined(HAS_ASAN)
        {"a freed handle is found by the sanitizer", a_freed_handle_is_found_by_the_sanitizer},
#endif
    };
    char folder[] = "/tmp/scopeflow-misuse-XXXXXX";
    memset(long_text, 'n', sizeof long_text);
    if (!enter_a_folder(folder)) return 1;
    int const failed = RUN_TESTS(tests);
    (void)unlink("name");
    (void)rmdir(folder);
    return failed;
}
