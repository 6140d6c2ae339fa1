/* Lists of registrations: what one owner has at one moment. */
#include "check.h"
#include "session.h"

static scopeflow_ref callable(session *self) {
    return object_ref(object_new_callable(&self->host, NULL));
}

static scopeflow_registration_list *list_of(session *self, scopeflow_scope *owner) {
    scopeflow_registration_list_new_options options = SCOPEFLOW_REGISTRATION_LIST_NEW_OPTIONS_INIT;
    scopeflow_registration_list *made = NULL;
    options.runtime = self->runtime;
    options.owner = owner;
    CHECK(scopeflow_registration_list_new(&options, &made, NULL) == SCOPEFLOW_STATUS_OK);
    return made;
}

static scopeflow_registration_info at(scopeflow_registration_list *list, uint32_t index) {
    scopeflow_registration_info info;
    CHECK(scopeflow_registration_list_read(list, index, &info, NULL) == SCOPEFLOW_STATUS_OK);
    return info;
}

static bool is(scopeflow_bytes text, const char *expected) {
    return text.len == strlen(expected) && memcmp(text.ptr, expected, text.len) == 0;
}

static void register_three(session *self) {
    CHECK(scopeflow_register_tool_request_intercept(
              self->runtime, session_text("tenant"), -7, callable(self),
              SCOPEFLOW_CALLABLE_FLAG_BREAK_CHAIN, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_register_subscriber(self->runtime, session_text("audit"), callable(self), 0,
                                        NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_register_conditional_middleware_guardrail(
              self->runtime, session_text("night"), 1u << 4, session_text("tenant"), callable(self),
              0, NULL) == SCOPEFLOW_STATUS_OK);
}

static void a_runtime_lists_what_it_has(void) {
    session self;
    session_init(&self);
    register_three(&self);
    scopeflow_registration_list *const list = list_of(&self, NULL);
    scopeflow_registration_info const tenant = at(list, 0);
    CHECK(tenant.registry == SCOPEFLOW_REGISTRY_TOOL_REQUEST_INTERCEPT);
    CHECK(is(tenant.name, "tenant") && tenant.priority == -7 && tenant.breaks_chain == 1);
    CHECK(tenant.kinds == 0 && tenant.target.len == 0);
    scopeflow_registration_info const audit = at(list, 1);
    CHECK(audit.registry == SCOPEFLOW_REGISTRY_SUBSCRIBER && is(audit.name, "audit"));
    CHECK(audit.priority == 0 && audit.breaks_chain == 0);
    scopeflow_registration_info const night = at(list, 2);
    CHECK(night.registry == SCOPEFLOW_REGISTRY_CONDITIONAL_MIDDLEWARE_GUARDRAIL);
    CHECK(is(night.name, "night") && night.kinds == 1u << 4 && is(night.target, "tenant"));
    CHECK(at(list, 3).name.len == 0 && at(list, UINT32_MAX).name.len == 0);
    scopeflow_registration_list_free(list);
    CHECK(session_deinit(&self));
}

/* What is registered and removed later leaves a list as it was; its names outlive both. */
static void a_list_shows_one_moment(void) {
    session self;
    uint32_t removed = 0;
    session_init(&self);
    register_three(&self);
    scopeflow_registration_list *const before = list_of(&self, NULL);
    CHECK(scopeflow_deregister_tool_request_intercept(self.runtime, session_text("tenant"),
                                                      &removed, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(removed == 1);
    scopeflow_registration_list *const after = list_of(&self, NULL);
    CHECK(is(at(before, 0).name, "tenant") && is(at(after, 0).name, "audit"));
    CHECK(at(after, 2).name.len == 0);
    scopeflow_registration_list_free(after);
    scopeflow_runtime_free(self.runtime);
    self.runtime = NULL;
    CHECK(is(at(before, 0).name, "tenant"));
    scopeflow_registration_list_free(before);
    CHECK(session_deinit(&self));
}

static void a_scope_lists_its_own(void) {
    session self;
    session_init(&self);
    register_three(&self);
    scopeflow_scope *const scope = session_push(&self, NULL, "turn");
    scopeflow_registration_list *const none = list_of(&self, scope);
    CHECK(at(none, 0).name.len == 0);
    scopeflow_registration_list_free(none);
    CHECK(scopeflow_scope_register_llm_request_intercept(
              scope, session_text("model"), 3, callable(&self), 0, NULL) == SCOPEFLOW_STATUS_OK);
    session_pop(&self, scope);
    scopeflow_registration_list *const own = list_of(&self, scope);
    CHECK(is(at(own, 0).name, "model") && at(own, 0).priority == 3);
    CHECK(at(own, 1).name.len == 0);
    scopeflow_registration_list_free(own);
    scopeflow_scope_release(scope);
    CHECK(session_deinit(&self));
}

static void what_cannot_be_listed_is_refused(void) {
    session self;
    session other;
    scopeflow_registration_list_new_options options = SCOPEFLOW_REGISTRATION_LIST_NEW_OPTIONS_INIT;
    scopeflow_registration_list *list = NULL;
    scopeflow_registration_info info;
    session_init(&self);
    session_init(&other);
    CHECK(scopeflow_registration_list_new(&options, &list, NULL) ==
          SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    options.runtime = self.runtime;
    options.owner = session_push(&other, NULL, "turn");
    CHECK(scopeflow_registration_list_new(&options, &list, NULL) ==
          SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(list == NULL);
    CHECK(scopeflow_registration_list_read(NULL, 0, &info, NULL) ==
          SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    scopeflow_registration_list_free(NULL);
    session_pop(&other, options.owner);
    scopeflow_scope_release(options.owner);
    CHECK(session_deinit(&other));
    CHECK(session_deinit(&self));
}

static void memory_that_runs_out_leaves_nothing(void) {
    session self;
    session_init(&self);
    register_three(&self);
    scopeflow_registration_list_new_options options = SCOPEFLOW_REGISTRATION_LIST_NEW_OPTIONS_INIT;
    options.runtime = self.runtime;
    scopeflow_registration_list *list = NULL;
    size_t nth = 0;
    do {
        self.host.failing_allocation = self.host.allocation_count + ++nth;
    } while (scopeflow_registration_list_new(&options, &list, NULL) == SCOPEFLOW_STATUS_NO_MEMORY);
    CHECK(nth > 2 && list != NULL);
    self.host.failing_allocation = 0;
    scopeflow_registration_list_free(list);
    CHECK(session_deinit(&self));
}

static const test tests[] = {
    {"a runtime lists what it has", a_runtime_lists_what_it_has},
    {"a list shows one moment", a_list_shows_one_moment},
    {"a scope lists its own", a_scope_lists_its_own},
    {"memory that runs out leaves nothing", memory_that_runs_out_leaves_nothing},
    {"what cannot be listed is refused", what_cannot_be_listed_is_refused},
};

int main(void) {
    return RUN_TESTS(tests);
}
