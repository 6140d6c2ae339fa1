/* The operations of the mixture: each reads its arguments from the program's bytes. */
#include "mix.h"
#include "registries.gen.h"

#include <string.h>

/* The subscriber and the gate have operations of another shape and are named below. */
typedef char every_registry_is_mixed[OTHER_REGISTRY_COUNT == 2 ? 1 : -1];

enum { REGISTRIES = sizeof registries / sizeof *registries };

/* A work that is idle; one that waits is let go of when there is no other. */
static mix_work *idle_work(mix *self) {
    uint32_t const first = mix_choice(self, MIX_WORKS);
    for (uint32_t i = 0; i < MIX_WORKS; i++)
        if (!self->works[(first + i) % MIX_WORKS].is_waiting)
            return &self->works[(first + i) % MIX_WORKS];
    mix_abandon(self, &self->works[first]);
    return &self->works[first];
}

static mix_work *waiting_work(mix *self) {
    uint32_t const first = mix_choice(self, MIX_WORKS);
    for (uint32_t i = 0; i < MIX_WORKS; i++)
        if (self->works[(first + i) % MIX_WORKS].is_waiting)
            return &self->works[(first + i) % MIX_WORKS];
    return NULL;
}

/* --- Scopes and marks --- */

static void push(mix *self) {
    scopeflow_scope_push_options options = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    mix_work *const work = idle_work(self);
    scopeflow_error error;
    options.current = mix_scope(self);
    options.emitter = mix_emitter(self);
    options.name = mix_name(self);
    options.type = (scopeflow_scope_type)mix_choice(self, 12);
    options.parent = mix_choice(self, 4) == 0 ? mix_scope(self) : NULL;
    options.attributes = mix_choice(self, 5);
    if (options.type == SCOPEFLOW_SCOPE_TYPE_CUSTOM) options.subtype = mix_name(self);
    options.metadata = mix_give(self, work);
    options.input = mix_lend(self, work);
    options.timestamp_ns = mix_time(self);
    scopeflow_status const status =
        scopeflow_scope_push(self->runtime, &options, &work->task, &work->step, &error);
    mix_began(self, work, status, &error);
}

static void pop(mix *self) {
    scopeflow_scope_pop_options options = SCOPEFLOW_SCOPE_POP_OPTIONS_INIT;
    mix_work *const work = idle_work(self);
    scopeflow_error error;
    scopeflow_scope *const scope = mix_scope(self);
    options.current = mix_scope(self);
    options.emitter = mix_emitter(self);
    options.flags = mix_choice(self, 2);
    options.output = mix_lend(self, work);
    options.metadata = mix_lend(self, work);
    options.status = (scopeflow_end_status)mix_choice(self, 5);
    options.error = mix_choice(self, 4) == 0 ? mix_lend(self, work) : 0;
    options.timestamp_ns = mix_time(self);
    scopeflow_status const status =
        scopeflow_scope_pop(scope, &options, &work->task, &work->step, &error);
    mix_began(self, work, status, &error);
}

static void mark(mix *self) {
    scopeflow_scope_event_options options = SCOPEFLOW_SCOPE_EVENT_OPTIONS_INIT;
    mix_work *const work = idle_work(self);
    scopeflow_error error;
    options.current = mix_scope(self);
    options.emitter = mix_emitter(self);
    options.name = mix_name(self);
    options.parent = mix_choice(self, 4) == 0 ? mix_scope(self) : NULL;
    options.data = mix_lend(self, work);
    options.metadata = mix_lend(self, work);
    options.category = mix_name(self);
    options.category_profile = mix_lend(self, work);
    options.data_schema = mix_lend(self, work);
    options.timestamp_ns = mix_time(self);
    scopeflow_status const status =
        scopeflow_scope_event(self->runtime, &options, &work->task, &work->step, &error);
    mix_began(self, work, status, &error);
}

static void leave_scope(mix *self) {
    uint32_t const index = mix_choice(self, MIX_SCOPES);
    scopeflow_scope_release(self->scopes[index]);
    self->scopes[index] = NULL;
}

/* --- Calls --- */

