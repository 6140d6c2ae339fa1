/* Responses' events: snapshots of the whole, and items that grow. The last snapshot has them all;
 * what has grown counts where the stream ends before it. */
#include "codec/chunks.h"

/* What a delta appends to: the member of the item, or of an element of one of its lists. */
typedef struct growing_member {
    const char *type;
    const char *list;
    const char *index;
    const char *member;
} growing_member;

static const growing_member growing[] = {
    {"response.output_text.delta", "content", "content_index", "text"},
    {"response.refusal.delta", "content", "content_index", "refusal"},
    {"response.reasoning_text.delta", "content", "content_index", "text"},
    {"response.reasoning_summary_text.delta", "summary", "summary_index", "text"},
    {"response.function_call_arguments.delta", NULL, NULL, "arguments"},
    {"response.custom_tool_call_input.delta", NULL, NULL, "input"},
    {"response.mcp_call_arguments.delta", NULL, NULL, "arguments"},
    {"response.code_interpreter_call_code.delta", NULL, NULL, "code"},
};

static bool is_event(const scopeflow__node *event, const char *type) {
    return scopeflow__node_says(scopeflow__chunk_part(event, "type"), scopeflow__c_text(type));
}

static scopeflow__node *item_at(scopeflow__gathering *self, const scopeflow__node *event) {
    return scopeflow__gather_element(self, self->items,
                                     scopeflow__chunk_part(event, "output_index"));
}

static scopeflow__node *element_at(scopeflow__gathering *self, const scopeflow__node *event,
                                   const char *list, const char *index) {
    scopeflow__node *const rows =
        scopeflow__gather_member(self, item_at(self, event), list, SCOPEFLOW_TOKEN_ARRAY);
    return scopeflow__gather_element(self, rows, scopeflow__chunk_part(event, index));
}

static void gather_growth(scopeflow__gathering *self, const scopeflow__node *event) {
    for (size_t i = 0; i < sizeof growing / sizeof *growing; i++) {
        if (!is_event(event, growing[i].type)) continue;
        scopeflow__node *const owner =
            growing[i].list == NULL ? item_at(self, event)
                                    : element_at(self, event, growing[i].list, growing[i].index);
        if (owner->kind == SCOPEFLOW_TOKEN_OBJECT)
            scopeflow__gather_text(self, owner, scopeflow__c_text(growing[i].member),
                                   scopeflow__chunk_part(event, "delta"));
    }
}

static void gather_whole_part(scopeflow__gathering *self, const scopeflow__node *event) {
    const scopeflow__node *const part = scopeflow__chunk_part(event, "part");
    const scopeflow__node *const item = scopeflow__chunk_part(event, "item");
    if (is_event(event, "response.output_item.added") ||
        is_event(event, "response.output_item.done")) {
        if (item != NULL) scopeflow__gather_over(self, item_at(self, event), item);
    } else if (is_event(event, "response.content_part.added") ||
               is_event(event, "response.content_part.done")) {
        if (part != NULL)
            scopeflow__gather_over(self, element_at(self, event, "content", "content_index"), part);
    } else if (is_event(event, "response.reasoning_summary_part.added") ||
               is_event(event, "response.reasoning_summary_part.done")) {
        if (part != NULL)
            scopeflow__gather_over(self, element_at(self, event, "summary", "summary_index"), part);
    }
}

static void gather_annotation(scopeflow__gathering *self, const scopeflow__node *event) {
    const scopeflow__node *const annotation = scopeflow__chunk_part(event, "annotation");
    if (!is_event(event, "response.output_text.annotation.added") || annotation == NULL) return;
    scopeflow__node *const part = element_at(self, event, "content", "content_index");
    if (part->kind != SCOPEFLOW_TOKEN_OBJECT) return;
    scopeflow__node_append(
        self->kept, scopeflow__gather_member(self, part, "annotations", SCOPEFLOW_TOKEN_ARRAY),
        scopeflow__node_copy(self->kept, annotation));
}

void scopeflow__gather_responses(scopeflow__gathering *self, const scopeflow__node *chunk) {
    static const char *const but[] = {"type", "sequence_number", NULL};
    const scopeflow__node *const whole = scopeflow__chunk_part(chunk, "response");
    if (scopeflow__node_is(whole, SCOPEFLOW_TOKEN_OBJECT)) {
        scopeflow__gather_over(self, self->response, whole);
        return;
    }
    if (is_event(chunk, "error")) {
        scopeflow__node *const error =
            scopeflow__gather_member(self, self->response, "error", SCOPEFLOW_TOKEN_OBJECT);
        scopeflow__gather_all(self, error, chunk, but);
        return;
    }
    gather_growth(self, chunk);
    gather_whole_part(self, chunk);
    gather_annotation(self, chunk);
}

void scopeflow__finish_responses(scopeflow__gathering *self) {
    const scopeflow__node *const output = scopeflow__chunk_part(self->response, "output");
    bool const has_output = scopeflow__node_is(output, SCOPEFLOW_TOKEN_ARRAY) && output->count > 0;
    if (has_output || self->items->count == 0) return;
    scopeflow__node_set(self->kept, self->response, SCOPEFLOW__TEXT("output"),
                        scopeflow__node_share(self->kept, self->items));
}
