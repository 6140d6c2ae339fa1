/* Any bytes as a propagated context (S1.10, S7.4): what is adopted says where it came from, comes
 * back the same from its own texts, and what is refused leaves nothing behind. */
#include "host.h"

#include "json/parse.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_json(scopeflow_bytes text) {
    scopeflow__memory const memory = scopeflow__memory_default();
    scopeflow_tape tape;
    scopeflow__tape_init(&tape, &memory, SIZE_MAX);
    bool const is_parsed = scopeflow__json_parse(&tape, text);
    scopeflow__tape_deinit(&tape);
    return is_parsed;
}

static bool is_hexadecimal(scopeflow_bytes text) {
    return text.len > 0 && ((text.ptr[0] >= '0' && text.ptr[0] <= '9') ||
                            (text.ptr[0] >= 'a' && text.ptr[0] <= 'f'));
}

static void check_refusal(scopeflow_bytes text, scopeflow_status status,
                          const scopeflow_error *error) {
    MUST(error->status == status && error->message_len_bytes > 10);
    if (text.len > 4096) {
        MUST(status == SCOPEFLOW_STATUS_LIMIT_EXCEEDED);
    } else if (is_hexadecimal(text) || is_json(text)) {
        MUST(status == SCOPEFLOW_STATUS_INVALID_ARGUMENT);
    } else {
        MUST(status == SCOPEFLOW_STATUS_INVALID_JSON || status == SCOPEFLOW_STATUS_INVALID_UTF8);
    }
}

static bool same_ids(const scopeflow_propagation *a, const scopeflow_propagation *b, size_t from) {
    return memcmp(&a->root_uuid, &b->root_uuid, sizeof a->root_uuid) == 0 &&
           memcmp(a->parent_uuid.bytes + from, b->parent_uuid.bytes + from, 16 - from) == 0;
}

/* The context that goes on under a text, in its portable form. */
static scopeflow_status read_back(scopeflow_runtime *runtime, scopeflow_bytes text,
                                  scopeflow_propagation *out, scopeflow_error *error) {
    scopeflow_scope *scope = NULL;
    scopeflow_status const status = scopeflow_propagation_adopt(runtime, text, &scope, error);
    MUST((status == SCOPEFLOW_STATUS_OK) == (scope != NULL));
    if (status != SCOPEFLOW_STATUS_OK) return status;
    MUST(scopeflow_propagation_capture(runtime, scope, out, NULL) == SCOPEFLOW_STATUS_OK);
    scopeflow_scope_release(scope);
    return status;
}

static void check_adopted(scopeflow_runtime *runtime, const scopeflow_propagation *first) {
    scopeflow_bytes const json = scopeflow__c_text(first->json);
    scopeflow_bytes const traceparent = scopeflow__c_text(first->traceparent);
    scopeflow_propagation again;
    MUST(is_json(json));
    MUST(read_back(runtime, json, &again, NULL) == SCOPEFLOW_STATUS_OK);
    MUST(same_ids(first, &again, 0) && scopeflow__same_text(json, scopeflow__c_text(again.json)));
    if (traceparent.len == 0) return; /* The id of the span would be all zeros. */
    MUST(read_back(runtime, traceparent, &again, NULL) == SCOPEFLOW_STATUS_OK);
    MUST(same_ids(first, &again, 8));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    scopeflow_bytes const text = scopeflow__text((const char *)data, size);
    scopeflow_runtime_new_options options = SCOPEFLOW_RUNTIME_NEW_OPTIONS_INIT;
    scopeflow_runtime *runtime = NULL;
    scopeflow_propagation first;
    scopeflow_error error;
    host h;
    host_init(&h);
    options.flags = SCOPEFLOW_RUNTIME_FLAG_DETERMINISTIC;
    MUST(scopeflow_runtime_new(&h.table, &options, &runtime, NULL) == SCOPEFLOW_STATUS_OK);
    size_t const block_count = h.block_count;
    scopeflow_status const status = read_back(runtime, text, &first, &error);
    if (status == SCOPEFLOW_STATUS_OK)
        check_adopted(runtime, &first);
    else
        check_refusal(text, status, &error);
    MUST(h.block_count == block_count);
    scopeflow_runtime_free(runtime);
    MUST(h.block_count == 0);
    return 0;
}
