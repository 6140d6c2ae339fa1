/* Gates (S3.1): a registration is switched off for one call. The host here answers by the label of
 * what is asked, so that a test says which gate closes. */
#include "check.h"
#include "session.h"

#include <stdlib.h>

enum { GUARD = SCOPEFLOW_REGISTRY_TOOL_CONDITIONAL_EXECUTION_GUARDRAIL };
enum { INTERCEPT = SCOPEFLOW_REGISTRY_TOOL_EXECUTION_INTERCEPT };

typedef struct gated {
    session session;
    scopeflow_answer_kind gate_answer;
    int gate_count;
    int guard_count;
    int intercept_count;
    int target_count;
    scopeflow_step_kind ended_with;
} gated;

static uint32_t bit(scopeflow_registry kind) {
    return 1u << (kind - 1);
}

static scopeflow_ref callable(gated *self) {
    return object_ref(object_new_callable(&self->session.host, NULL));
}

static scopeflow_status add_gate(gated *self, const char *name, uint32_t kinds, const char *about) {
    scopeflow_ref const gate = callable(self);
    scopeflow_error error;
    scopeflow_status const status = scopeflow_register_conditional_middleware_guardrail(
        self->session.runtime, session_text(name), kinds, session_text(about), gate, 0, &error);
    if (status != SCOPEFLOW_STATUS_OK) object_release(object_of(gate));
    return status;
}

static void begin(gated *self) {
    memset(self, 0, sizeof *self);
    session_init(&self->session);
    CHECK(scopeflow_register_tool_conditional_execution_guardrail(
              self->session.runtime, session_text("strict"), 0, callable(self), 0, NULL) ==
          SCOPEFLOW_STATUS_OK);
    CHECK(scopeflow_register_tool_execution_intercept(self->session.runtime, session_text("strict"),
                                                      0, callable(self), 0,
                                                      NULL) == SCOPEFLOW_STATUS_OK);
}

static scopeflow_answer answer_of(gated *self, const scopeflow_step *step) {
    scopeflow_answer answer;
    memset(&answer, 0, sizeof answer);
    if (step->registry == SCOPEFLOW_REGISTRY_CONDITIONAL_MIDDLEWARE_GUARDRAIL) {
        self->gate_count++;
        CHECK(step->target.len == 6 && memcmp(step->target.ptr, "strict", 6) == 0);
        answer.kind = self->gate_answer;
        if (answer.kind == SCOPEFLOW_ANSWER_KIND_REFUSE)
            answer.value = session_json(&self->session, "\"not today\"");
        if (answer.kind == SCOPEFLOW_ANSWER_KIND_ERROR ||
            answer.kind == SCOPEFLOW_ANSWER_KIND_CANCEL)
            answer.value = object_ref(object_new_error(&self->session.host, "ValueError", "x"));
    } else if (step->kind == SCOPEFLOW_STEP_KIND_INVOKE) {
        self->guard_count++;
    } else {
        self->intercept_count += step->callable != 0;
        self->target_count += step->callable == 0;
        answer.value = session_json(&self->session, "1");
    }
    return answer;
}

static void call(gated *self) {
    scopeflow_tool_execute_options options = SCOPEFLOW_TOOL_EXECUTE_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    options.name = session_text("search");
    CHECK(scopeflow_tool_execute(self->session.runtime, &options, &task, &step, NULL) ==
          SCOPEFLOW_STATUS_OK);
    while (step.kind == SCOPEFLOW_STEP_KIND_INVOKE || step.kind == SCOPEFLOW_STEP_KIND_EXECUTE) {
        scopeflow_answer const answer = answer_of(self, &step);
        CHECK(scopeflow_task_resume(&task, &answer, &step, NULL) == SCOPEFLOW_STATUS_OK);
    }
    self->ended_with = step.kind;
    object_release(object_of(step.value));
}

static void closed_gate_switches_off(void) {
    gated self;
    begin(&self);
    CHECK(add_gate(&self, "g", bit(GUARD), "strict") == SCOPEFLOW_STATUS_OK);
    self.gate_answer = SCOPEFLOW_ANSWER_KIND_REFUSE;
    call(&self);
    CHECK(self.gate_count == 1 && self.guard_count == 0 && self.intercept_count == 1);
    self.gate_answer = SCOPEFLOW_ANSWER_KIND_VALUE; /* For one call only. */
    call(&self);
    CHECK(self.gate_count == 2 && self.guard_count == 1 && self.intercept_count == 2);
    CHECK(session_deinit(&self.session));
}

