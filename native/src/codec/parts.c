#include "codec/codec.h"

bool scopeflow__is_one_of(const char *const *keys, scopeflow_bytes key) {
    for (; *keys != NULL; keys++)
        if (scopeflow__same_text(scopeflow__c_text(*keys), key)) return true;
    return false;
}

void scopeflow__put_others(const scopeflow__coding *self, scopeflow__node *object,
                           const scopeflow__node *from, const char *const *but) {
    for (const scopeflow__node *child = from->first; child != NULL; child = child->next)
        if (!scopeflow__is_one_of(but, child->key))
            scopeflow__node_add_shared(self->trees, object, child->key, child);
}

bool scopeflow__has_only(const scopeflow__node *object, const char *const *keys) {
    if (!scopeflow__node_is(object, SCOPEFLOW_TOKEN_OBJECT)) return false;
    for (const scopeflow__node *child = object->first; child != NULL; child = child->next)
        if (!scopeflow__is_one_of(keys, child->key)) return false;
    return true;
}

bool scopeflow__is_listed(const scopeflow_bytes *names, size_t count, scopeflow_bytes name) {
    for (size_t i = 0; i < count; i++)
        if (scopeflow__same_text(names[i], name)) return true;
    return false;
}

scopeflow__node *scopeflow__as_it_is(const scopeflow__coding *self, const scopeflow__node *value) {
    return scopeflow__node_share(self->trees, value);
}

scopeflow__node *scopeflow__each(const scopeflow__coding *self, const scopeflow__node *array,
                                 scopeflow__code_member *code) {
    if (!scopeflow__node_is(array, SCOPEFLOW_TOKEN_ARRAY)) return scopeflow__as_it_is(self, array);
    scopeflow__node *const made = scopeflow__array(self);
    for (const scopeflow__node *child = array->first; child != NULL; child = child->next)
        scopeflow__node_append(self->trees, made, code(self, child));
    return made;
}

/* --- Native values --- */

scopeflow__node *scopeflow__wrap_native(const scopeflow__coding *self, const scopeflow__node *value,
                                        const char *tag, scopeflow_bytes kind) {
    scopeflow__node *const made = scopeflow__object(self);
    scopeflow__put_text(self, made, tag, "provider_native");
    scopeflow__put(self, made, "provider", scopeflow__node_text(self->trees, self->map->id));
    scopeflow__put(self, made, "kind", scopeflow__node_text(self->trees, kind));
    scopeflow__put_shared(self, made, "value", value);
    return made;
}

const scopeflow__node *scopeflow__unwrap_native(const scopeflow__coding *self,
                                                const scopeflow__node *value, const char *tag) {
    const scopeflow__node *const kind = scopeflow__at_key(value, tag);
    if (!scopeflow__node_says(kind, SCOPEFLOW__TEXT("provider_native"))) return NULL;
    if (!scopeflow__node_says(scopeflow__at_key(value, "provider"), self->map->id)) return NULL;
    return scopeflow__at_key(value, "value");
}

/* --- Names --- */

scopeflow_bytes scopeflow__renamed(const scopeflow__codec_rename *names, size_t count,
                                   scopeflow_bytes name) {
    for (size_t i = 0; i < count; i++)
        if (scopeflow__same_text(names[i].key, name)) return names[i].to;
    return scopeflow__text("", 0);
}

scopeflow_bytes scopeflow__named(const scopeflow__codec_rename *names, size_t count,
                                 scopeflow_bytes name, bool is_last) {
    scopeflow_bytes found = scopeflow__text("", 0);
    for (size_t i = 0; i < count && (is_last || found.len == 0); i++)
        if (scopeflow__same_text(names[i].to, name)) found = names[i].key;
    return found;
}

