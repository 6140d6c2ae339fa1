/* OpenAI Responses: a row of items, of which messages are one kind. */
#include "codec/codec.h"

/* --- Requests --- */

/* Items that are messages of a role of their own in the common form. */
static const scopeflow__codec_rename item_roles[] = {
    {{"function_call", 13}, {"tool_call", 9}},
    {{"function_call_output", 20}, {"tool_result", 11}},
};
enum { ITEM_ROLE_COUNT = sizeof item_roles / sizeof *item_roles };

static scopeflow__node *with_other_tag(const scopeflow__coding *self, const scopeflow__node *object,
                                       const char *old_tag, const char *tag, scopeflow_bytes name) {
    scopeflow__node *const made = scopeflow__object(self);
    const char *const but[] = {old_tag, NULL};
    scopeflow__put(self, made, tag, scopeflow__node_text(self->trees, name));
    scopeflow__put_others(self, made, object, but);
    return made;
}

static scopeflow__node *decode_item(const scopeflow__coding *self, const scopeflow__node *item) {
    const scopeflow__node *const type = scopeflow__at_key(item, "type");
    if (!scopeflow__node_is(type, SCOPEFLOW_TOKEN_STRING) ||
        scopeflow__node_says(type, SCOPEFLOW__TEXT("message")))
        return scopeflow__decode_message(self, item);
    scopeflow_bytes const role = scopeflow__renamed(item_roles, ITEM_ROLE_COUNT, type->text);
    if (role.len == 0 || scopeflow__at_key(item, "role") != NULL)
        return scopeflow__wrap_native(self, item, "role", type->text);
    return with_other_tag(self, item, "type", "role", role);
}

static scopeflow__node *encode_item(const scopeflow__coding *self, const scopeflow__node *item) {
    const scopeflow__node *const native = scopeflow__unwrap_native(self, item, "role");
    if (native != NULL) return scopeflow__as_it_is(self, native);
    scopeflow_bytes const role = scopeflow__node_string(scopeflow__at_key(item, "role"));
    scopeflow_bytes const type = scopeflow__named(item_roles, ITEM_ROLE_COUNT, role, false);
    if (type.len == 0) return scopeflow__encode_message(self, item);
    return with_other_tag(self, item, "role", "type", type);
}

/* A text alone is what the user says. */
static scopeflow__node *decode_input(const scopeflow__coding *self, const scopeflow__node *input) {
    if (input->kind != SCOPEFLOW_TOKEN_STRING) return scopeflow__each(self, input, decode_item);
    scopeflow__node *const messages = scopeflow__array(self);
    scopeflow__node *const message = scopeflow__object(self);
    scopeflow__put_text(self, message, "role", "user");
    scopeflow__put_shared(self, message, "content", input);
    scopeflow__node_append(self->trees, messages, message);
    return messages;
}

static bool is_text_of_user(const scopeflow__node *messages) {
    static const char *const known[] = {"role", "content", NULL};
    if (messages->kind != SCOPEFLOW_TOKEN_ARRAY || messages->count != 1) return false;
    const scopeflow__node *const message = messages->first;
    return scopeflow__has_only(message, known) &&
           scopeflow__node_says(scopeflow__at_key(message, "role"), SCOPEFLOW__TEXT("user")) &&
           scopeflow__node_is(scopeflow__at_key(message, "content"), SCOPEFLOW_TOKEN_STRING);
}

static scopeflow__node *encode_input(const scopeflow__coding *self, const scopeflow__node *messages,
                                     const scopeflow__node *original) {
    if (scopeflow__node_is(original, SCOPEFLOW_TOKEN_STRING) && is_text_of_user(messages))
        return scopeflow__as_it_is(self, scopeflow__at_key(messages->first, "content"));
    return scopeflow__each(self, messages, encode_item);
}

/* --- Tools: what chat has in `function` stands beside the type --- */

static scopeflow__node *decode_flat_tool(const scopeflow__coding *self,
                                         const scopeflow__node *tool) {
    static const char *const but[] = {"type", NULL};
    const scopeflow__node *const type = scopeflow__at_key(tool, "type");
    if (!scopeflow__node_is(type, SCOPEFLOW_TOKEN_STRING)) return scopeflow__as_it_is(self, tool);
    if (!scopeflow__node_says(type, SCOPEFLOW__TEXT("function")))
        return scopeflow__wrap_native(self, tool, "type", type->text);
    scopeflow__node *const made = scopeflow__object(self);
    scopeflow__node *const function = scopeflow__object(self);
    scopeflow__put_others(self, function, tool, but);
    scopeflow__put_shared(self, made, "type", type);
    scopeflow__put(self, made, "function", function);
    return made;
}

static scopeflow__node *encode_flat_tool(const scopeflow__coding *self,
                                         const scopeflow__node *tool) {
    static const char *const none[] = {NULL};
    static const char *const but[] = {"function", NULL};
    const scopeflow__node *const native = scopeflow__unwrap_native(self, tool, "type");
    const scopeflow__node *const function = scopeflow__at_key(tool, "function");
    if (native != NULL) return scopeflow__as_it_is(self, native);
    if (!scopeflow__node_is(function, SCOPEFLOW_TOKEN_OBJECT))
        return scopeflow__as_it_is(self, tool);
    scopeflow__node *const made = scopeflow__object(self);
    scopeflow__put_others(self, made, tool, but);
    scopeflow__put_others(self, made, function, none);
    return made;
}

