/* Gemini generateContent: parts that are told by their only member, and tools in groups. */
#include "codec/codec.h"

/* --- Parts --- */

static const char *const data_keys[] = {"inlineData", "fileData", NULL};

static const char *media_type(const scopeflow__node *data) {
    scopeflow_bytes const type = scopeflow__node_string(scopeflow__at_key(data, "mimeType"));
    if (scopeflow__starts_with(type, SCOPEFLOW__TEXT("image/"))) return "image";
    if (scopeflow__starts_with(type, SCOPEFLOW__TEXT("audio/"))) return "audio";
    return "file";
}

/* Everything as it is, behind a type. */
static scopeflow__node *with_added_type(const scopeflow__coding *self, const scopeflow__node *part,
                                        const char *type) {
    static const char *const none[] = {NULL};
    scopeflow__node *const made = scopeflow__object(self);
    scopeflow__put_text(self, made, "type", type);
    scopeflow__put_others(self, made, part, none);
    return made;
}

/* The members of a call or its result under their common names, the rest of the part beside. */
static scopeflow__node *decode_inside(const scopeflow__coding *self, const scopeflow__node *part,
                                      const char *key, const char *type,
                                      const char *const names[3][2]) {
    const char *const but[] = {key, NULL};
    const scopeflow__node *const inside = scopeflow__at_key(part, key);
    scopeflow__node *const made = scopeflow__object(self);
    scopeflow__put_text(self, made, "type", type);
    for (size_t i = 0; i < 3; i++)
        scopeflow__put_shared(self, made, names[i][1], scopeflow__at_key(inside, names[i][0]));
    scopeflow__put_others(self, made, part, but);
    return made;
}

static scopeflow__node *encode_inside(const scopeflow__coding *self, const scopeflow__node *part,
                                      const char *key, const char *const names[3][2]) {
    const char *const but[] = {"type", names[0][1], names[1][1], names[2][1], NULL};
    scopeflow__node *const inside = scopeflow__object(self);
    scopeflow__node *const made = scopeflow__object(self);
    for (size_t i = 0; i < 3; i++)
        scopeflow__put_shared(self, inside, names[i][0], scopeflow__at_key(part, names[i][1]));
    scopeflow__put(self, made, key, inside);
    scopeflow__put_others(self, made, part, but);
    return made;
}

static const char *const call_names[3][2] = {{"id", "id"}, {"name", "name"}, {"args", "input"}};
static const char *const result_names[3][2] = {
    {"id", "tool_use_id"}, {"name", "name"}, {"response", "content"}};

static bool is_plain_call(const scopeflow__node *part) {
    static const char *const known[] = {"id", "name", "args", NULL};
    return scopeflow__has_only(scopeflow__at_key(part, "functionCall"), known);
}
static bool is_plain_result(const scopeflow__node *part) {
    static const char *const known[] = {"id", "name", "response", NULL};
    return scopeflow__has_only(scopeflow__at_key(part, "functionResponse"), known);
}

static scopeflow__node *decode_content_part(const scopeflow__coding *self,
                                            const scopeflow__node *part) {
    if (part->kind != SCOPEFLOW_TOKEN_OBJECT || part->first == NULL ||
        scopeflow__at_key(part, "type") != NULL)
        return scopeflow__wrap_native(self, part, "type", SCOPEFLOW__TEXT(""));
    if (scopeflow__at_key(part, "text") != NULL) return with_added_type(self, part, "text");
    if (is_plain_call(part))
        return decode_inside(self, part, "functionCall", "tool_use", call_names);
    if (is_plain_result(part))
        return decode_inside(self, part, "functionResponse", "tool_result", result_names);
    for (const char *const *key = data_keys; *key != NULL; key++) {
        const scopeflow__node *const data = scopeflow__at_key(part, *key);
        if (data != NULL) return with_added_type(self, part, media_type(data));
    }
    return scopeflow__wrap_native(self, part, "type", part->first->key);
}

static scopeflow__node *encode_content_part(const scopeflow__coding *self,
                                            const scopeflow__node *part) {
    static const char *const but[] = {"type", NULL};
    const scopeflow__node *const native = scopeflow__unwrap_native(self, part, "type");
    if (native != NULL) return scopeflow__as_it_is(self, native);
    const scopeflow__node *const type = scopeflow__at_key(part, "type");
    if (type == NULL) return scopeflow__as_it_is(self, part);
    if (scopeflow__node_says(type, SCOPEFLOW__TEXT("tool_use")))
        return encode_inside(self, part, "functionCall", call_names);
    if (scopeflow__node_says(type, SCOPEFLOW__TEXT("tool_result")))
        return encode_inside(self, part, "functionResponse", result_names);
    scopeflow__node *const made = scopeflow__object(self);
    scopeflow__put_others(self, made, part, but);
    return made;
}

