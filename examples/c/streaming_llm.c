/* A model that answers in chunks: the consumer gets each at once, events get the whole answer. */
#include "driver.h"

static const char *const words[] = {"ALL", "OF", "THE", "WORDS"};
static size_t given_count, enough;
static char answer_json[32];

/* The producer, the consumer and the finalizer: in C the three of them are the program's own. */
static void complete(const scopeflow_step *step, scopeflow_answer *answer) {
    if (step->kind == SCOPEFLOW_STEP_KIND_EXECUTE) {
        given_count = 0;
        strcpy(answer_json, "\"");
        answer->value = (scopeflow_ref)words; /* Stands for the stream, which is to be opened. */
    } else if (step->kind == SCOPEFLOW_STEP_KIND_FINALIZE) {
        strcat(answer_json, "\"");
        answer->value = (scopeflow_ref)answer_json;
    } else if (given_count == sizeof words / sizeof *words) {
        answer->kind = SCOPEFLOW_ANSWER_KIND_VALUE; /* There are no more chunks. */
    } else if (given_count == enough) {
        answer->kind = SCOPEFLOW_ANSWER_KIND_CANCEL; /* The consumer leaves, the producer stops. */
    } else {
        if (given_count > 0) strcat(answer_json, " ");
        strcat(answer_json, words[given_count]);
        printf("%s\n", words[given_count++]);
        answer->kind = SCOPEFLOW_ANSWER_KIND_CHUNK;
    }
}

static void show(const scopeflow_step *step, scopeflow_answer *answer) {
    (void)answer;
    print_event("   ", step->event);
    if (describe(step->event).scope_category != SCOPEFLOW_SCOPE_CATEGORY_END) return;
    scopeflow_bytes const metadata = json_of(step->event, SCOPEFLOW_EVENT_PART_METADATA);
    int const is_ok = holds(metadata, "\"otel.status_code\":\"OK\"");
    printf("   %s %zu\n", is_ok ? "OK" : "ERROR", given_count);
}

static void ask(scopeflow_runtime *runtime, size_t chunk_count) {
    scopeflow_llm_stream_execute_options call = SCOPEFLOW_LLM_STREAM_EXECUTE_OPTIONS_INIT;
    scopeflow_task task;
    scopeflow_step step;
    enough = chunk_count;
    call.name = text("shouter");
    call.flags = SCOPEFLOW_CALL_FLAG_FINALIZER;
    call.request = (scopeflow_ref) "{\"headers\":{\"authorization\":\"Bearer secret\"},"
                                   "\"content\":{\"prompt\":\"all of the words\"}}";
    require(scopeflow_llm_stream_execute(runtime, &call, &task, &step, NULL));
    (void)drive(&task, step, complete);
}

int main(void) {
    scopeflow_runtime *const runtime = new_runtime();
    require(scopeflow_register_subscriber(runtime, text("show"), (scopeflow_ref)show, 0, NULL));
    ask(runtime, 10);
    ask(runtime, 2);
    scopeflow_runtime_free(runtime);
    return 0;
}
