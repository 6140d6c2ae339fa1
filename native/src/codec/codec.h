/* A provider's requests and responses in the common form, and requests back (ADR 0023). What is a
 * renaming stands in the maps, which are made of spec/api/codec.yaml; the rest is a file for each
 * provider. */
#ifndef SCOPEFLOW__CODEC_H
#define SCOPEFLOW__CODEC_H

#include "codec/maps.gen.h"
#include "codec/tree.h"

/* The work of one operation. Nodes that are given are never changed. */
typedef struct scopeflow__coding {
    scopeflow__trees *trees;
    const scopeflow__codec_map *map;
} scopeflow__coding;

/* What a provider does by code. Each of the first four takes a member of the request and gives what
 * stands in the annotated form, or the other way round; NULL is nothing. */
typedef scopeflow__node *scopeflow__code_member(const scopeflow__coding *self,
                                                const scopeflow__node *value);

typedef struct scopeflow__provider {
    scopeflow__code_member *decode_messages;
    scopeflow__code_member *decode_instructions;
    scopeflow__code_member *decode_tools;
    scopeflow__code_member *decode_tool_choice;
    /* May look at what the original has, NULL where that is nothing. */
    scopeflow__node *(*encode_messages)(const scopeflow__coding *self, const scopeflow__node *value,
                                        const scopeflow__node *original);
    scopeflow__code_member *encode_instructions;
    scopeflow__code_member *encode_tools;
    scopeflow__code_member *encode_tool_choice;
    /* Adds to the annotated form whatever is not at the top of the response. */
    void (*decode_response)(const scopeflow__coding *self, const scopeflow__node *response,
                            scopeflow__node *annotated);
    bool has_only_parts; /* A text alone is nothing else than one part of that text. */
    /* The response as the interface serves it, where a library shows it otherwise; or null. */
    const scopeflow__node *(*served)(scopeflow__trees *trees, const scopeflow__node *response);
} scopeflow__provider;

extern const scopeflow__provider scopeflow__openai_chat;
extern const scopeflow__provider scopeflow__openai_responses;
extern const scopeflow__provider scopeflow__anthropic_messages;
extern const scopeflow__provider scopeflow__gemini_generate_content;

/* --- gemini_names.c --- */

/* The response, or a chunk of a stream, under the names that are served; itself if it has them. */
const scopeflow__node *scopeflow__gemini_served(scopeflow__trees *trees,
                                                const scopeflow__node *response);

/* Of `codec`, which is none of `auto`. */
const scopeflow__codec_map *scopeflow__map_of(scopeflow_codec_id codec);
const scopeflow__provider *scopeflow__provider_of(scopeflow_codec_id codec);

/* --- request.c --- */

/* The annotated form of a request's content, which is an object. */
scopeflow__node *scopeflow__decode_request(scopeflow__trees *trees, scopeflow_codec_id codec,
                                           const scopeflow__node *content);
/* The content of an annotated form; of two ways to say it, the one that `original` has. */
scopeflow__node *scopeflow__encode_request(scopeflow__trees *trees, scopeflow_codec_id codec,
                                           const scopeflow__node *annotated,
                                           const scopeflow__node *original);
/* The edits that bring `annotated` into `original`; NULL with the path in `out_path` if the
 * provider cannot carry them. */
scopeflow__node *scopeflow__edit_request(scopeflow__trees *trees, scopeflow_codec_id codec,
                                         const scopeflow__node *annotated,
                                         const scopeflow__node *original,
                                         scopeflow_bytes *out_path);

/* --- changed.c --- */

/* What is left to do of edits of `decoded` in a request that was made of it since; NULL with the
 * path in `out_path` of one that collides with what was done there. */
scopeflow__node *scopeflow__edit_changed_request(scopeflow__trees *trees,
                                                 const scopeflow__node *edits,
                                                 const scopeflow__node *decoded,
                                                 const scopeflow__node *request,
                                                 scopeflow_bytes *out_path);

/* --- response.c --- */

/* The annotated form of a response, which is an object; NULL if it is none of this provider's. */
scopeflow__node *scopeflow__decode_response(scopeflow__trees *trees, scopeflow_codec_id codec,
                                            const scopeflow__node *response);

/* The value of a text that is JSON, else the text; NULL of NULL. */
scopeflow__node *scopeflow__decode_arguments(const scopeflow__coding *self,
                                             const scopeflow__node *arguments);
/* Appends a part `{"type": type, type: said}`. */
void scopeflow__put_said(const scopeflow__coding *self, scopeflow__node *parts, const char *type,
                         const scopeflow__node *said);
/* What it says: a single text alone, else the parts. */
void scopeflow__put_message(const scopeflow__coding *self, scopeflow__node *annotated,
                            scopeflow__node *parts);
/* Comes after the calls of tools. Null and NULL are no reason. */
void scopeflow__put_finish(const scopeflow__coding *self, scopeflow__node *annotated,
                           const scopeflow__node *reason);

/* --- decode.c --- */

/* The annotated form of a request's content or of a response. `auto` in `codec` becomes whose it
 * is, and stays where nobody knows it, which is refused like anything that is not this provider's.
 * A response has its cost, by the runtime's prices. */
scopeflow_status scopeflow__decode_payload(scopeflow_runtime *runtime, scopeflow__trees *trees,
                                           scopeflow_codec_id *codec, bool is_response,
                                           const scopeflow__node *given,
                                           const scopeflow__node **out_made,
                                           scopeflow_error *out_error);
scopeflow_status scopeflow__fail_trees(const scopeflow__trees *trees, scopeflow_error *out_error);
scopeflow_status scopeflow__fail_unknown(scopeflow_error *out_error);

