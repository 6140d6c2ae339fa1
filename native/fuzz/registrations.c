/* Registrations and removals in any order, on a runtime and on scopes that lie in each other,
 * against a plain list of what there should be (S3.2, S3.3, S1.7, S7.3): no name stands twice in
 * one registry of one owner, lists have the order of registration, guards run in that of S3.2, and
 * an operation that fails changes nothing. */
#include "host.h"

#include "must.h"
#include "registries.gen.h"

#include <string.h>

enum {
    OWNERS = 4, /* The runtime, then scopes from the outside in. */
    NAMES = 4,
    ENTRIES = 256,
    REGISTRIES = sizeof registries / sizeof *registries,
};

typedef struct entry {
    uint32_t registry;
    uint32_t owner;
    uint32_t name;
    int32_t priority;
    const object *callable;
} entry;

static struct {
    host host;
    scopeflow_runtime *runtime;
    scopeflow_scope *scopes[OWNERS]; /* The first is null: the runtime itself. */
    bool has_ended[OWNERS];
    entry entries[ENTRIES];
    size_t count;
    const uint8_t *at;
    const uint8_t *end;
} the;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t choice(uint32_t count) {
    return the.at < the.end ? *the.at++ % count : 0;
}

static scopeflow_bytes name_at(uint32_t index) {
    static const char *const names[NAMES] = {"a", "b", "\xE2\x82\xAC", "\xFF"};
    scopeflow_bytes const name = {names[index], strlen(names[index])};
    return name;
}

static bool is_text(uint32_t name) {
    return name != NAMES - 1;
}

static size_t find(uint32_t registry, uint32_t owner, uint32_t name) {
    size_t at = 0;
    while (at < the.count && (the.entries[at].registry != registry ||
                              the.entries[at].owner != owner || the.entries[at].name != name))
        at++;
    return at;
}

/* --- What is done --- */

static scopeflow_status expected_status(uint32_t registry, uint32_t owner, uint32_t name) {
    if (!is_text(name)) return SCOPEFLOW_STATUS_INVALID_UTF8;
    if (the.has_ended[owner]) return SCOPEFLOW_STATUS_NOT_FOUND;
    return find(registry, owner, name) < the.count ? SCOPEFLOW_STATUS_ALREADY_EXISTS
                                                   : SCOPEFLOW_STATUS_OK;
}

static void add(void) {
    uint32_t const registry = choice(REGISTRIES);
    uint32_t const owner = choice(OWNERS);
    uint32_t const name = choice(NAMES);
    int32_t const priority = (int32_t)choice(5) - 2;
    if (the.count == ENTRIES) return;
    object *const callable = object_new_callable(&the.host, NULL);
    scopeflow_ref const ref = object_ref(callable);
    const registry_functions *const functions = &registries[registry];
    scopeflow_status const status =
        owner == 0 ? functions->add(the.runtime, name_at(name), priority, ref, 0, NULL)
                   : functions->scope_add(the.scopes[owner], name_at(name), priority, ref, 0, NULL);
    if (status == SCOPEFLOW_STATUS_NO_MEMORY)
        MUST(the.host.failing_allocation != 0);
    else
        MUST(status == expected_status(registry, owner, name));
    the.host.failing_allocation = 0;
    if (status != SCOPEFLOW_STATUS_OK) {
        MUST(callable->refs == 1);
        object_release(callable);
        return;
    }
    the.entries[the.count++] = (entry){registry, owner, name, priority, callable};
}

static void take(void) {
    uint32_t const registry = choice(REGISTRIES);
    uint32_t const owner = choice(OWNERS);
    uint32_t const name = choice(NAMES);
    size_t const at = find(registry, owner, name);
    uint32_t removed = 7;
    if (the.has_ended[owner]) return;
    const registry_functions *const functions = &registries[registry];
    MUST((owner == 0 ? functions->remove(the.runtime, name_at(name), &removed, NULL)
                     : functions->scope_remove(the.scopes[owner], name_at(name), &removed, NULL)) ==
         SCOPEFLOW_STATUS_OK);
    MUST(removed == (at < the.count));
    if (removed == 0) return;
    the.count--;
    memmove(&the.entries[at], &the.entries[at + 1], (the.count - at) * sizeof *the.entries);
}

/* --- What it has to look like --- */

static void compare_list(void) {
    scopeflow_registration_list_new_options options = SCOPEFLOW_REGISTRATION_LIST_NEW_OPTIONS_INIT;
    scopeflow_registration_list *list = NULL;
    scopeflow_registration_info info;
    uint32_t const owner = choice(OWNERS);
    uint32_t index = 0;
    if (the.has_ended[owner]) return;
    options.runtime = the.runtime;
    options.owner = the.scopes[owner];
    MUST(scopeflow_registration_list_new(&options, &list, NULL) == SCOPEFLOW_STATUS_OK);
    for (size_t i = 0; i < the.count; i++) {
        const entry *const wanted = &the.entries[i];
        if (wanted->owner != owner) continue;
        MUST(scopeflow_registration_list_read(list, index++, &info, NULL) == SCOPEFLOW_STATUS_OK);
        scopeflow_bytes const name = name_at(wanted->name);
        MUST(info.registry == registries[wanted->registry].kind);
        MUST(info.name.len == name.len && memcmp(info.name.ptr, name.ptr, name.len) == 0);
        MUST(info.priority == wanted->priority);
    }
    MUST(scopeflow_registration_list_read(list, index, &info, NULL) == SCOPEFLOW_STATUS_OK);
    MUST(info.name.len == 0);
    scopeflow_registration_list_free(list);
}

