/* Gemini's chunks: each is a response by itself, with the parts that are new. */
#include "codec/chunks.h"

/* A text and nothing else, but that it may be a thought. */
static bool is_plain_text(const scopeflow__node *part) {
    if (!scopeflow__node_is(scopeflow__chunk_part(part, "text"), SCOPEFLOW_TOKEN_STRING))
        return false;
    for (const scopeflow__node *child = part->first; child != NULL; child = child->next)
        if (!scopeflow__same_text(child->key, SCOPEFLOW__TEXT("text")) &&
            !scopeflow__same_text(child->key, SCOPEFLOW__TEXT("thought")))
            return false;
    return true;
}

static bool is_more_of(scopeflow__gathering *self, const scopeflow__node *last,
                       const scopeflow__node *part) {
    return last != NULL && is_plain_text(last) && is_plain_text(part) &&
           scopeflow__node_equal(self->kept, scopeflow__chunk_part(last, "thought"),
                                 scopeflow__chunk_part(part, "thought"));
}

static void gather_parts(scopeflow__gathering *self, scopeflow__node *candidate,
                         const scopeflow__node *content) {
    static const char *const but[] = {"parts", NULL};
    const scopeflow__node *const given = scopeflow__chunk_part(content, "parts");
    scopeflow__node *const kept =
        scopeflow__gather_member(self, candidate, "content", SCOPEFLOW_TOKEN_OBJECT);
    scopeflow__gather_all(self, kept, content, but);
    if (!scopeflow__node_is(given, SCOPEFLOW_TOKEN_ARRAY)) return;
    scopeflow__node *const parts =
        scopeflow__gather_member(self, kept, "parts", SCOPEFLOW_TOKEN_ARRAY);
    for (const scopeflow__node *part = given->first; part != NULL; part = part->next) {
        if (is_more_of(self, parts->last, part))
            scopeflow__gather_text(self, parts->last, SCOPEFLOW__TEXT("text"),
                                   scopeflow__chunk_part(part, "text"));
        else
            scopeflow__node_append(self->kept, parts, scopeflow__node_copy(self->kept, part));
    }
}

static void gather_candidate(scopeflow__gathering *self, scopeflow__node *candidates,
                             const scopeflow__node *given, uint64_t place) {
    static const char *const but[] = {"content", NULL};
    const scopeflow__node *const content = scopeflow__chunk_part(given, "content");
    const scopeflow__node *index = scopeflow__chunk_part(given, "index");
    if (index == NULL) index = scopeflow__node_uint(self->kept, place);
    scopeflow__node *const candidate = scopeflow__gather_element(self, candidates, index);
    if (scopeflow__node_is(content, SCOPEFLOW_TOKEN_OBJECT)) gather_parts(self, candidate, content);
    scopeflow__gather_all(self, candidate, given, but);
}

void scopeflow__gather_gemini(scopeflow__gathering *self, const scopeflow__node *chunk) {
    static const char *const but[] = {"candidates", NULL};
    const scopeflow__node *const given = scopeflow__chunk_part(chunk, "candidates");
    uint64_t place = 0;
    scopeflow__gather_all(self, self->response, chunk, but);
    if (!scopeflow__node_is(given, SCOPEFLOW_TOKEN_ARRAY)) return;
    scopeflow__node *const candidates =
        scopeflow__gather_member(self, self->response, "candidates", SCOPEFLOW_TOKEN_ARRAY);
    for (const scopeflow__node *one = given->first; one != NULL; one = one->next)
        if (one->kind == SCOPEFLOW_TOKEN_OBJECT) gather_candidate(self, candidates, one, place++);
}
