/* Anthropic Messages: content in blocks, what the system says beside the messages. */
#include "codec/codec.h"

/* --- Requests --- */

static scopeflow__node *decode_blocks(const scopeflow__coding *self,
                                      const scopeflow__node *messages) {
    return scopeflow__each(self, messages, scopeflow__decode_message);
}
static scopeflow__node *encode_blocks(const scopeflow__coding *self,
                                      const scopeflow__node *messages,
                                      const scopeflow__node *original) {
    (void)original;
    return scopeflow__each(self, messages, scopeflow__encode_message);
}

/* One that runs at the application's has no type, or `custom`. */
static bool is_custom_tool(const scopeflow__node *tool) {
    const scopeflow__node *const type = scopeflow__at_key(tool, "type");
    return (type == NULL || scopeflow__node_says(type, SCOPEFLOW__TEXT("custom"))) &&
           scopeflow__at_key(tool, "name") != NULL && scopeflow__at_key(tool, "function") == NULL;
}

static scopeflow__node *decode_schema_tool(const scopeflow__coding *self,
                                           const scopeflow__node *tool) {
    static const char *const but[] = {"type", "name", "description", "input_schema", NULL};
    if (tool->kind != SCOPEFLOW_TOKEN_OBJECT) return scopeflow__as_it_is(self, tool);
    if (!is_custom_tool(tool))
        return scopeflow__wrap_native(self, tool, "type",
                                      scopeflow__node_string(scopeflow__at_key(tool, "type")));
    scopeflow__node *const made = scopeflow__object(self);
    scopeflow__node *const function = scopeflow__object(self);
    scopeflow__put_shared(self, function, "name", scopeflow__at_key(tool, "name"));
    scopeflow__put_shared(self, function, "description", scopeflow__at_key(tool, "description"));
    scopeflow__put_shared(self, function, "parameters", scopeflow__at_key(tool, "input_schema"));
    scopeflow__put_text(self, made, "type", "function");
    scopeflow__put(self, made, "function", function);
    scopeflow__put_others(self, made, tool, but);
    return made;
}

static scopeflow__node *encode_schema_tool(const scopeflow__coding *self,
                                           const scopeflow__node *tool) {
    static const char *const but[] = {"type", "function", NULL};
    static const char *const known[] = {"name", "description", "parameters", NULL};
    const scopeflow__node *const native = scopeflow__unwrap_native(self, tool, "type");
    const scopeflow__node *const function = scopeflow__at_key(tool, "function");
    if (native != NULL) return scopeflow__as_it_is(self, native);
    if (!scopeflow__node_is(function, SCOPEFLOW_TOKEN_OBJECT))
        return scopeflow__as_it_is(self, tool);
    scopeflow__node *const made = scopeflow__object(self);
    scopeflow__put_shared(self, made, "name", scopeflow__at_key(function, "name"));
    scopeflow__put_shared(self, made, "description", scopeflow__at_key(function, "description"));
    scopeflow__put_shared(self, made, "input_schema", scopeflow__at_key(function, "parameters"));
    scopeflow__put_others(self, made, tool, but);
    scopeflow__put_others(self, made, function, known);
    return made;
}

static scopeflow__node *decode_schema_tools(const scopeflow__coding *self,
                                            const scopeflow__node *tools) {
    return scopeflow__each(self, tools, decode_schema_tool);
}
static scopeflow__node *encode_schema_tools(const scopeflow__coding *self,
                                            const scopeflow__node *tools) {
    return scopeflow__each(self, tools, encode_schema_tool);
}

static const scopeflow__codec_rename typed_choices[] = {
    {{"auto", 4}, {"auto", 4}},
    {{"any", 3}, {"required", 8}},
    {{"none", 4}, {"none", 4}},
};
enum { CHOICE_COUNT = sizeof typed_choices / sizeof *typed_choices };

static scopeflow__node *decode_typed_choice(const scopeflow__coding *self,
                                            const scopeflow__node *choice) {
    static const char *const by_type[] = {"type", "disable_parallel_tool_use", NULL};
    static const char *const by_name[] = {"type", "name", "disable_parallel_tool_use", NULL};
    scopeflow_bytes const type = scopeflow__node_string(scopeflow__at_key(choice, "type"));
    scopeflow_bytes const name = scopeflow__renamed(typed_choices, CHOICE_COUNT, type);
    if (name.len > 0 && scopeflow__has_only(choice, by_type))
        return scopeflow__node_text(self->trees, name);
    if (!scopeflow__same_text(type, SCOPEFLOW__TEXT("tool")) ||
        !scopeflow__has_only(choice, by_name))
        return NULL;
    scopeflow__node *const made = scopeflow__object(self);
    scopeflow__node *const function = scopeflow__object(self);
    scopeflow__put_shared(self, function, "name", scopeflow__at_key(choice, "name"));
    scopeflow__put_text(self, made, "type", "function");
    scopeflow__put(self, made, "function", function);
    return made;
}