/* --- detect.c --- */

/* `auto` if it is not known. The hint is the call's name, or empty. */
scopeflow_codec_id scopeflow__detect_request(const scopeflow__node *content, scopeflow_bytes hint);
scopeflow_codec_id scopeflow__detect_response(const scopeflow__node *response);

/* --- parts.c: what providers have in common --- */

/* Whether the key is one of the names, behind which stands NULL. */
bool scopeflow__is_one_of(const char *const *names, scopeflow_bytes key);

/* A member that stands in the text of the core; NULL if there is none. */
static inline scopeflow__node *scopeflow__at_key(const scopeflow__node *object, const char *key) {
    return scopeflow__node_get(object, scopeflow__c_text(key));
}
static inline void scopeflow__put(const scopeflow__coding *self, scopeflow__node *object,
                                  const char *key, scopeflow__node *value) {
    if (value != NULL) scopeflow__node_add(self->trees, object, scopeflow__c_text(key), value);
}
static inline void scopeflow__put_shared(const scopeflow__coding *self, scopeflow__node *object,
                                         const char *key, const scopeflow__node *value) {
    scopeflow__node_add_shared(self->trees, object, scopeflow__c_text(key), value);
}
static inline void scopeflow__put_text(const scopeflow__coding *self, scopeflow__node *object,
                                       const char *key, const char *text) {
    scopeflow__put(self, object, key, scopeflow__node_text(self->trees, scopeflow__c_text(text)));
}
static inline scopeflow__node *scopeflow__object(const scopeflow__coding *self) {
    return scopeflow__node_new(self->trees, SCOPEFLOW_TOKEN_OBJECT);
}
static inline scopeflow__node *scopeflow__array(const scopeflow__coding *self) {
    return scopeflow__node_new(self->trees, SCOPEFLOW_TOKEN_ARRAY);
}

/* Adds all members but those whose keys are listed, which ends with NULL. */
void scopeflow__put_others(const scopeflow__coding *self, scopeflow__node *object,
                           const scopeflow__node *from, const char *const *but);
/* Whether the name is one of a map's list. */
bool scopeflow__is_listed(const scopeflow_bytes *names, size_t count, scopeflow_bytes name);
/* Whether it is an object that has no other members than these. */
bool scopeflow__has_only(const scopeflow__node *object, const char *const *keys);
/* An array of what each element becomes; what is no array stays what it is. */
scopeflow__node *scopeflow__each(const scopeflow__coding *self, const scopeflow__node *array,
                                 scopeflow__code_member *code);

/* What the common form has no place for, and back. `tag` is the member that tells it. */
scopeflow__node *scopeflow__wrap_native(const scopeflow__coding *self, const scopeflow__node *value,
                                        const char *tag, scopeflow_bytes kind);
/* What is inside, or NULL if it is no native value of this provider. */
const scopeflow__node *scopeflow__unwrap_native(const scopeflow__coding *self,
                                                const scopeflow__node *value, const char *tag);

/* The other name, or an empty text. */
scopeflow_bytes scopeflow__renamed(const scopeflow__codec_rename *names, size_t count,
                                   scopeflow_bytes name);
/* The same way back; the last one that is called so, or the first. */
scopeflow_bytes scopeflow__named(const scopeflow__codec_rename *names, size_t count,
                                 scopeflow_bytes name, bool is_last);

/* A message whose parts have types, and back. */
scopeflow__node *scopeflow__decode_message(const scopeflow__coding *self,
                                           const scopeflow__node *message);
scopeflow__node *scopeflow__encode_message(const scopeflow__coding *self,
                                           const scopeflow__node *message);
scopeflow__node *scopeflow__decode_parts(const scopeflow__coding *self,
                                         const scopeflow__node *parts);
scopeflow__node *scopeflow__as_it_is(const scopeflow__coding *self, const scopeflow__node *value);

/* --- usage.c --- */

/* Tokens by what they were used for, none counted twice. What is not known is left out. */
typedef struct scopeflow__token_counts {
    uint64_t input_uncached;
    uint64_t input_audio;
    uint64_t cache_read;
    uint64_t cache_write;
    uint64_t cache_write_5m;
    uint64_t cache_write_1h;
    uint64_t output_text;
    uint64_t output_reasoning;
    uint64_t output_audio;
    uint64_t total; /* As the provider says, or 0. */
    bool has_cache_read;
    bool has_cache_write;
} scopeflow__token_counts;

/* Adds `usage` and `token_usage`; `raw` is what the provider says. */
void scopeflow__put_usage(const scopeflow__coding *self, scopeflow__node *annotated,
                          const scopeflow__token_counts *counts, const scopeflow__node *raw);
/* What both of OpenAI's interfaces tell of usage, each under names of its own. */
typedef struct scopeflow__usage_keys {
    const char *asked;
    const char *asked_details;
    const char *said;
    const char *said_details;
} scopeflow__usage_keys;

/* The same of a usage of OpenAI; nothing where it is no object. */
void scopeflow__put_openai_usage(const scopeflow__coding *self, scopeflow__node *annotated,
                                 const scopeflow__node *usage, const scopeflow__usage_keys *keys);
/* A member of `usage`, or of an object in it; 0 if it is none. */
uint64_t scopeflow__tokens(const scopeflow__node *usage, const char *key);
/* What is left of all when a part is taken off, never below zero. */
static inline uint64_t scopeflow__tokens_less(uint64_t all, uint64_t part) {
    return all > part ? all - part : 0;
}

#endif