/* Members that the options of all calls have. */
#define FILL_CALL(options)                                                                         \
    do {                                                                                           \
        (options).current = mix_scope(self);                                                       \
        (options).emitter = mix_emitter(self);                                                     \
        (options).name = mix_name(self);                                                           \
        (options).request = mix_lend(self, work);                                                  \
    } while (0)
#define FILL_SPAN(options)                                                                         \
    do {                                                                                           \
        FILL_CALL(options);                                                                        \
        (options).parent = mix_choice(self, 4) == 0 ? mix_scope(self) : NULL;                      \
        (options).attributes = mix_choice(self, 3);                                                \
        (options).metadata = mix_give(self, work);                                                 \
        (options).timestamp_ns = mix_time(self);                                                   \
    } while (0)
#define BEGIN(function, on)                                                                        \
    do {                                                                                           \
        scopeflow_error error;                                                                     \
        mix_began(self, work, function(on, &options, &work->task, &work->step, &error), &error);   \
    } while (0)

static void tool_execute(mix *self) {
    scopeflow_tool_execute_options options = SCOPEFLOW_TOOL_EXECUTE_OPTIONS_INIT;
    mix_work *const work = idle_work(self);
    FILL_SPAN(options);
    options.flags = mix_choice(self, 2);
    options.tool_call_id = mix_name(self);
    options.data = mix_lend(self, work);
    BEGIN(scopeflow_tool_execute, self->runtime);
}

static void llm_execute(mix *self) {
    scopeflow_llm_execute_options options = SCOPEFLOW_LLM_EXECUTE_OPTIONS_INIT;
    mix_work *const work = idle_work(self);
    FILL_SPAN(options);
    options.flags = mix_choice(self, 2);
    options.model_name = mix_name(self);
    options.data = mix_lend(self, work);
    options.codec = mix_lend(self, work);
    options.response_codec = mix_lend(self, work);
    BEGIN(scopeflow_llm_execute, self->runtime);
}

static void llm_stream_execute(mix *self) {
    scopeflow_llm_stream_execute_options options = SCOPEFLOW_LLM_STREAM_EXECUTE_OPTIONS_INIT;
    mix_work *const work = idle_work(self);
    FILL_SPAN(options);
    options.flags = mix_choice(self, 8);
    options.model_name = mix_name(self);
    options.data = mix_lend(self, work);
    options.codec = mix_lend(self, work);
    options.response_codec = mix_lend(self, work);
    BEGIN(scopeflow_llm_stream_execute, self->runtime);
}

static void tool_call(mix *self) {
    scopeflow_tool_call_options options = SCOPEFLOW_TOOL_CALL_OPTIONS_INIT;
    mix_work *const work = idle_work(self);
    FILL_SPAN(options);
    options.tool_call_id = mix_name(self);
    BEGIN(scopeflow_tool_call, self->runtime);
}

static void llm_call(mix *self) {
    scopeflow_llm_call_options options = SCOPEFLOW_LLM_CALL_OPTIONS_INIT;
    mix_work *const work = idle_work(self);
    FILL_SPAN(options);
    options.model_name = mix_name(self);
    options.annotated_request = mix_lend(self, work);
    options.codec = mix_lend(self, work);
    BEGIN(scopeflow_llm_call, self->runtime);
}

#define FILL_END(options)                                                                          \
    do {                                                                                           \
        (options).current = mix_scope(self);                                                       \
        (options).emitter = mix_emitter(self);                                                     \
        (options).response = mix_lend(self, work);                                                 \
        (options).data = mix_lend(self, work);                                                     \
        (options).metadata = mix_lend(self, work);                                                 \
        (options).status = (scopeflow_end_status)mix_choice(self, 5);                              \
        (options).error = mix_choice(self, 4) == 0 ? mix_lend(self, work) : 0;                     \
        (options).timestamp_ns = mix_time(self);                                                   \
    } while (0)

static void tool_call_end(mix *self) {
    scopeflow_tool_call_end_options options = SCOPEFLOW_TOOL_CALL_END_OPTIONS_INIT;
    mix_work *const work = idle_work(self);
    scopeflow_scope *const call = mix_scope(self);
    FILL_END(options);
    options.annotation = mix_lend(self, work);
    BEGIN(scopeflow_tool_call_end, call);
}

