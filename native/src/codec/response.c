/* Responses: what all providers have at the top, and the pieces of which theirs are made. */
#include "codec/codec.h"

/* --- Pieces --- */

scopeflow__node *scopeflow__decode_arguments(const scopeflow__coding *self,
                                             const scopeflow__node *arguments) {
    if (arguments == NULL) return NULL;
    scopeflow__node *parsed = NULL;
    if (arguments->kind == SCOPEFLOW_TOKEN_STRING)
        parsed = scopeflow__node_parse(self->trees, arguments->text);
    return parsed != NULL ? parsed : scopeflow__as_it_is(self, arguments);
}

void scopeflow__put_said(const scopeflow__coding *self, scopeflow__node *parts, const char *type,
                         const scopeflow__node *said) {
    scopeflow__node *const made = scopeflow__object(self);
    scopeflow__put_text(self, made, "type", type);
    scopeflow__put_shared(self, made, type, said);
    scopeflow__node_append(self->trees, parts, made);
}

void scopeflow__put_message(const scopeflow__coding *self, scopeflow__node *annotated,
                            scopeflow__node *parts) {
    if (parts->count == 0) return;
    const scopeflow__node *const text = scopeflow__at_key(parts->first, "text");
    if (parts->count == 1 && scopeflow__node_is(text, SCOPEFLOW_TOKEN_STRING))
        scopeflow__put_shared(self, annotated, "message", text);
    else
        scopeflow__put(self, annotated, "message", parts);
}

/* Whoever has to run tools is not done, whatever the provider calls it. */
void scopeflow__put_finish(const scopeflow__coding *self, scopeflow__node *annotated,
                           const scopeflow__node *reason) {
    const scopeflow__codec_map *const map = self->map;
    if (reason == NULL || reason->kind == SCOPEFLOW_TOKEN_NULL) return;
    scopeflow_bytes name =
        scopeflow__renamed(map->finish, map->finish_count, scopeflow__node_string(reason));
    if (scopeflow__same_text(name, SCOPEFLOW__TEXT("complete")) &&
        scopeflow__at_key(annotated, "tool_calls") != NULL)
        name = SCOPEFLOW__TEXT("tool_use");
    if (name.len > 0) {
        scopeflow__put(self, annotated, "finish_reason", scopeflow__node_text(self->trees, name));
        return;
    }
    scopeflow__node *const unknown = scopeflow__object(self);
    scopeflow__put_shared(self, unknown, "unknown", reason);
    scopeflow__put(self, annotated, "finish_reason", unknown);
}

/* --- All of it --- */

static bool is_of_provider(const scopeflow__codec_map *map, const scopeflow__node *response) {
    for (size_t i = 0; i < map->mark_count; i++)
        if (scopeflow__node_get(response, map->marks[i]) != NULL) return true;
    return false;
}

/* Where the member goes: the provider's own is put apart, and what would be taken for a member of
 * the common form too. */
static void put_rest(const scopeflow__coding *self, const scopeflow__node *response,
                     scopeflow__node *annotated) {
    const scopeflow__codec_map *const map = self->map;
    scopeflow__node *const own = scopeflow__at_key(annotated, "api_specific");
    for (const scopeflow__node *child = response->first; child != NULL; child = child->next) {
        if (scopeflow__is_listed(map->read, map->read_count, child->key)) continue;
        bool const is_own =
            scopeflow__is_listed(map->response_own, map->response_own_count, child->key) ||
            scopeflow__is_listed(scopeflow__response_members, SCOPEFLOW__RESPONSE_MEMBER_COUNT,
                                 child->key);
        scopeflow__node_add_shared(self->trees, is_own ? own : annotated, child->key, child);
    }
}

scopeflow__node *scopeflow__decode_response(scopeflow__trees *trees, scopeflow_codec_id codec,
                                            const scopeflow__node *response) {
    scopeflow__coding self;
    self.trees = trees;
    self.map = scopeflow__map_of(codec);
    if (!scopeflow__node_is(response, SCOPEFLOW_TOKEN_OBJECT)) return NULL;
    const scopeflow__provider *const provider = scopeflow__provider_of(codec);
    if (provider->served != NULL) response = provider->served(trees, response);
    if (!is_of_provider(self.map, response)) return NULL;
    scopeflow__node *const annotated = scopeflow__object(&self);
    scopeflow__node *const own = scopeflow__object(&self);
    scopeflow__put_shared(&self, annotated, "id", scopeflow__node_get(response, self.map->id_key));
    scopeflow__put_shared(&self, annotated, "model",
                          scopeflow__node_get(response, self.map->model_key));
    scopeflow__put(&self, own, "api", scopeflow__node_text(trees, self.map->id));
    scopeflow__put(&self, annotated, "api_specific", own);
    provider->decode_response(&self, response, annotated);
    put_rest(&self, response, annotated);
    return annotated;
}
