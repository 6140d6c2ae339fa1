/* Gemini's responses as Google's own libraries show them. The interface is one of protocol buffers:
 * a member has a name in camelCase and one with underscores, null is absence, and bytes are base64
 * (https://protobuf.dev/programming-guides/json). What is served has the former names; objects of
 * the libraries that were put into JSON have the latter. */
#include "codec/codec.h"
#include "json/write.h"

/* What the libraries put beside what was served. */
static const char *const gemini_added[] = {"sdk_http_response",
                                           "automatic_function_calling_history", "parsed", NULL};
/* Values of whoever wrote the tools, whose names are their own. */
static const char *const gemini_foreign[] = {"args", "response", "part_metadata", NULL};

static bool has_mark(scopeflow_bytes key) {
    return key.len > 0 && memchr(key.ptr, '_', key.len) != NULL;
}

static scopeflow_bytes served_key(scopeflow__trees *trees, scopeflow_bytes key) {
    if (!has_mark(key)) return key;
    char *const text = (char *)scopeflow__trees_allocate(trees, key.len);
    size_t len = 0;
    if (text == NULL) return key;
    for (size_t i = 0; i < key.len; i++) {
        bool const is_mark = key.ptr[i] == '_' && i > 0 && i + 1 < key.len;
        if (is_mark) i++;
        text[len++] = is_mark ? scopeflow__upper(key.ptr[i]) : key.ptr[i];
    }
    return scopeflow__text(text, len);
}

static scopeflow__node *served(scopeflow__trees *trees, const scopeflow__node *shown);

static scopeflow__node *served_object(scopeflow__trees *trees, const scopeflow__node *shown,
                                      const char *const *without) {
    scopeflow__node *const made = scopeflow__node_new(trees, SCOPEFLOW_TOKEN_OBJECT);
    for (const scopeflow__node *child = shown->first; child != NULL; child = child->next) {
        if (child->kind == SCOPEFLOW_TOKEN_NULL || scopeflow__is_one_of(without, child->key))
            continue;
        scopeflow__node_add(trees, made, served_key(trees, child->key),
                            scopeflow__is_one_of(gemini_foreign, child->key)
                                ? scopeflow__node_share(trees, child)
                                : served(trees, child));
    }
    return made;
}

static scopeflow__node *served_bytes(scopeflow__trees *trees, const scopeflow__node *shown) {
    scopeflow__buffer text;
    size_t const size = 4 * (shown->text.len / 3 + 1);
    char *const place = (char *)scopeflow__trees_allocate(trees, size);
    if (place == NULL) return scopeflow__node_text(trees, SCOPEFLOW__TEXT(""));
    scopeflow__buffer_init_in(&text, trees->memory, place, size);
    scopeflow__write_base64(&text, shown->text);
    return scopeflow__node_text(trees, scopeflow__text(place, text.len));
}

static scopeflow__node *served(scopeflow__trees *trees, const scopeflow__node *shown) {
    static const char *const nothing[] = {NULL};
    if (shown->kind == SCOPEFLOW_TOKEN_BYTES) return served_bytes(trees, shown);
    if (shown->kind == SCOPEFLOW_TOKEN_OBJECT) return served_object(trees, shown, nothing);
    if (shown->kind != SCOPEFLOW_TOKEN_ARRAY) return scopeflow__node_share(trees, shown);
    scopeflow__node *const made = scopeflow__node_new(trees, SCOPEFLOW_TOKEN_ARRAY);
    for (const scopeflow__node *child = shown->first; child != NULL; child = child->next)
        scopeflow__node_append(trees, made, served(trees, child));
    return made;
}

/* No member that is served has an underscore in its name. */
static bool is_shown(const scopeflow__node *response) {
    for (const scopeflow__node *child = response->first; child != NULL; child = child->next)
        if (has_mark(child->key)) return true;
    return false;
}

const scopeflow__node *scopeflow__gemini_served(scopeflow__trees *trees,
                                                const scopeflow__node *response) {
    return is_shown(response) ? served_object(trees, response, gemini_added) : response;
}