static void llm_call_end(mix *self) {
    scopeflow_llm_call_end_options options = SCOPEFLOW_LLM_CALL_END_OPTIONS_INIT;
    mix_work *const work = idle_work(self);
    scopeflow_scope *const call = mix_scope(self);
    FILL_END(options);
    options.annotated_response = mix_lend(self, work);
    options.response_codec = mix_lend(self, work);
    BEGIN(scopeflow_llm_call_end, call);
}

static void tool_request_intercepts(mix *self) {
    scopeflow_tool_request_intercepts_options options =
        SCOPEFLOW_TOOL_REQUEST_INTERCEPTS_OPTIONS_INIT;
    mix_work *const work = idle_work(self);
    FILL_CALL(options);
    BEGIN(scopeflow_tool_request_intercepts, self->runtime);
}

static void llm_request_intercepts(mix *self) {
    scopeflow_llm_request_intercepts_options options =
        SCOPEFLOW_LLM_REQUEST_INTERCEPTS_OPTIONS_INIT;
    mix_work *const work = idle_work(self);
    FILL_CALL(options);
    BEGIN(scopeflow_llm_request_intercepts, self->runtime);
}

static void tool_conditional_execution(mix *self) {
    scopeflow_tool_conditional_execution_options options =
        SCOPEFLOW_TOOL_CONDITIONAL_EXECUTION_OPTIONS_INIT;
    mix_work *const work = idle_work(self);
    FILL_CALL(options);
    BEGIN(scopeflow_tool_conditional_execution, self->runtime);
}

static void llm_conditional_execution(mix *self) {
    scopeflow_llm_conditional_execution_options options =
        SCOPEFLOW_LLM_CONDITIONAL_EXECUTION_OPTIONS_INIT;
    mix_work *const work = idle_work(self);
    FILL_CALL(options);
    BEGIN(scopeflow_llm_conditional_execution, self->runtime);
}

/* --- Tasks --- */

static void answer(mix *self) {
    mix_work *const work = waiting_work(self);
    if (work != NULL) mix_answer(self, work, false);
}

static void answer_plainly(mix *self) {
    mix_work *const work = waiting_work(self);
    if (work != NULL) mix_answer(self, work, true);
}

static void abandon(mix *self) {
    mix_work *const work = waiting_work(self);
    if (work != NULL) mix_abandon(self, work);
}

/* One that has ended, or never began: it has to be recognised. */
static void answer_idle(mix *self) {
    mix_work *const work = idle_work(self);
    scopeflow_answer answer;
    scopeflow_ref held;
    memset(&answer, 0, sizeof answer);
    MIX_MUST(scopeflow_task_resume(&work->task, &answer, &work->step, NULL) ==
             SCOPEFLOW_STATUS_INVALID_STATE);
    MIX_MUST(scopeflow_task_held_at(&work->task, 0, &held, NULL) == SCOPEFLOW_STATUS_OK);
    MIX_MUST(held == 0);
}

static void link_on(mix *self) {
    scopeflow_task_link_options options = SCOPEFLOW_TASK_LINK_OPTIONS_INIT;
    mix_work *const call = waiting_work(self);
    if (call == NULL || call->step.kind != SCOPEFLOW_STEP_KIND_EXECUTE) return;
    mix_work *const work = idle_work(self);
    if (work == call || !call->is_waiting) return;
    options.call = &call->task;
    options.position = mix_choice(self, 2) == 0 ? call->step.position : mix_choice(self, 4);
    options.emitter = mix_emitter(self);
    options.request = mix_lend(self, work);
    BEGIN(scopeflow_task_link, self->runtime);
}

static void leave_mark(mix *self) {
    mix_work *const call = waiting_work(self);
    scopeflow_error error;
    if (call == NULL) return;
    object *const given[] = {mix_payload(self), mix_payload(self), mix_payload(self),
                             mix_payload(self)};
    scopeflow_status const status =
        scopeflow_task_mark(&call->task, mix_name(self), object_ref(given[0]), object_ref(given[1]),
                            mix_name(self), object_ref(given[2]), object_ref(given[3]), &error);
    if (status == SCOPEFLOW_STATUS_OK) return;
    for (size_t i = 0; i < sizeof given / sizeof *given; i++) object_release(given[i]);
}