/* Whether `a` runs before `b`, which was registered later, if at the same place (S3.2). */
static bool is_before(const entry *a, const entry *b) {
    return a->priority != b->priority ? a->priority < b->priority : a->owner <= b->owner;
}

/* The guards of tool calls that a scope sees, sorted by insertion. */
static size_t guards_of(uint32_t innermost, const entry **out) {
    size_t count = 0;
    for (size_t i = 0; i < the.count; i++) {
        const entry *const one = &the.entries[i];
        bool const is_guard = registries[one->registry].kind ==
                              SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL;
        if (!is_guard || one->owner > innermost) continue;
        size_t at = count++;
        for (; at > 0 && !is_before(out[at - 1], one); at--) out[at] = out[at - 1];
        out[at] = one;
    }
    return count;
}

static void compare_guards(void) {
    scopeflow_tool_conditional_execution_options options =
        SCOPEFLOW_TOOL_CONDITIONAL_EXECUTION_OPTIONS_INIT;
    const entry *wanted[ENTRIES];
    scopeflow_task task;
    scopeflow_step step;
    scopeflow_answer answer;
    uint32_t const innermost = choice(OWNERS);
    size_t const count = guards_of(innermost, wanted);
    memset(&answer, 0, sizeof answer);
    options.current = the.scopes[innermost];
    options.name = name_at(0);
    MUST(scopeflow_tool_conditional_execution(the.runtime, &options, &task, &step, NULL) ==
         SCOPEFLOW_STATUS_OK);
    for (size_t i = 0; i < count; i++) {
        MUST(step.kind == SCOPEFLOW_STEP_KIND_INVOKE);
        MUST(object_of(step.callable) == wanted[i]->callable);
        MUST(scopeflow_task_resume(&task, &answer, &step, NULL) == SCOPEFLOW_STATUS_OK);
    }
    MUST(step.kind == SCOPEFLOW_STEP_KIND_RETURN);
}

/* --- Scopes --- */

static scopeflow_scope *open_scope(scopeflow_scope *current) {
    scopeflow_scope_push_options options = SCOPEFLOW_SCOPE_PUSH_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.current = current;
    options.name = name_at(0);
    MUST(scopeflow_scope_push(the.runtime, &options, &task, &step, NULL) == SCOPEFLOW_STATUS_OK);
    MUST(step.kind == SCOPEFLOW_STEP_KIND_DONE);
    return step.scope;
}

/* From then on it takes no registrations, and what it has stays in force for those inside (S1.7);
 * sanitizers and subscribers are no matter, since nobody listens. */
static void end_scope(void) {
    scopeflow_scope_pop_options options = SCOPEFLOW_SCOPE_POP_OPTIONS_INIT;
    uint32_t const owner = choice(OWNERS);
    scopeflow_task task;
    scopeflow_step step;
    if (owner == 0) return;
    options.flags = SCOPEFLOW_POP_FLAG_CLOSE;
    MUST(scopeflow_scope_pop(the.scopes[owner], &options, &task, &step, NULL) ==
         SCOPEFLOW_STATUS_OK);
    MUST(step.kind == SCOPEFLOW_STEP_KIND_DONE);
    the.has_ended[owner] = true;
}

static void fail_allocation(void) {
    the.host.failing_allocation = the.host.allocation_count + 1 + choice(6);
    add();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static void (*const actions[])(void) = {
        add, add, add, take, take, compare_list, compare_guards, fail_allocation, add, end_scope};
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    memset(&the, 0, sizeof the);
    the.at = data;
    the.end = data + size;
    host_init(&the.host);
    options.flags = SCOPEFLOW_RUNTIME_FLAG_DETERMINISTIC;
    MUST(scopeflow_runtime_new(&the.host.table, &options, &the.runtime, NULL) ==
         SCOPEFLOW_STATUS_OK);
    for (uint32_t i = 1; i < OWNERS; i++) the.scopes[i] = open_scope(the.scopes[i - 1]);
    while (the.at < the.end) actions[choice(sizeof actions / sizeof *actions)]();
    compare_list();
    compare_guards();
    for (uint32_t i = 1; i < OWNERS; i++) scopeflow_scope_release(the.scopes[i]);
    scopeflow_runtime_free(the.runtime);
    MUST(the.host.object_count == 0 && the.host.block_count == 0);
    return 0;
}
