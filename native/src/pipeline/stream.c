/* A stream of chunks between the start and the end of a call (S4.7). The host pulls the chunks; the
 * core counts them. */
#include "pipeline/task.h"
#include "scope/log.h"

static void emit_chunk(scopeflow__task *self) {
    scopeflow__set *const listeners = scopeflow__listeners_of(self->scope);
    if (listeners == NULL) return;
    scopeflow_event *const mark = scopeflow__event_new_mark(
        self->scope, SCOPEFLOW__TEXT("llm.chunk"), SCOPEFLOW__TEXT(""), SCOPEFLOW_TIMESTAMP_NONE);
    if (mark != NULL) {
        mark->type = SCOPEFLOW_SCOPE_TYPE_LLM;
        mark->data_source = SCOPEFLOW__DATA_NUMBER;
        mark->number = self->scope->stream->chunk_count;
    }
    scopeflow__task_emit(self, mark, listeners);
}

/* None if the clock went back, and no more than an event's numbers can say, since the start's time
 * may be any that the host gave. */
static uint64_t gap_between(int64_t earlier_ns, int64_t later_ns) {
    if (later_ns <= earlier_ns) return 0;
    uint64_t const gap_ns = (uint64_t)later_ns - (uint64_t)earlier_ns;
    return gap_ns < (uint64_t)INT64_MAX ? gap_ns : (uint64_t)INT64_MAX;
}

/* One clock read a chunk, whether or not anybody listens (S2.3). */
static void count_chunk(scopeflow__task *self) {
    int64_t const now_ns = scopeflow__runtime_clock(self->runtime);
    scopeflow__stream_count(self->scope->stream, gap_between(self->last_chunk_ns, now_ns));
    self->last_chunk_ns = now_ns;
    if (self->wants_chunk_marks && scopeflow__scope_is_open(self->scope)) emit_chunk(self);
}

/* A consumer that stops early cancels without an error, and nothing is raised. */
static scopeflow_step_kind final_step(const scopeflow_answer *answer) {
    bool const is_error = answer->kind == SCOPEFLOW_ANSWER_KIND_ERROR ||
                          (answer->kind == SCOPEFLOW_ANSWER_KIND_CANCEL && answer->value != 0);
    return is_error ? SCOPEFLOW_STEP_KIND_RAISE : SCOPEFLOW_STEP_KIND_RETURN;
}

/* The outcome is known now; the finalizer says what came out. */
static void end_stream(scopeflow__task *self, const scopeflow_answer *answer) {
    bool const is_value = answer->kind == SCOPEFLOW_ANSWER_KIND_VALUE;
    if (is_value) scopeflow__runtime_release_ref(self->runtime, answer->value);
    self->value = is_value ? 0 : answer->value;
    self->ending = (uint8_t)(answer->kind + 1);
    self->final_status = answer->status;
    self->final_step = (uint8_t)final_step(answer);
    self->phase = SCOPEFLOW__PHASE_FINALIZE;
    if (scopeflow__scope_is_open(self->scope))
        self->ended_at_ns = scopeflow__runtime_clock(self->runtime);
}

void scopeflow__stream_answered(scopeflow__task *self, const scopeflow_answer *answer) {
    if (answer->kind == SCOPEFLOW_ANSWER_KIND_CHUNK) {
        scopeflow__runtime_release_ref(self->runtime, answer->value);
        count_chunk(self);
        return;
    }
    end_stream(self, answer);
}

/* S5.2: an exit or cancellation that came with a chunk's mark ends the stream. */
static void cancel_stream(scopeflow__task *self) {
    scopeflow_answer answer;
    memset(&answer, 0, sizeof answer);
    answer.kind = SCOPEFLOW_ANSWER_KIND_CANCEL;
    answer.value = self->held;
    self->has_held = false;
    scopeflow__runtime_release_ref(self->runtime, self->value);
    end_stream(self, &answer);
}

bool scopeflow__stream_go_on(scopeflow__task *self, scopeflow_step *step) {
    if (self->has_held) {
        cancel_stream(self);
        return false;
    }
    scopeflow__task_fill(self, step, SCOPEFLOW_STEP_KIND_STREAM, NULL);
    step->value = self->value; /* With the first of these steps only. */
    self->value = 0;
    self->pending = SCOPEFLOW__PENDING_STREAM;
    return true;
}

/* An observer's loss, never the consumer's. */
static void note_failure(scopeflow__task *self, scopeflow_ref error) {
    scopeflow__log_failure(self->runtime, SCOPEFLOW_LOG_LEVEL_ERROR,
                           SCOPEFLOW__TEXT("the finalizer of"), scopeflow__scope_name(self->scope),
                           error);
    scopeflow__runtime_release_ref(self->runtime, error);
}

static void emit_end(scopeflow__task *self) {
    scopeflow_answer end;
    memset(&end, 0, sizeof end);
    end.kind = self->ending - 1;
    end.status = self->final_status;
    end.value = self->value;
    self->final_status = SCOPEFLOW_STATUS_OK;
    self->phase = SCOPEFLOW__PHASE_FINISH;
    scopeflow__call_end(self, &end, self->ended_at_ns);
}

bool scopeflow__stream_finalize(scopeflow__task *self, scopeflow_step *step) {
    if (!self->has_finalizer) {
        emit_end(self);
        return false;
    }
    scopeflow__task_fill(self, step, SCOPEFLOW_STEP_KIND_FINALIZE, NULL);
    self->pending = SCOPEFLOW__PENDING_FINALIZE;
    return true;
}

void scopeflow__stream_finalized(scopeflow__task *self, const scopeflow_answer *answer) {
    bool const is_value = answer->kind == SCOPEFLOW_ANSWER_KIND_VALUE;
    self->output = is_value ? answer->value : 0;
    self->output_is_void = self->output == 0;
    self->finalizer_failed = answer->kind == SCOPEFLOW_ANSWER_KIND_ERROR;
    if (self->finalizer_failed) note_failure(self, answer->value);
    if (answer->kind == SCOPEFLOW_ANSWER_KIND_CANCEL) scopeflow__task_hold(self, answer->value);
    emit_end(self);
}