/* --- The runtime --- */

static void flush(mix *self) {
    scopeflow_runtime_flush_options options = SCOPEFLOW_RUNTIME_FLUSH_OPTIONS_INIT;
    mix_work *const work = idle_work(self);
    options.emitter = mix_emitter(self);
    BEGIN(scopeflow_runtime_flush, self->runtime);
}

static void close_runtime(mix *self) {
    scopeflow_runtime_close_options options = SCOPEFLOW_RUNTIME_CLOSE_OPTIONS_INIT;
    if (self->is_orderly || mix_choice(self, 16) != 1) return;
    mix_work *const work = idle_work(self);
    options.emitter = mix_emitter(self);
    BEGIN(scopeflow_runtime_close, self->runtime);
}

static void look_around(mix *self) {
    scopeflow_ref held;
    scopeflow_error failure;
    scopeflow_scope_info info;
    scopeflow_scope *const scope = mix_scope(self);
    uint32_t const index = mix_byte(self);
    MIX_MUST(scopeflow_runtime_callable_at(self->runtime, index, &held, NULL) ==
             SCOPEFLOW_STATUS_OK);
    (void)!scopeflow_runtime_last_error(self->runtime, index, &failure, NULL);
    mix_work *const work = waiting_work(self);
    if (work != NULL)
        MIX_MUST(scopeflow_task_held_at(&work->task, index % 8, &held, NULL) ==
                 SCOPEFLOW_STATUS_OK);
    if (scope == NULL) return;
    MIX_MUST(scopeflow_scope_describe(scope, &info, NULL) == SCOPEFLOW_STATUS_OK);
    MIX_MUST(info.is_open == scopeflow_scope_is_open(scope));
    MIX_MUST(scopeflow_scope_callable_at(scope, index, &held, NULL) == SCOPEFLOW_STATUS_OK);
    (void)scopeflow_scope_metadata(scope);
}

static void new_root(mix *self) {
    uint32_t const index = mix_choice(self, MIX_SCOPES);
    scopeflow_scope *root = NULL;
    if (scopeflow_scope_new_root(self->runtime, &root, NULL) != SCOPEFLOW_STATUS_OK) return;
    scopeflow_scope_release(self->scopes[index]);
    self->scopes[index] = root;
}

/* What one context says another one goes on under. */
static void propagate(mix *self) {
    scopeflow_propagation out;
    uint32_t const index = mix_choice(self, MIX_SCOPES);
    scopeflow_scope *adopted = NULL;
    if (scopeflow_propagation_capture(self->runtime, mix_scope(self), &out, NULL) !=
        SCOPEFLOW_STATUS_OK)
        return;
    const char *const form = mix_choice(self, 2) == 0 ? out.json : out.traceparent;
    scopeflow_bytes const text = {form, strlen(form)};
    if (scopeflow_propagation_adopt(self->runtime, text, &adopted, NULL) != SCOPEFLOW_STATUS_OK)
        return;
    scopeflow_scope_release(self->scopes[index]);
    self->scopes[index] = adopted;
}

/* The n-th allocation from now on fails. */
static void fail_allocation(mix *self) {
    if (self->is_orderly) return;
    self->host.failing_allocation = self->host.allocation_count + 1 + mix_choice(self, 32);
}

/* --- Registrations --- */

static scopeflow_status register_gate(mix *self, scopeflow_scope *scope, scopeflow_bytes name,
                                      scopeflow_ref callable) {
    uint32_t const kinds = (uint32_t)mix_byte(self) << mix_choice(self, 12);
    scopeflow_bytes const target = mix_name(self);
    scopeflow_callable_flag const flags = mix_choice(self, 2);
    if (scope != NULL)
        return scopeflow_scope_register_conditional_middleware_guardrail(scope, name, kinds, target,
                                                                         callable, flags, NULL);
    return scopeflow_register_conditional_middleware_guardrail(self->runtime, name, kinds, target,
                                                               callable, flags, NULL);
}