/* A text alone is one part. */
static scopeflow__node *encode_content_parts(const scopeflow__coding *self,
                                             const scopeflow__node *content) {
    if (content->kind != SCOPEFLOW_TOKEN_STRING)
        return scopeflow__each(self, content, encode_content_part);
    scopeflow__node *const parts = scopeflow__array(self);
    scopeflow__node *const part = scopeflow__object(self);
    scopeflow__put_shared(self, part, "text", content);
    scopeflow__node_append(self->trees, parts, part);
    return parts;
}

/* --- Messages --- */

static scopeflow__node *decode_content(const scopeflow__coding *self,
                                       const scopeflow__node *content) {
    static const char *const but[] = {"role", "parts", NULL};
    const scopeflow__node *const role = scopeflow__at_key(content, "role");
    const scopeflow__node *const parts = scopeflow__at_key(content, "parts");
    if (content->kind != SCOPEFLOW_TOKEN_OBJECT || scopeflow__at_key(content, "content") != NULL)
        return scopeflow__wrap_native(self, content, "role", SCOPEFLOW__TEXT(""));
    scopeflow__node *const made = scopeflow__object(self);
    if (role == NULL)
        scopeflow__put_text(self, made, "role", "user");
    else if (scopeflow__node_says(role, SCOPEFLOW__TEXT("model")))
        scopeflow__put_text(self, made, "role", "assistant");
    else
        scopeflow__put_shared(self, made, "role", role);
    if (parts != NULL)
        scopeflow__put(self, made, "content", scopeflow__each(self, parts, decode_content_part));
    scopeflow__put_others(self, made, content, but);
    return made;
}

static scopeflow__node *encode_content(const scopeflow__coding *self,
                                       const scopeflow__node *message) {
    static const char *const but[] = {"role", "content", NULL};
    const scopeflow__node *const native = scopeflow__unwrap_native(self, message, "role");
    const scopeflow__node *const role = scopeflow__at_key(message, "role");
    const scopeflow__node *const content = scopeflow__at_key(message, "content");
    if (native != NULL) return scopeflow__as_it_is(self, native);
    if (message->kind != SCOPEFLOW_TOKEN_OBJECT) return scopeflow__as_it_is(self, message);
    scopeflow__node *const made = scopeflow__object(self);
    if (scopeflow__node_says(role, SCOPEFLOW__TEXT("assistant")))
        scopeflow__put_text(self, made, "role", "model");
    else
        scopeflow__put_shared(self, made, "role", role);
    if (content != NULL) scopeflow__put(self, made, "parts", encode_content_parts(self, content));
    scopeflow__put_others(self, made, message, but);
    return made;
}

static scopeflow__node *decode_contents(const scopeflow__coding *self,
                                        const scopeflow__node *contents) {
    return scopeflow__each(self, contents, decode_content);
}
static scopeflow__node *encode_contents(const scopeflow__coding *self,
                                        const scopeflow__node *contents,
                                        const scopeflow__node *original) {
    (void)original;
    return scopeflow__each(self, contents, encode_content);
}

/* The parts alone; whatever else stands there makes it the provider's own. */
static scopeflow__node *decode_system(const scopeflow__coding *self,
                                      const scopeflow__node *system) {
    static const char *const known[] = {"parts", "role", NULL};
    const scopeflow__node *const parts = scopeflow__at_key(system, "parts");
    if (!scopeflow__has_only(system, known) || !scopeflow__node_is(parts, SCOPEFLOW_TOKEN_ARRAY))
        return scopeflow__as_it_is(self, system);
    return scopeflow__each(self, parts, decode_content_part);
}

static scopeflow__node *encode_system(const scopeflow__coding *self,
                                      const scopeflow__node *instructions) {
    if (instructions->kind == SCOPEFLOW_TOKEN_OBJECT)
        return scopeflow__as_it_is(self, instructions);
    scopeflow__node *const made = scopeflow__object(self);
    scopeflow__put(self, made, "parts", encode_content_parts(self, instructions));
    return made;
}

/* --- Tools --- */

static void put_declared(const scopeflow__coding *self, const scopeflow__node *group,
                         scopeflow__node *tools) {
    const scopeflow__node *const declared = scopeflow__at_key(group, "functionDeclarations");
    for (const scopeflow__node *one = declared->first; one != NULL; one = one->next) {
        scopeflow__node *const tool = scopeflow__object(self);
        scopeflow__put_text(self, tool, "type", "function");
        scopeflow__put_shared(self, tool, "function", one);
        scopeflow__node_append(self->trees, tools, tool);
    }
}

