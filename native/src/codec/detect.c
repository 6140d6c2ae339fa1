/* Which provider's a payload is, and what there is for each. */
#include "codec/codec.h"

static const scopeflow__provider *const providers[] = {
    &scopeflow__openai_chat,
    &scopeflow__openai_responses,
    &scopeflow__anthropic_messages,
    &scopeflow__gemini_generate_content,
};

const scopeflow__codec_map *scopeflow__map_of(scopeflow_codec_id codec) {
    return &scopeflow__codec_maps[codec - 1];
}

const scopeflow__provider *scopeflow__provider_of(scopeflow_codec_id codec) {
    return providers[codec - 1];
}

static bool has(const scopeflow__node *object, const char *key) {
    return scopeflow__at_key(object, key) != NULL;
}

static bool begins_with(scopeflow_bytes text, const char *lower) {
    size_t const len = strlen(lower);
    return text.len >= len &&
           scopeflow__same_lower(scopeflow__text(lower, len), scopeflow__text(text.ptr, len));
}

/* What only messages of Anthropic have: a place for the system, and tools that are no functions. */
static bool is_for_anthropic(const scopeflow__node *content, scopeflow_bytes hint) {
    const scopeflow__node *const tools = scopeflow__at_key(content, "tools");
    if (!has(content, "messages")) return false;
    if (has(content, "system") || has(content, "stop_sequences") || has(content, "thinking") ||
        has(content, "anthropic_version"))
        return true;
    if (scopeflow__node_is(tools, SCOPEFLOW_TOKEN_ARRAY) && has(tools->first, "input_schema"))
        return true;
    return begins_with(hint, "anthropic") ||
           begins_with(scopeflow__node_string(scopeflow__at_key(content, "model")), "claude");
}

scopeflow_codec_id scopeflow__detect_request(const scopeflow__node *content, scopeflow_bytes hint) {
    if (has(content, "contents")) return SCOPEFLOW_CODEC_ID_GEMINI_GENERATE_CONTENT;
    if (is_for_anthropic(content, hint)) return SCOPEFLOW_CODEC_ID_ANTHROPIC_MESSAGES;
    if (has(content, "messages")) return SCOPEFLOW_CODEC_ID_OPENAI_CHAT;
    bool const is_responses = has(content, "input") || has(content, "previous_response_id") ||
                              (has(content, "instructions") && has(content, "model"));
    if (is_responses) return SCOPEFLOW_CODEC_ID_OPENAI_RESPONSES;
    return SCOPEFLOW_CODEC_ID_AUTO;
}

scopeflow_codec_id scopeflow__detect_response(const scopeflow__node *response) {
    const scopeflow__node *const type = scopeflow__at_key(response, "type");
    if (has(response, "choices")) return SCOPEFLOW_CODEC_ID_OPENAI_CHAT;
    if (scopeflow__node_says(type, SCOPEFLOW__TEXT("message")) && has(response, "content"))
        return SCOPEFLOW_CODEC_ID_ANTHROPIC_MESSAGES;
    if (scopeflow__node_says(type, SCOPEFLOW__TEXT("error")) && has(response, "error"))
        return SCOPEFLOW_CODEC_ID_ANTHROPIC_MESSAGES;
    if (scopeflow__node_says(scopeflow__at_key(response, "object"), SCOPEFLOW__TEXT("response")) ||
        (has(response, "output") && has(response, "status")))
        return SCOPEFLOW_CODEC_ID_OPENAI_RESPONSES;
    if (has(response, "candidates") || has(response, "promptFeedback"))
        return SCOPEFLOW_CODEC_ID_GEMINI_GENERATE_CONTENT;
    return SCOPEFLOW_CODEC_ID_AUTO;
}