static scopeflow_status register_plain(mix *self, uint32_t which, scopeflow_scope *scope,
                                       scopeflow_bytes name, scopeflow_ref callable) {
    int32_t const priority = (int32_t)mix_choice(self, 4) - 2;
    scopeflow_callable_flag const flags = mix_choice(self, 4);
    if (scope != NULL)
        return registries[which].scope_add(scope, name, priority, callable, flags, NULL);
    return registries[which].add(self->runtime, name, priority, callable, flags, NULL);
}

static void add(mix *self) {
    uint32_t const which = mix_choice(self, REGISTRIES + OTHER_REGISTRY_COUNT);
    scopeflow_scope *const scope = mix_choice(self, 2) == 0 ? mix_scope(self) : NULL;
    scopeflow_bytes const name = mix_name(self);
    object *const made = object_new_callable(&self->host, NULL);
    scopeflow_status status;
    self->operation_count++;
    if (which < REGISTRIES)
        status = register_plain(self, which, scope, name, object_ref(made));
    else if (which == REGISTRIES)
        status = register_gate(self, scope, name, object_ref(made));
    else if (scope != NULL)
        status = scopeflow_scope_register_subscriber(scope, name, object_ref(made), 0, NULL);
    else
        status = scopeflow_register_subscriber(self->runtime, name, object_ref(made), 0, NULL);
    if (status != SCOPEFLOW_STATUS_OK) object_release(made);
}

static void deregister(mix *self, uint32_t which, scopeflow_scope *scope, scopeflow_bytes name) {
    uint32_t removed;
    scopeflow_runtime *const runtime = self->runtime;
    if (which < REGISTRIES)
        (void)!(scope != NULL ? registries[which].scope_remove(scope, name, &removed, NULL)
                              : registries[which].remove(runtime, name, &removed, NULL));
    else if (which == REGISTRIES)
        (void)!(scope != NULL ? scopeflow_scope_deregister_conditional_middleware_guardrail(
                                    scope, name, &removed, NULL)
                              : scopeflow_deregister_conditional_middleware_guardrail(
                                    runtime, name, &removed, NULL));
    else
        (void)!(scope != NULL ? scopeflow_scope_deregister_subscriber(scope, name, &removed, NULL)
                              : scopeflow_deregister_subscriber(runtime, name, &removed, NULL));
}

static void remove_one(mix *self) {
    uint32_t const which = mix_choice(self, REGISTRIES + OTHER_REGISTRY_COUNT);
    scopeflow_scope *const scope = mix_choice(self, 2) == 0 ? mix_scope(self) : NULL;
    self->operation_count++;
    deregister(self, which, scope, mix_name(self));
}

void mix_deregister_all(mix *self) {
    for (uint32_t which = 0; which < REGISTRIES + OTHER_REGISTRY_COUNT; which++)
        for (uint8_t name = 0; name < MIX_NAMES; name++)
            deregister(self, which, NULL, mix_name_at(name));
}

/* --- The mixture --- */

void mix_operate(mix *self) {
    static void (*const operations[])(mix *) = {
        push,
        pop,
        mark,
        tool_execute,
        llm_execute,
        llm_stream_execute,
        tool_call,
        tool_call_end,
        llm_call,
        llm_call_end,
        tool_request_intercepts,
        llm_request_intercepts,
        tool_conditional_execution,
        llm_conditional_execution,
        answer,
        answer_plainly,
        answer_idle,
        abandon,
        link_on,
        leave_mark,
        flush,
        close_runtime,
        look_around,
        new_root,
        propagate,
        leave_scope,
        fail_allocation,
        add,
        remove_one,
        /* What moves the others along is wanted more often. */
        answer,
        answer_plainly,
        answer_plainly,
        answer_plainly,
        answer_plainly,
        answer_plainly,
        add,
        push,
        pop,
        tool_execute,
        llm_execute,
    };
    operations[mix_choice(self, sizeof operations / sizeof *operations)](self);
}
