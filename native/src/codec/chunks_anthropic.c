/* Anthropic's events: a message, its blocks one after the other, and how it ends. */
#include "codec/chunks.h"

static bool is_type(const scopeflow__node *object, const char *type) {
    return scopeflow__node_says(scopeflow__chunk_part(object, "type"), scopeflow__c_text(type));
}

static scopeflow__node *block_at(scopeflow__gathering *self, const scopeflow__node *event) {
    scopeflow__node *const content =
        scopeflow__gather_member(self, self->response, "content", SCOPEFLOW_TOKEN_ARRAY);
    return scopeflow__gather_element(self, content, scopeflow__chunk_part(event, "index"));
}

static void gather_extra(scopeflow__gathering *self, scopeflow__node *block,
                         const scopeflow__node *delta) {
    for (const scopeflow__node *child = delta->first; child != NULL; child = child->next)
        if (!scopeflow__same_text(child->key, SCOPEFLOW__TEXT("type"))) {
            if (child->kind == SCOPEFLOW_TOKEN_STRING)
                scopeflow__gather_text(self, block, child->key, child);
            else
                scopeflow__gather_set(self, block, child->key, child);
        }
}

/* A tool's input comes as pieces of JSON, which are read at the end. They wait in the block, under
 * the name that they have in the stream. */
static void gather_block_delta(scopeflow__gathering *self, const scopeflow__node *event) {
    const scopeflow__node *const delta = scopeflow__chunk_part(event, "delta");
    const scopeflow__node *const citation = scopeflow__chunk_part(delta, "citation");
    if (!scopeflow__node_is(delta, SCOPEFLOW_TOKEN_OBJECT)) return;
    scopeflow__node *const block = block_at(self, event);
    if (!scopeflow__node_is(block, SCOPEFLOW_TOKEN_OBJECT)) return;
    if (is_type(delta, "citations_delta") && citation != NULL)
        scopeflow__node_append(
            self->kept, scopeflow__gather_member(self, block, "citations", SCOPEFLOW_TOKEN_ARRAY),
            scopeflow__node_copy(self->kept, citation));
    else
        gather_extra(self, block, delta);
}

static void gather_message_delta(scopeflow__gathering *self, const scopeflow__node *event) {
    static const char *const none[] = {NULL};
    static const char *const but[] = {"type", "delta", "usage", NULL};
    const scopeflow__node *const usage = scopeflow__chunk_part(event, "usage");
    scopeflow__gather_all(self, self->response, scopeflow__chunk_part(event, "delta"), none);
    scopeflow__gather_all(self, self->response, event, but);
    /* It counts on from the beginning, and leaves out what it does not tell anew. */
    if (scopeflow__node_is(usage, SCOPEFLOW_TOKEN_OBJECT))
        scopeflow__gather_all(
            self, scopeflow__gather_member(self, self->response, "usage", SCOPEFLOW_TOKEN_OBJECT),
            usage, none);
}

void scopeflow__gather_anthropic(scopeflow__gathering *self, const scopeflow__node *chunk) {
    static const char *const none[] = {NULL};
    const scopeflow__node *const block = scopeflow__chunk_part(chunk, "content_block");
    const scopeflow__node *const error = scopeflow__chunk_part(chunk, "error");
    if (is_type(chunk, "message_start"))
        scopeflow__gather_all(self, self->response, scopeflow__chunk_part(chunk, "message"), none);
    else if (is_type(chunk, "content_block_start") &&
             scopeflow__node_is(block, SCOPEFLOW_TOKEN_OBJECT))
        scopeflow__gather_over(self, block_at(self, chunk), block);
    else if (is_type(chunk, "content_block_delta"))
        gather_block_delta(self, chunk);
    else if (is_type(chunk, "message_delta"))
        gather_message_delta(self, chunk);
    else if (is_type(chunk, "error") && error != NULL)
        scopeflow__gather_set(self, self->response, SCOPEFLOW__TEXT("error"), error);
}

/* The block with its input in place of the pieces; pieces that are no JSON stay a text. */
static void finish_block(scopeflow__gathering *self, scopeflow__node *block) {
    const scopeflow__node *const pieces = scopeflow__chunk_part(block, "partial_json");
    if (!scopeflow__node_is(pieces, SCOPEFLOW_TOKEN_STRING)) return;
    scopeflow__node *const made = scopeflow__node_new(self->kept, SCOPEFLOW_TOKEN_OBJECT);
    scopeflow__node *const input = scopeflow__node_parse(self->kept, pieces->text);
    for (const scopeflow__node *child = block->first; child != NULL; child = child->next)
        if (child != pieces) scopeflow__node_add_shared(self->kept, made, child->key, child);
    if (pieces->text.len > 0)
        scopeflow__node_set(self->kept, made, SCOPEFLOW__TEXT("input"),
                            input != NULL ? input : scopeflow__node_share(self->kept, pieces));
    if (self->kept->failed) return;
    made->next = block->next;
    *block = *made;
}

void scopeflow__finish_anthropic(scopeflow__gathering *self) {
    const scopeflow__node *const content = scopeflow__chunk_part(self->response, "content");
    if (!scopeflow__node_is(content, SCOPEFLOW_TOKEN_ARRAY)) return;
    for (scopeflow__node *block = content->first; block != NULL; block = block->next)
        finish_block(self, block);
}