static scopeflow__node *decode_flat_tools(const scopeflow__coding *self,
                                          const scopeflow__node *tools) {
    return scopeflow__each(self, tools, decode_flat_tool);
}
static scopeflow__node *encode_flat_tools(const scopeflow__coding *self,
                                          const scopeflow__node *tools) {
    return scopeflow__each(self, tools, encode_flat_tool);
}

static scopeflow__node *decode_flat_choice(const scopeflow__coding *self,
                                           const scopeflow__node *choice) {
    bool const is_function =
        scopeflow__node_says(scopeflow__at_key(choice, "type"), SCOPEFLOW__TEXT("function"));
    return is_function ? decode_flat_tool(self, choice) : scopeflow__as_it_is(self, choice);
}

/* --- Responses --- */

static bool is_item(const scopeflow__node *item, const char *type) {
    return scopeflow__node_says(scopeflow__at_key(item, "type"), scopeflow__c_text(type));
}

static void put_item_call(const scopeflow__coding *self, const scopeflow__node *item,
                          scopeflow__node *calls) {
    bool const is_custom = is_item(item, "custom_tool_call");
    if (!is_custom && !is_item(item, "function_call")) return;
    scopeflow__node *const made = scopeflow__object(self);
    scopeflow__put_shared(self, made, "id", scopeflow__at_key(item, "call_id"));
    scopeflow__put_shared(self, made, "name", scopeflow__at_key(item, "name"));
    if (is_custom)
        scopeflow__put_shared(self, made, "arguments", scopeflow__at_key(item, "input"));
    else
        scopeflow__put(self, made, "arguments",
                       scopeflow__decode_arguments(self, scopeflow__at_key(item, "arguments")));
    scopeflow__node_append(self->trees, calls, made);
}

static void put_item_parts(const scopeflow__coding *self, const scopeflow__node *item,
                           scopeflow__node *parts) {
    const scopeflow__node *const content = scopeflow__at_key(item, "content");
    if (!is_item(item, "message") || !scopeflow__node_is(content, SCOPEFLOW_TOKEN_ARRAY)) return;
    for (const scopeflow__node *part = content->first; part != NULL; part = part->next)
        if (is_item(part, "output_text"))
            scopeflow__put_said(self, parts, "text", scopeflow__at_key(part, "text"));
    for (const scopeflow__node *part = content->first; part != NULL; part = part->next)
        if (is_item(part, "refusal"))
            scopeflow__put_said(self, parts, "refusal", scopeflow__at_key(part, "refusal"));
}

static scopeflow__node *finish_of_status(const scopeflow__coding *self,
                                         const scopeflow__node *response) {
    const scopeflow__node *const status = scopeflow__at_key(response, "status");
    const scopeflow__node *const reason =
        scopeflow__at_key(scopeflow__at_key(response, "incomplete_details"), "reason");
    bool const is_cut = scopeflow__node_says(status, SCOPEFLOW__TEXT("incomplete"));
    const scopeflow__node *const told =
        is_cut && scopeflow__node_is(reason, SCOPEFLOW_TOKEN_STRING) ? reason : status;
    return told == NULL ? NULL : scopeflow__as_it_is(self, told);
}

static void put_output_items(const scopeflow__coding *self, const scopeflow__node *output,
                             scopeflow__node *annotated) {
    scopeflow__node *const parts = scopeflow__array(self);
    scopeflow__node *const calls = scopeflow__array(self);
    for (const scopeflow__node *item = output->first; item != NULL; item = item->next) {
        put_item_parts(self, item, parts);
        put_item_call(self, item, calls);
    }
    scopeflow__put_message(self, annotated, parts);
    if (calls->count > 0) scopeflow__put(self, annotated, "tool_calls", calls);
    scopeflow__put_shared(self, scopeflow__at_key(annotated, "api_specific"), "output_items",
                          output);
}

static void decode_responses_response(const scopeflow__coding *self,
                                      const scopeflow__node *response, scopeflow__node *annotated) {
    const scopeflow__node *const output = scopeflow__at_key(response, "output");
    const scopeflow__node *const usage = scopeflow__at_key(response, "usage");
    scopeflow__node *const own = scopeflow__at_key(annotated, "api_specific");
    if (scopeflow__node_is(output, SCOPEFLOW_TOKEN_ARRAY))
        put_output_items(self, output, annotated);
    scopeflow__put_finish(self, annotated, finish_of_status(self, response));
    scopeflow__put_shared(self, own, "input_tokens_details",
                          scopeflow__at_key(usage, "input_tokens_details"));
    scopeflow__put_shared(self, own, "output_tokens_details",
                          scopeflow__at_key(usage, "output_tokens_details"));
    static const scopeflow__usage_keys keys = {
        "input_tokens",
        "input_tokens_details",
        "output_tokens",
        "output_tokens_details",
    };
    scopeflow__put_openai_usage(self, annotated, usage, &keys);
}

const scopeflow__provider scopeflow__openai_responses = {
    decode_input,
    scopeflow__as_it_is,
    decode_flat_tools,
    decode_flat_choice,
    encode_input,
    scopeflow__as_it_is,
    encode_flat_tools,
    encode_flat_tool,
    decode_responses_response,
    false,
    NULL,
};