static bool is_group(const scopeflow__node *tool) {
    static const char *const known[] = {"functionDeclarations", NULL};
    return scopeflow__has_only(tool, known) &&
           scopeflow__node_is(scopeflow__at_key(tool, known[0]), SCOPEFLOW_TOKEN_ARRAY) &&
           scopeflow__at_key(tool, known[0])->count > 0;
}

static scopeflow__node *decode_groups(const scopeflow__coding *self,
                                      const scopeflow__node *groups) {
    if (groups->kind != SCOPEFLOW_TOKEN_ARRAY) return scopeflow__as_it_is(self, groups);
    scopeflow__node *const tools = scopeflow__array(self);
    for (const scopeflow__node *group = groups->first; group != NULL; group = group->next) {
        if (is_group(group))
            put_declared(self, group, tools);
        else
            scopeflow__node_append(self->trees, tools,
                                   scopeflow__wrap_native(self, group, "type",
                                                          group->first != NULL
                                                              ? group->first->key
                                                              : scopeflow__text("", 0)));
    }
    return tools;
}

/* Functions side by side make one group. */
static scopeflow__node *encode_groups(const scopeflow__coding *self, const scopeflow__node *tools) {
    if (tools->kind != SCOPEFLOW_TOKEN_ARRAY) return scopeflow__as_it_is(self, tools);
    scopeflow__node *const groups = scopeflow__array(self);
    scopeflow__node *declared = NULL;
    for (const scopeflow__node *tool = tools->first; tool != NULL; tool = tool->next) {
        const scopeflow__node *const function = scopeflow__at_key(tool, "function");
        if (function == NULL) {
            const scopeflow__node *const native = scopeflow__unwrap_native(self, tool, "type");
            scopeflow__node_append(self->trees, groups,
                                   scopeflow__as_it_is(self, native != NULL ? native : tool));
            declared = NULL;
            continue;
        }
        if (declared == NULL) {
            scopeflow__node *const group = scopeflow__object(self);
            declared = scopeflow__array(self);
            scopeflow__put(self, group, "functionDeclarations", declared);
            scopeflow__node_append(self->trees, groups, group);
        }
        scopeflow__node_append(self->trees, declared, scopeflow__as_it_is(self, function));
    }
    return groups;
}

static const scopeflow__codec_rename modes[] = {
    {{"AUTO", 4}, {"auto", 4}},
    {{"ANY", 3}, {"required", 8}},
    {{"NONE", 4}, {"none", 4}},
};
enum { MODE_COUNT = sizeof modes / sizeof *modes };

/* A mode and nothing else; the rest of what there is has no common name. */
static scopeflow__node *decode_mode(const scopeflow__coding *self, const scopeflow__node *config) {
    static const char *const outer[] = {"functionCallingConfig", NULL};
    static const char *const inner[] = {"mode", NULL};
    const scopeflow__node *const calling = scopeflow__at_key(config, outer[0]);
    scopeflow_bytes const mode = scopeflow__node_string(scopeflow__at_key(calling, "mode"));
    scopeflow_bytes const name = scopeflow__renamed(modes, MODE_COUNT, mode);
    if (name.len == 0 || !scopeflow__has_only(config, outer) ||
        !scopeflow__has_only(calling, inner))
        return NULL;
    return scopeflow__node_text(self->trees, name);
}

static scopeflow__node *encode_mode(const scopeflow__coding *self, const scopeflow__node *choice) {
    scopeflow_bytes const said = scopeflow__node_string(choice);
    scopeflow_bytes const mode = scopeflow__named(modes, MODE_COUNT, said, false);
    if (mode.len == 0) return scopeflow__as_it_is(self, choice);
    scopeflow__node *const made = scopeflow__object(self);
    scopeflow__node *const calling = scopeflow__object(self);
    scopeflow__put(self, calling, "mode", scopeflow__node_text(self->trees, mode));
    scopeflow__put(self, made, "functionCallingConfig", calling);
    return made;
}

/* --- Responses --- */

static void put_part_call(const scopeflow__coding *self, const scopeflow__node *part,
                          scopeflow__node *calls) {
    const scopeflow__node *const call = scopeflow__at_key(part, "functionCall");
    if (!scopeflow__node_is(call, SCOPEFLOW_TOKEN_OBJECT)) return;
    scopeflow__node *const made = scopeflow__object(self);
    scopeflow__put_shared(self, made, "id", scopeflow__at_key(call, "id"));
    scopeflow__put_shared(self, made, "name", scopeflow__at_key(call, "name"));
    scopeflow__put_shared(self, made, "arguments", scopeflow__at_key(call, "args"));
    scopeflow__node_append(self->trees, calls, made);
}