static scopeflow__node *encode_typed_choice(const scopeflow__coding *self,
                                            const scopeflow__node *choice) {
    scopeflow_bytes const said = scopeflow__node_string(choice);
    scopeflow_bytes const type = scopeflow__named(typed_choices, CHOICE_COUNT, said, false);
    const scopeflow__node *const function = scopeflow__at_key(choice, "function");
    if (type.len == 0 && function == NULL) return scopeflow__as_it_is(self, choice);
    scopeflow__node *const made = scopeflow__object(self);
    if (type.len > 0) {
        scopeflow__put(self, made, "type", scopeflow__node_text(self->trees, type));
        return made;
    }
    scopeflow__put_text(self, made, "type", "tool");
    scopeflow__put_shared(self, made, "name", scopeflow__at_key(function, "name"));
    return made;
}

/* --- Responses --- */

static bool is_block(const scopeflow__node *block, const char *type) {
    return scopeflow__node_says(scopeflow__at_key(block, "type"), scopeflow__c_text(type));
}

/* What a tool at the provider's does is no call for the application. */
static void put_block_call(const scopeflow__coding *self, const scopeflow__node *block,
                           scopeflow__node *calls) {
    if (!is_block(block, "tool_use")) return;
    scopeflow__node *const made = scopeflow__object(self);
    scopeflow__put_shared(self, made, "id", scopeflow__at_key(block, "id"));
    scopeflow__put_shared(self, made, "name", scopeflow__at_key(block, "name"));
    scopeflow__put_shared(self, made, "arguments", scopeflow__at_key(block, "input"));
    scopeflow__node_append(self->trees, calls, made);
}

static void put_content_blocks(const scopeflow__coding *self, const scopeflow__node *content,
                               scopeflow__node *annotated) {
    scopeflow__node *const parts = scopeflow__array(self);
    scopeflow__node *const calls = scopeflow__array(self);
    for (const scopeflow__node *block = content->first; block != NULL; block = block->next) {
        if (is_block(block, "text"))
            scopeflow__put_said(self, parts, "text", scopeflow__at_key(block, "text"));
        put_block_call(self, block, calls);
    }
    scopeflow__put_message(self, annotated, parts);
    if (calls->count > 0) scopeflow__put(self, annotated, "tool_calls", calls);
    scopeflow__put_shared(self, scopeflow__at_key(annotated, "api_specific"), "content_blocks",
                          content);
}

/* The input is told without what was read from the cache or written to it. */
static void put_messages_usage(const scopeflow__coding *self, const scopeflow__node *usage,
                               scopeflow__node *annotated) {
    const scopeflow__node *const written = scopeflow__at_key(usage, "cache_creation");
    const scopeflow__node *const said = scopeflow__at_key(usage, "output_tokens_details");
    if (!scopeflow__node_is(usage, SCOPEFLOW_TOKEN_OBJECT)) return;
    scopeflow__token_counts counts;
    memset(&counts, 0, sizeof counts);
    counts.input_uncached = scopeflow__tokens(usage, "input_tokens");
    counts.cache_read = scopeflow__tokens(usage, "cache_read_input_tokens");
    counts.has_cache_read = scopeflow__at_key(usage, "cache_read_input_tokens") != NULL;
    counts.has_cache_write = scopeflow__at_key(usage, "cache_creation_input_tokens") != NULL;
    counts.cache_write_5m = scopeflow__tokens(written, "ephemeral_5m_input_tokens");
    counts.cache_write_1h = scopeflow__tokens(written, "ephemeral_1h_input_tokens");
    counts.cache_write =
        scopeflow__tokens_less(scopeflow__tokens(usage, "cache_creation_input_tokens"),
                               counts.cache_write_5m + counts.cache_write_1h);
    counts.output_reasoning = scopeflow__tokens(said, "thinking_tokens");
    counts.output_text =
        scopeflow__tokens_less(scopeflow__tokens(usage, "output_tokens"), counts.output_reasoning);
    scopeflow__put_usage(self, annotated, &counts, usage);
}

static void decode_messages_response(const scopeflow__coding *self, const scopeflow__node *response,
                                     scopeflow__node *annotated) {
    const scopeflow__node *const content = scopeflow__at_key(response, "content");
    if (scopeflow__node_is(content, SCOPEFLOW_TOKEN_ARRAY))
        put_content_blocks(self, content, annotated);
    scopeflow__put_finish(self, annotated, scopeflow__at_key(response, "stop_reason"));
    put_messages_usage(self, scopeflow__at_key(response, "usage"), annotated);
}

const scopeflow__provider scopeflow__anthropic_messages = {
    decode_blocks,
    scopeflow__as_it_is,
    decode_schema_tools,
    decode_typed_choice,
    encode_blocks,
    scopeflow__as_it_is,
    encode_schema_tools,
    encode_typed_choice,
    decode_messages_response,
    false,
    NULL,
};