/* The same object with another text in the member `type`. */
static scopeflow__node *with_type(const scopeflow__coding *self, const scopeflow__node *object,
                                  scopeflow_bytes type) {
    scopeflow__node *const made = scopeflow__object(self);
    for (const scopeflow__node *child = object->first; child != NULL; child = child->next) {
        bool const is_type = scopeflow__same_text(child->key, SCOPEFLOW__TEXT("type"));
        scopeflow__node *const value = is_type ? scopeflow__node_text(self->trees, type)
                                               : scopeflow__node_share(self->trees, child);
        scopeflow__node_add(self->trees, made, child->key, value);
    }
    return made;
}

/* --- Parts of messages --- */

static scopeflow__node *decode_part(const scopeflow__coding *self, const scopeflow__node *part) {
    const scopeflow__codec_map *const map = self->map;
    const scopeflow__node *const type = scopeflow__at_key(part, "type");
    if (!scopeflow__node_is(type, SCOPEFLOW_TOKEN_STRING)) return scopeflow__as_it_is(self, part);
    scopeflow_bytes const name = scopeflow__renamed(map->parts, map->part_count, type->text);
    if (name.len == 0) return scopeflow__wrap_native(self, part, "type", type->text);
    if (scopeflow__same_text(name, type->text)) return scopeflow__as_it_is(self, part);
    return with_type(self, part, name);
}

static scopeflow__node *encode_part(const scopeflow__coding *self, const scopeflow__node *part,
                                    bool is_answer) {
    const scopeflow__codec_map *const map = self->map;
    const scopeflow__node *const native = scopeflow__unwrap_native(self, part, "type");
    if (native != NULL) return scopeflow__as_it_is(self, native);
    const scopeflow__node *const type = scopeflow__at_key(part, "type");
    scopeflow_bytes const name =
        scopeflow__named(map->parts, map->part_count, scopeflow__node_string(type), is_answer);
    bool const is_same = name.len == 0 || scopeflow__same_text(name, type->text);
    return is_same ? scopeflow__as_it_is(self, part) : with_type(self, part, name);
}

/* Of two types for one kind of part the last is that of what the model says. */
static scopeflow__node *encode_asked_part(const scopeflow__coding *self,
                                          const scopeflow__node *part) {
    return encode_part(self, part, false);
}
static scopeflow__node *encode_answered_part(const scopeflow__coding *self,
                                             const scopeflow__node *part) {
    return encode_part(self, part, true);
}

scopeflow__node *scopeflow__decode_parts(const scopeflow__coding *self,
                                         const scopeflow__node *parts) {
    return scopeflow__each(self, parts, decode_part);
}

/* The same message with other parts. */
static scopeflow__node *with_content(const scopeflow__coding *self, const scopeflow__node *message,
                                     scopeflow__code_member *code) {
    scopeflow__node *const made = scopeflow__object(self);
    for (const scopeflow__node *child = message->first; child != NULL; child = child->next) {
        bool const is_content = scopeflow__same_text(child->key, SCOPEFLOW__TEXT("content"));
        scopeflow__node *const value = is_content ? scopeflow__each(self, child, code)
                                                  : scopeflow__node_share(self->trees, child);
        scopeflow__node_add(self->trees, made, child->key, value);
    }
    return made;
}

static bool has_parts(const scopeflow__node *message) {
    return scopeflow__node_is(scopeflow__at_key(message, "content"), SCOPEFLOW_TOKEN_ARRAY);
}

scopeflow__node *scopeflow__decode_message(const scopeflow__coding *self,
                                           const scopeflow__node *message) {
    if (!has_parts(message)) return scopeflow__as_it_is(self, message);
    return with_content(self, message, decode_part);
}

scopeflow__node *scopeflow__encode_message(const scopeflow__coding *self,
                                           const scopeflow__node *message) {
    if (!has_parts(message)) return scopeflow__as_it_is(self, message);
    bool const is_answer =
        scopeflow__node_says(scopeflow__at_key(message, "role"), SCOPEFLOW__TEXT("assistant"));
    return with_content(self, message, is_answer ? encode_answered_part : encode_asked_part);
}