/* What it thought stays beside what it says. */
static void put_candidate(const scopeflow__coding *self, const scopeflow__node *candidate,
                          scopeflow__node *annotated) {
    static const char *const but[] = {"content", "finishReason", "index", NULL};
    scopeflow__node *const own = scopeflow__at_key(annotated, "api_specific");
    const scopeflow__node *const content = scopeflow__at_key(candidate, "content");
    const scopeflow__node *const parts = scopeflow__at_key(content, "parts");
    scopeflow__node *const said = scopeflow__array(self);
    scopeflow__node *const calls = scopeflow__array(self);
    const scopeflow__node *part =
        scopeflow__node_is(parts, SCOPEFLOW_TOKEN_ARRAY) ? parts->first : NULL;
    for (; part != NULL; part = part->next) {
        bool const is_thought =
            scopeflow__node_is(scopeflow__at_key(part, "thought"), SCOPEFLOW_TOKEN_TRUE);
        const scopeflow__node *const text = scopeflow__at_key(part, "text");
        if (!is_thought && text != NULL) scopeflow__put_said(self, said, "text", text);
        put_part_call(self, part, calls);
    }
    scopeflow__put_message(self, annotated, said);
    if (calls->count > 0) scopeflow__put(self, annotated, "tool_calls", calls);
    scopeflow__put_shared(self, own, "parts", parts);
    if (scopeflow__node_is(candidate, SCOPEFLOW_TOKEN_OBJECT))
        scopeflow__put_others(self, own, candidate, but);
}

static uint64_t audio_tokens(const scopeflow__node *details) {
    uint64_t count = 0;
    if (!scopeflow__node_is(details, SCOPEFLOW_TOKEN_ARRAY)) return 0;
    for (const scopeflow__node *one = details->first; one != NULL; one = one->next)
        if (scopeflow__node_says(scopeflow__at_key(one, "modality"), SCOPEFLOW__TEXT("AUDIO")))
            count += scopeflow__tokens(one, "tokenCount");
    return count;
}

static void put_gemini_usage(const scopeflow__coding *self, const scopeflow__node *usage,
                             scopeflow__node *annotated) {
    if (!scopeflow__node_is(usage, SCOPEFLOW_TOKEN_OBJECT)) return;
    scopeflow__token_counts counts;
    memset(&counts, 0, sizeof counts);
    counts.cache_read = scopeflow__tokens(usage, "cachedContentTokenCount");
    counts.has_cache_read = scopeflow__at_key(usage, "cachedContentTokenCount") != NULL;
    counts.input_audio =
        scopeflow__tokens_less(audio_tokens(scopeflow__at_key(usage, "promptTokensDetails")),
                               audio_tokens(scopeflow__at_key(usage, "cacheTokensDetails")));
    counts.input_uncached = scopeflow__tokens_less(scopeflow__tokens(usage, "promptTokenCount"),
                                                   counts.cache_read + counts.input_audio) +
                            scopeflow__tokens(usage, "toolUsePromptTokenCount");
    counts.output_reasoning = scopeflow__tokens(usage, "thoughtsTokenCount");
    counts.output_audio = audio_tokens(scopeflow__at_key(usage, "candidatesTokensDetails"));
    counts.output_text = scopeflow__tokens_less(scopeflow__tokens(usage, "candidatesTokenCount"),
                                                counts.output_audio);
    counts.total = scopeflow__tokens(usage, "totalTokenCount");
    scopeflow__put_usage(self, annotated, &counts, usage);
}

/* A prompt that was refused has no candidate. */
static void decode_gemini_response(const scopeflow__coding *self, const scopeflow__node *response,
                                   scopeflow__node *annotated) {
    scopeflow__node *const own = scopeflow__at_key(annotated, "api_specific");
    const scopeflow__node *const candidates = scopeflow__at_key(response, "candidates");
    const scopeflow__node *const feedback = scopeflow__at_key(response, "promptFeedback");
    const scopeflow__node *reason = scopeflow__at_key(feedback, "blockReason");
    if (scopeflow__node_is(candidates, SCOPEFLOW_TOKEN_ARRAY) && candidates->count > 0) {
        put_candidate(self, candidates->first, annotated);
        reason = scopeflow__at_key(candidates->first, "finishReason");
        if (candidates->count > 1) scopeflow__put_shared(self, own, "candidates", candidates);
    }
    scopeflow__put_finish(self, annotated, reason);
    put_gemini_usage(self, scopeflow__at_key(response, "usageMetadata"), annotated);
}

const scopeflow__provider scopeflow__gemini_generate_content = {
    decode_contents,
    decode_system,
    decode_groups,
    decode_mode,
    encode_contents,
    encode_system,
    encode_groups,
    encode_mode,
    decode_gemini_response,
    true,
    scopeflow__gemini_served,
};
