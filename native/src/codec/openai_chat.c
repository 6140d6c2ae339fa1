/* OpenAI Chat Completions, on which the common form is modelled: messages and tools stand in it as
 * they are, but for what it has no place for. */
#include "codec/codec.h"

/* --- Requests --- */

static scopeflow__node *decode_chat_messages(const scopeflow__coding *self,
                                             const scopeflow__node *messages) {
    return scopeflow__each(self, messages, scopeflow__decode_message);
}

static scopeflow__node *encode_chat_messages(const scopeflow__coding *self,
                                             const scopeflow__node *messages,
                                             const scopeflow__node *original) {
    (void)original;
    return scopeflow__each(self, messages, scopeflow__encode_message);
}

static scopeflow__node *decode_chat_tool(const scopeflow__coding *self,
                                         const scopeflow__node *tool) {
    const scopeflow__node *const type = scopeflow__at_key(tool, "type");
    if (!scopeflow__node_is(type, SCOPEFLOW_TOKEN_STRING) ||
        scopeflow__node_says(type, SCOPEFLOW__TEXT("function")))
        return scopeflow__as_it_is(self, tool);
    return scopeflow__wrap_native(self, tool, "type", type->text);
}

static scopeflow__node *encode_chat_tool(const scopeflow__coding *self,
                                         const scopeflow__node *tool) {
    const scopeflow__node *const native = scopeflow__unwrap_native(self, tool, "type");
    return scopeflow__as_it_is(self, native != NULL ? native : tool);
}

static scopeflow__node *decode_chat_tools(const scopeflow__coding *self,
                                          const scopeflow__node *tools) {
    return scopeflow__each(self, tools, decode_chat_tool);
}
static scopeflow__node *encode_chat_tools(const scopeflow__coding *self,
                                          const scopeflow__node *tools) {
    return scopeflow__each(self, tools, encode_chat_tool);
}

/* --- Responses --- */

/* A legacy call has no id, and a custom tool's input is any text. */
static scopeflow__node *decode_chat_call(const scopeflow__coding *self,
                                         const scopeflow__node *call) {
    const scopeflow__node *const custom = scopeflow__at_key(call, "custom");
    const scopeflow__node *const function =
        custom != NULL ? custom : scopeflow__at_key(call, "function");
    const scopeflow__node *const name = scopeflow__at_key(function, "name");
    if (name == NULL) return NULL;
    scopeflow__node *const made = scopeflow__object(self);
    scopeflow__put_shared(self, made, "id", scopeflow__at_key(call, "id"));
    scopeflow__put_shared(self, made, "name", name);
    if (custom != NULL)
        scopeflow__put_shared(self, made, "arguments", scopeflow__at_key(custom, "input"));
    else
        scopeflow__put(self, made, "arguments",
                       scopeflow__decode_arguments(self, scopeflow__at_key(function, "arguments")));
    return made;
}

static void put_chat_calls(const scopeflow__coding *self, const scopeflow__node *message,
                           scopeflow__node *annotated) {
    scopeflow__node *const calls = scopeflow__array(self);
    const scopeflow__node *const listed = scopeflow__at_key(message, "tool_calls");
    const scopeflow__node *call =
        scopeflow__node_is(listed, SCOPEFLOW_TOKEN_ARRAY) ? listed->first : NULL;
    for (; call != NULL; call = call->next) {
        scopeflow__node *const made = decode_chat_call(self, call);
        if (made != NULL) scopeflow__node_append(self->trees, calls, made);
    }
    const scopeflow__node *const legacy = scopeflow__at_key(message, "function_call");
    if (scopeflow__node_is(legacy, SCOPEFLOW_TOKEN_OBJECT)) {
        scopeflow__node *const wrapped = scopeflow__object(self);
        scopeflow__put_shared(self, wrapped, "function", legacy);
        scopeflow__node *const made = decode_chat_call(self, wrapped);
        if (made != NULL) scopeflow__node_append(self->trees, calls, made);
    }
    if (calls->count > 0) scopeflow__put(self, annotated, "tool_calls", calls);
}

/* A refusal is a part of what it says. */
static void put_chat_text(const scopeflow__coding *self, const scopeflow__node *message,
                          scopeflow__node *annotated) {
    const scopeflow__node *const content = scopeflow__at_key(message, "content");
    const scopeflow__node *const refusal = scopeflow__at_key(message, "refusal");
    if (!scopeflow__node_is(refusal, SCOPEFLOW_TOKEN_STRING)) {
        if (!scopeflow__node_is(content, SCOPEFLOW_TOKEN_NULL))
            scopeflow__put_shared(self, annotated, "message", content);
        return;
    }
    scopeflow__node *const parts = scopeflow__array(self);
    if (scopeflow__node_is(content, SCOPEFLOW_TOKEN_STRING))
        scopeflow__put_said(self, parts, "text", content);
    scopeflow__put_said(self, parts, "refusal", refusal);
    scopeflow__put(self, annotated, "message", parts);
}

static void put_chat_own(const scopeflow__coding *self, const scopeflow__node *response,
                         const scopeflow__node *choice, scopeflow__node *annotated) {
    static const char *const known[] = {"role", "content", "tool_calls", NULL};
    const scopeflow__node *const choices = scopeflow__at_key(response, "choices");
    const scopeflow__node *const message = scopeflow__at_key(choice, "message");
    scopeflow__node *const rest = scopeflow__object(self);
    scopeflow__node *const own = scopeflow__at_key(annotated, "api_specific");
    scopeflow__put_shared(self, own, "logprobs", scopeflow__at_key(choice, "logprobs"));
    if (scopeflow__node_is(message, SCOPEFLOW_TOKEN_OBJECT))
        scopeflow__put_others(self, rest, message, known);
    if (rest->count > 0) scopeflow__put(self, own, "message", rest);
    if (choices->count > 1) scopeflow__put_shared(self, own, "choices", choices);
}

static void decode_chat_response(const scopeflow__coding *self, const scopeflow__node *response,
                                 scopeflow__node *annotated) {
    const scopeflow__node *const choices = scopeflow__at_key(response, "choices");
    if (scopeflow__node_is(choices, SCOPEFLOW_TOKEN_ARRAY)) {
        const scopeflow__node *const choice = choices->first;
        const scopeflow__node *const message = scopeflow__at_key(choice, "message");
        put_chat_text(self, message, annotated);
        put_chat_calls(self, message, annotated);
        scopeflow__put_finish(self, annotated, scopeflow__at_key(choice, "finish_reason"));
        put_chat_own(self, response, choice, annotated);
    }
    static const scopeflow__usage_keys keys = {
        "prompt_tokens",
        "prompt_tokens_details",
        "completion_tokens",
        "completion_tokens_details",
    };
    scopeflow__put_openai_usage(self, annotated, scopeflow__at_key(response, "usage"), &keys);
}

const scopeflow__provider scopeflow__openai_chat = {
    decode_chat_messages,
    scopeflow__as_it_is,
    decode_chat_tools,
    scopeflow__as_it_is,
    encode_chat_messages,
    scopeflow__as_it_is,
    encode_chat_tools,
    scopeflow__as_it_is,
    decode_chat_response,
    false,
    NULL,
};
