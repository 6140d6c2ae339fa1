/* What the bindings of other languages have inside, and a program in C has of its own: a driver,
 * which does what the core says, and how payloads become JSON. Here a payload is JSON text that
 * lives as long as the program, an error and a reason are plain texts, and a callable is a function
 * that looks at a step and fills the answer; so that references need no counting. */
#include <scopeflow/scopeflow.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef void (*callable)(const scopeflow_step *step, scopeflow_answer *answer);

static inline scopeflow_bytes text(const char *ptr) {
    scopeflow_bytes bytes = {ptr, strlen(ptr)};
    return bytes;
}

static inline void require(scopeflow_status status) {
    if (status == SCOPEFLOW_STATUS_OK) return;
    fprintf(stderr, "%s\n", scopeflow_status_name(status));
    exit(1);
}

static inline scopeflow_step drive(scopeflow_task *task, scopeflow_step step, callable target) {
    for (;;) {
        scopeflow_answer answer;
        memset(&answer, 0, sizeof answer);
        switch (step.kind) {
        case SCOPEFLOW_STEP_KIND_DELIVER:
        case SCOPEFLOW_STEP_KIND_INVOKE: ((callable)step.callable)(&step, &answer); break;
        case SCOPEFLOW_STEP_KIND_EXECUTE:
        case SCOPEFLOW_STEP_KIND_STREAM:
        case SCOPEFLOW_STEP_KIND_FINALIZE: target(&step, &answer); break;
        default: return step; /* done, return or raise */
        }
        require(scopeflow_task_resume(task, &answer, &step, NULL));
    }
}

/* --- What a runtime is lent --- */

static inline void encode(void *context, scopeflow_ref ref, scopeflow_tape *tape) {
    (void)context;
    scopeflow_tape_put_json(tape, text((const char *)ref));
}

static inline void put_member(scopeflow_tape *tape, const char *key, const char *value) {
    scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_STRING, text(key));
    scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_STRING, text(value));
}

static inline void describe_error(void *context, scopeflow_ref ref, scopeflow_tape *tape) {
    (void)context;
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_OBJECT);
    put_member(tape, "type", "Error");
    put_member(tape, "message", (const char *)ref);
    scopeflow_tape_put_mark(tape, SCOPEFLOW_TOKEN_END);
}

static inline scopeflow_runtime *new_runtime(void) {
    scopeflow_host host = SCOPEFLOW_HOST_INIT;
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    scopeflow_runtime *runtime;
    host.encode = encode;
    host.describe_error = describe_error;
    require(scopeflow_runtime_new(&host, &options, &runtime, NULL));
    return runtime;
}

/* --- What a subscriber asks of an event --- */

static inline scopeflow_event_info describe(scopeflow_event *event) {
    scopeflow_event_info info;
    require(scopeflow_event_describe(event, &info, NULL));
    return info;
}

static inline scopeflow_bytes json_of(scopeflow_event *event, scopeflow_event_part part) {
    scopeflow_bytes json;
    require(scopeflow_event_json(event, part, &json, NULL));
    return json;
}

/* Texts have a length and no NUL at their end. Where this looks, others have a JSON parser. */
static inline int holds(scopeflow_bytes json, const char *member) {
    size_t const len = strlen(member);
    for (size_t at = 0; at + len <= json.len; at++)
        if (memcmp(json.ptr + at, member, len) == 0) return 1;
    return 0;
}

static inline void print_event(const char *indent, scopeflow_event *event) {
    static const char *const sides[] = {"mark", "start", "end"};
    scopeflow_event_info const info = describe(event);
    scopeflow_bytes const data = json_of(event, SCOPEFLOW_EVENT_PART_DATA);
    printf("%s%s %.*s %.*s\n", indent, sides[info.scope_category], (int)info.name.len,
           info.name.ptr, (int)data.len, data.ptr);
}