static void one_gate_for_several_registries(void) {
    gated self;
    begin(&self);
    CHECK(add_gate(&self, "g", bit(GUARD) | bit(INTERCEPT), "strict") == SCOPEFLOW_STATUS_OK);
    self.gate_answer = SCOPEFLOW_ANSWER_KIND_REFUSE;
    call(&self);
    CHECK(self.gate_count == 1 && self.guard_count == 0 && self.intercept_count == 0);
    CHECK(self.target_count == 1 && self.ended_with == SCOPEFLOW_STEP_KIND_RETURN);
    CHECK(session_deinit(&self.session));
}

/* A gate that nothing in the call could heed is not asked. */
static void gates_about_others_are_not_asked(void) {
    gated self;
    begin(&self);
    CHECK(add_gate(&self, "g", bit(GUARD), "lenient") == SCOPEFLOW_STATUS_OK);
    CHECK(add_gate(&self, "h", bit(SCOPEFLOW_REGISTRY_LLM_REQUEST_INTERCEPT), "strict") ==
          SCOPEFLOW_STATUS_OK);
    self.gate_answer = SCOPEFLOW_ANSWER_KIND_REFUSE;
    call(&self);
    CHECK(self.gate_count == 0 && self.guard_count == 1);
    CHECK(session_deinit(&self.session));
}

static void failing_gate_stays_open(void) {
    gated self;
    scopeflow_error last;
    begin(&self);
    CHECK(add_gate(&self, "g", bit(GUARD), "strict") == SCOPEFLOW_STATUS_OK);
    self.gate_answer = SCOPEFLOW_ANSWER_KIND_ERROR;
    call(&self);
    CHECK(self.guard_count == 1 && self.ended_with == SCOPEFLOW_STEP_KIND_RETURN);
    CHECK(scopeflow_runtime_last_error(self.session.runtime, 0, &last, NULL) ==
          SCOPEFLOW_STATUS_OK);
    CHECK(strstr(last.message, "'g' failed") != NULL);
    CHECK(session_deinit(&self.session));
}

static void cancellation_in_a_gate_passes(void) {
    gated self;
    begin(&self);
    CHECK(add_gate(&self, "g", bit(GUARD), "strict") == SCOPEFLOW_STATUS_OK);
    self.gate_answer = SCOPEFLOW_ANSWER_KIND_CANCEL;
    call(&self);
    CHECK(self.target_count == 0 && self.ended_with == SCOPEFLOW_STEP_KIND_RAISE);
    CHECK(session_deinit(&self.session));
}

static void what_cannot_be_gated_is_refused(void) {
    gated self;
    begin(&self);
    CHECK(add_gate(&self, "g", 0, "strict") == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(add_gate(&self, "g", bit(SCOPEFLOW_REGISTRY_SUBSCRIBER), "strict") ==
          SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(add_gate(&self, "g", bit(SCOPEFLOW_REGISTRY_CONDITIONAL_MIDDLEWARE_GUARDRAIL),
                   "strict") == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(add_gate(&self, "g", 1u << 30, "strict") == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    CHECK(add_gate(&self, "g", bit(GUARD), "strict") == SCOPEFLOW_STATUS_OK);
    CHECK(add_gate(&self, "g", bit(GUARD), "strict") == SCOPEFLOW_STATUS_ALREADY_EXISTS);
    uint32_t removed = 0;
    CHECK(scopeflow_deregister_conditional_middleware_guardrail(
              self.session.runtime, session_text("g"), &removed, NULL) == SCOPEFLOW_STATUS_OK);
    CHECK(removed == 1);
    CHECK(session_deinit(&self.session));
}

int main(void) {
    static const test tests[] = {
        {"a closed gate switches off for one call", closed_gate_switches_off},
        {"one gate for several registries", one_gate_for_several_registries},
        {"gates about others are not asked", gates_about_others_are_not_asked},
        {"a failing gate stays open", failing_gate_stays_open},
        {"a cancellation in a gate passes", cancellation_in_a_gate_passes},
        {"what cannot be gated is refused", what_cannot_be_gated_is_refused},
    };
    return RUN_TESTS(tests);
}
