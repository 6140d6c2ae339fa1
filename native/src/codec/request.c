/* Requests: what each provider's map says of their members, and how edits come back. */
#include "codec/codec.h"
#include "codec/merge.h"

/* --- Members by the map --- */

static bool is_same_place(const scopeflow__codec_field *a, const scopeflow__codec_field *b) {
    return a->group == b->group && scopeflow__same_text(a->to, b->to);
}

static const scopeflow__node *parent_in(const scopeflow__codec_field *field,
                                        const scopeflow__node *content) {
    return field->parent.len > 0 ? scopeflow__node_get(content, field->parent) : content;
}

static const scopeflow__codec_field *field_of_key(const scopeflow__codec_map *map,
                                                  scopeflow_bytes parent, scopeflow_bytes key) {
    for (size_t i = 0; i < map->field_count; i++)
        if (scopeflow__same_text(map->fields[i].key, key) &&
            scopeflow__same_text(map->fields[i].parent, parent))
            return &map->fields[i];
    return NULL;
}

/* Whether an earlier field, which wins, says the same. */
static bool is_outdone(const scopeflow__codec_map *map, const scopeflow__codec_field *field,
                       const scopeflow__node *content) {
    for (const scopeflow__codec_field *other = map->fields; other < field; other++)
        if (is_same_place(other, field) &&
            scopeflow__node_get(parent_in(other, content), other->key) != NULL)
            return true;
    return false;
}

/* The field that is to say it: the one that the content has, else the first. */
static const scopeflow__codec_field *field_for(const scopeflow__codec_map *map,
                                               scopeflow__codec_group group, scopeflow_bytes to,
                                               const scopeflow__node *content) {
    const scopeflow__codec_field *first = NULL;
    for (size_t i = 0; i < map->field_count; i++) {
        const scopeflow__codec_field *const field = &map->fields[i];
        if (field->group != group || !scopeflow__same_text(field->to, to)) continue;
        if (scopeflow__node_get(parent_in(field, content), field->key) != NULL) return field;
        if (first == NULL) first = field;
    }
    return first;
}

/* Whether fields of the map stand inside this member. */
static bool is_parent(const scopeflow__codec_map *map, scopeflow_bytes key) {
    for (size_t i = 0; i < map->field_count; i++)
        if (map->fields[i].parent.len > 0 && scopeflow__same_text(map->fields[i].parent, key))
            return true;
    return false;
}

/* --- Decoding --- */

/* The parts of the annotated form, which are put together at the end. */
typedef struct decoded_request {
    scopeflow__coding coding;
    const scopeflow__provider *provider;
    const scopeflow__node *content;
    scopeflow__node *messages;
    scopeflow__node *instructions;
    scopeflow__node *model;
    scopeflow__node *params;
    scopeflow__node *tools;
    scopeflow__node *tool_choice;
    scopeflow__node *own; /* `api_specific` */
    scopeflow__node *others;
} decoded_request;

/* A single text is a list of one. */
static scopeflow__node *decode_param(const scopeflow__coding *self, scopeflow_bytes name,
                                     const scopeflow__node *value) {
    scopeflow__node *const shared = scopeflow__as_it_is(self, value);
    if (!scopeflow__same_text(name, SCOPEFLOW__TEXT("stop")) ||
        value->kind != SCOPEFLOW_TOKEN_STRING)
        return shared;
    scopeflow__node *const list = scopeflow__array(self);
    scopeflow__node_append(self->trees, list, shared);
    return list;
}

static void keep_own(decoded_request *self, const scopeflow__node *member) {
    scopeflow__node_add_shared(self->coding.trees, self->own, member->key, member);
}

/* True and false change places. */
static scopeflow__node *opposite(const scopeflow__coding *self, const scopeflow__node *value) {
    if (value->kind == SCOPEFLOW_TOKEN_FALSE) return scopeflow__node_bool(self->trees, true);
    if (value->kind == SCOPEFLOW_TOKEN_TRUE) return scopeflow__node_bool(self->trees, false);
    return scopeflow__as_it_is(self, value);
}

/* What the common form cannot say stays whole, beside. */
static void decode_choice(decoded_request *self, const scopeflow__node *member) {
    const scopeflow__node *const alone = scopeflow__at_key(member, "disable_parallel_tool_use");
    self->tool_choice = self->provider->decode_tool_choice(&self->coding, member);
    if (self->tool_choice == NULL)
        keep_own(self, member);
    else if (alone != NULL)
        scopeflow__put(&self->coding, self->others, "parallel_tool_calls",
                       opposite(&self->coding, alone));
}

static void decode_top(decoded_request *self, const scopeflow__codec_field *field,
                       const scopeflow__node *member) {
    const scopeflow__coding *const coding = &self->coding;
    if (scopeflow__same_text(field->to, SCOPEFLOW__TEXT("messages")))
        self->messages = self->provider->decode_messages(coding, member);
    else if (scopeflow__same_text(field->to, SCOPEFLOW__TEXT("instructions")))
        self->instructions = self->provider->decode_instructions(coding, member);
    else if (scopeflow__same_text(field->to, SCOPEFLOW__TEXT("tools")))
        self->tools = self->provider->decode_tools(coding, member);
    else if (scopeflow__same_text(field->to, SCOPEFLOW__TEXT("tool_choice")))
        decode_choice(self, member);
    else
        self->model = scopeflow__as_it_is(coding, member);
}

static void decode_field(decoded_request *self, const scopeflow__codec_field *field,
                         const scopeflow__node *member) {
    if (field->group == SCOPEFLOW__CODEC_GROUP_TOP)
        decode_top(self, field, member);
    else
        scopeflow__node_add(self->coding.trees, self->params, field->to,
                            decode_param(&self->coding, field->to, member));
}

/* A member that has parameters in it; the rest of it is the provider's own. */
static void decode_parent(decoded_request *self, const scopeflow__node *member) {
    scopeflow__trees *const trees = self->coding.trees;
    scopeflow__node *const rest = scopeflow__object(&self->coding);
    if (member->kind != SCOPEFLOW_TOKEN_OBJECT) {
        keep_own(self, member);
        return;
    }
    for (const scopeflow__node *child = member->first; child != NULL; child = child->next) {
        const scopeflow__codec_field *const field =
            field_of_key(self->coding.map, member->key, child->key);
        if (field != NULL)
            decode_field(self, field, child);
        else
            scopeflow__node_add_shared(trees, rest, child->key, child);
    }
    if (rest->count > 0) scopeflow__node_add(trees, self->own, member->key, rest);
}

static void decode_member(decoded_request *self, const scopeflow__node *member) {
    const scopeflow__codec_map *const map = self->coding.map;
    const scopeflow__codec_field *const field =
        field_of_key(map, scopeflow__text("", 0), member->key);
    if (field != NULL) {
        if (is_outdone(map, field, self->content))
            keep_own(self, member);
        else
            decode_field(self, field, member);
    } else if (is_parent(map, member->key)) {
        decode_parent(self, member);
    } else if (scopeflow__is_listed(map->own, map->own_count, member->key) ||
               scopeflow__is_listed(scopeflow__request_members, SCOPEFLOW__REQUEST_MEMBER_COUNT,
                                    member->key)) {
        keep_own(self, member);
    } else {
        scopeflow__node_add_shared(self->coding.trees, self->others, member->key, member);
    }
}

static scopeflow__node *put_together(decoded_request *self) {
    const scopeflow__coding *const coding = &self->coding;
    scopeflow__node *const made = scopeflow__object(coding);
    scopeflow__put(coding, made, "messages",
                   self->messages != NULL ? self->messages : scopeflow__array(coding));
    scopeflow__put(coding, made, "instructions", self->instructions);
    scopeflow__put(coding, made, "model", self->model);
    if (self->params->count > 0) scopeflow__put(coding, made, "params", self->params);
    scopeflow__put(coding, made, "tools", self->tools);
    scopeflow__put(coding, made, "tool_choice", self->tool_choice);
    if (self->own->count > 1) scopeflow__put(coding, made, "api_specific", self->own);
    static const char *const none[] = {NULL};
    scopeflow__put_others(coding, made, self->others, none);
    return made;
}

scopeflow__node *scopeflow__decode_request(scopeflow__trees *trees, scopeflow_codec_id codec,
                                           const scopeflow__node *content) {
    decoded_request self;
    memset(&self, 0, sizeof self);
    self.coding.trees = trees;
    self.coding.map = scopeflow__map_of(codec);
    self.provider = scopeflow__provider_of(codec);
    self.content = content;
    self.params = scopeflow__object(&self.coding);
    self.own = scopeflow__object(&self.coding);
    self.others = scopeflow__object(&self.coding);
    scopeflow__put(&self.coding, self.own, "api", scopeflow__node_text(trees, self.coding.map->id));
    for (const scopeflow__node *child = content->first; child != NULL; child = child->next)
        decode_member(&self, child);
    return put_together(&self);
}

/* --- Encoding --- */

typedef struct encoded_request {
    scopeflow__coding coding;
    const scopeflow__provider *provider;
    const scopeflow__node *original;
    scopeflow__node *content;
} encoded_request;

static scopeflow__node *encode_top(encoded_request *self, const scopeflow__codec_field *field,
                                   const scopeflow__node *value) {
    const scopeflow__coding *const coding = &self->coding;
    if (scopeflow__same_text(field->to, SCOPEFLOW__TEXT("messages")))
        return self->provider->encode_messages(coding, value,
                                               scopeflow__node_get(self->original, field->key));
    if (scopeflow__same_text(field->to, SCOPEFLOW__TEXT("instructions")))
        return self->provider->encode_instructions(coding, value);
    if (scopeflow__same_text(field->to, SCOPEFLOW__TEXT("tools")))
        return self->provider->encode_tools(coding, value);
    if (scopeflow__same_text(field->to, SCOPEFLOW__TEXT("tool_choice")))
        return self->provider->encode_tool_choice(coding, value);
    if (scopeflow__same_text(field->key, SCOPEFLOW__TEXT("disable_parallel_tool_use")))
        return opposite(coding, value);
    return scopeflow__as_it_is(coding, value);
}

/* A list of one is a single text where the original has one. */
static scopeflow__node *encode_param(encoded_request *self, const scopeflow__codec_field *field,
                                     const scopeflow__node *value) {
    const scopeflow__node *const was =
        scopeflow__node_get(parent_in(field, self->original), field->key);
    bool const is_text = scopeflow__same_text(field->to, SCOPEFLOW__TEXT("stop")) &&
                         value->kind == SCOPEFLOW_TOKEN_ARRAY && value->count == 1 &&
                         scopeflow__node_is(was, SCOPEFLOW_TOKEN_STRING);
    return scopeflow__as_it_is(&self->coding, is_text ? value->first : value);
}

/* The object that the field stands in. */
static scopeflow__node *parent_of(encoded_request *self, const scopeflow__codec_field *field) {
    if (field->parent.len == 0) return self->content;
    scopeflow__node *parent = scopeflow__node_get(self->content, field->parent);
    if (parent == NULL) {
        parent = scopeflow__object(&self->coding);
        scopeflow__node_add(self->coding.trees, self->content, field->parent, parent);
    }
    return parent;
}

/* Sets a member, or joins an object with what fields that stand in it have made of it. */
static void set_or_join(encoded_request *self, scopeflow__node *parent, scopeflow_bytes key,
                        const scopeflow__node *value) {
    scopeflow__trees *const trees = self->coding.trees;
    scopeflow__node *const there = scopeflow__node_find(trees, parent, key);
    bool const are_objects =
        scopeflow__node_is(there, SCOPEFLOW_TOKEN_OBJECT) && value->kind == SCOPEFLOW_TOKEN_OBJECT;
    if (!are_objects || !is_parent(self->coding.map, key)) {
        scopeflow__node_set(trees, parent, key, scopeflow__as_it_is(&self->coding, value));
        return;
    }
    for (const scopeflow__node *child = value->first; child != NULL; child = child->next)
        scopeflow__node_set(trees, there, child->key, scopeflow__as_it_is(&self->coding, child));
}

static void encode_group_member(encoded_request *self, scopeflow__codec_group group,
                                scopeflow_bytes name, const scopeflow__node *value) {
    const scopeflow__codec_field *const field =
        field_for(self->coding.map, group, name, self->original);
    if (field == NULL) {
        set_or_join(self, self->content, name, value);
        return;
    }
    scopeflow__node *const encoded = group == SCOPEFLOW__CODEC_GROUP_TOP
                                         ? encode_top(self, field, value)
                                         : encode_param(self, field, value);
    set_or_join(self, parent_of(self, field), field->key, encoded);
}

static bool is_object_named(const scopeflow__node *member, scopeflow_bytes name) {
    return member->kind == SCOPEFLOW_TOKEN_OBJECT && scopeflow__same_text(member->key, name);
}

static void encode_annotated(encoded_request *self, const scopeflow__node *member) {
    if (is_object_named(member, SCOPEFLOW__TEXT("params"))) {
        for (const scopeflow__node *child = member->first; child != NULL; child = child->next)
            encode_group_member(self, SCOPEFLOW__CODEC_GROUP_PARAMS, child->key, child);
    } else if (!is_object_named(member, SCOPEFLOW__TEXT("api_specific"))) {
        encode_group_member(self, SCOPEFLOW__CODEC_GROUP_TOP, member->key, member);
    }
}

scopeflow__node *scopeflow__encode_request(scopeflow__trees *trees, scopeflow_codec_id codec,
                                           const scopeflow__node *annotated,
                                           const scopeflow__node *original) {
    encoded_request self;
    self.coding.trees = trees;
    self.coding.map = scopeflow__map_of(codec);
    self.provider = scopeflow__provider_of(codec);
    self.original = original;
    self.content = scopeflow__object(&self.coding);
    for (const scopeflow__node *child = annotated->first; child != NULL; child = child->next)
        encode_annotated(&self, child);
    const scopeflow__node *const own = scopeflow__at_key(annotated, "api_specific");
    const scopeflow__node *child =
        scopeflow__node_is(own, SCOPEFLOW_TOKEN_OBJECT) ? own->first : NULL;
    for (; child != NULL; child = child->next)
        if (!scopeflow__same_text(child->key, SCOPEFLOW__TEXT("api")))
            set_or_join(&self, self.content, child->key, child);
    return self.content;
}

/* --- One way to say it, where there are several --- */

/* A text as a list of one part; anything else as it is. */
static scopeflow__node *as_parts(scopeflow__trees *trees, const scopeflow__node *content) {
    if (content->kind != SCOPEFLOW_TOKEN_STRING) return scopeflow__node_share(trees, content);
    scopeflow__node *const parts = scopeflow__node_new(trees, SCOPEFLOW_TOKEN_ARRAY);
    scopeflow__node *const part = scopeflow__node_new(trees, SCOPEFLOW_TOKEN_OBJECT);
    scopeflow__node_add(trees, part, SCOPEFLOW__TEXT("type"),
                        scopeflow__node_text(trees, SCOPEFLOW__TEXT("text")));
    scopeflow__node_add_shared(trees, part, SCOPEFLOW__TEXT("text"), content);
    scopeflow__node_append(trees, parts, part);
    return parts;
}

static scopeflow__node *message_of_parts(scopeflow__trees *trees, const scopeflow__node *message) {
    const scopeflow__node *const content = scopeflow__at_key(message, "content");
    scopeflow__node *const made = scopeflow__node_share(trees, message);
    if (!scopeflow__node_is(content, SCOPEFLOW_TOKEN_STRING)) return made;
    made->first = made->last = NULL;
    made->count = 0;
    for (const scopeflow__node *child = message->first; child != NULL; child = child->next)
        scopeflow__node_add(trees, made, child->key,
                            child == content ? as_parts(trees, child)
                                             : scopeflow__node_share(trees, child));
    return made;
}

static scopeflow__node *messages_of_parts(scopeflow__trees *trees,
                                          const scopeflow__node *messages) {
    if (messages->kind != SCOPEFLOW_TOKEN_ARRAY) return scopeflow__node_share(trees, messages);
    scopeflow__node *const made = scopeflow__node_new(trees, SCOPEFLOW_TOKEN_ARRAY);
    for (const scopeflow__node *child = messages->first; child != NULL; child = child->next)
        scopeflow__node_append(trees, made, message_of_parts(trees, child));
    return made;
}

static scopeflow__node *said_one_way(scopeflow__trees *trees, scopeflow_codec_id codec,
                                     const scopeflow__node *member) {
    bool const has_only_parts = scopeflow__provider_of(codec)->has_only_parts;
    if (has_only_parts && scopeflow__same_text(member->key, SCOPEFLOW__TEXT("messages")))
        return messages_of_parts(trees, member);
    if (has_only_parts && scopeflow__same_text(member->key, SCOPEFLOW__TEXT("instructions")))
        return as_parts(trees, member);
    return scopeflow__node_share(trees, member);
}

/* An annotated form in which what says nothing is left out: an empty group, one that only names the
 * provider, and what is null in place of being absent. */
static scopeflow__node *without_nothing(scopeflow__trees *trees, scopeflow_codec_id codec,
                                        const scopeflow__node *annotated) {
    scopeflow__node *const made = scopeflow__node_new(trees, SCOPEFLOW_TOKEN_OBJECT);
    for (const scopeflow__node *child = annotated->first; child != NULL; child = child->next) {
        bool const is_params = is_object_named(child, SCOPEFLOW__TEXT("params"));
        bool const is_own = is_object_named(child, SCOPEFLOW__TEXT("api_specific"));
        bool const names_it =
            is_own && child->count == 1 &&
            scopeflow__node_says(scopeflow__at_key(child, "api"), scopeflow__map_of(codec)->id);
        if ((is_params || is_own) && (child->count == 0 || names_it)) continue;
        scopeflow__node_add(trees, made, child->key, said_one_way(trees, codec, child));
    }
    if (scopeflow__at_key(made, "messages") == NULL)
        scopeflow__node_add(trees, made, SCOPEFLOW__TEXT("messages"),
                            scopeflow__node_new(trees, SCOPEFLOW_TOKEN_ARRAY));
    return made;
}

/* --- Edits --- */

/* Whether an edit can be put as JSON and read back: what a walker cut off cannot. */
static bool is_sound(const scopeflow__node *node) {
    if (node->kind == SCOPEFLOW_TOKEN_CYCLE || node->kind == SCOPEFLOW_TOKEN_TOO_DEEP ||
        node->kind == SCOPEFLOW_TOKEN_UNSERIALIZABLE)
        return false;
    for (const scopeflow__node *child = node->first; child != NULL; child = child->next)
        if (!is_sound(child)) return false;
    return true;
}

scopeflow__node *scopeflow__edit_request(scopeflow__trees *trees, scopeflow_codec_id codec,
                                         const scopeflow__node *annotated,
                                         const scopeflow__node *original,
                                         scopeflow_bytes *out_path) {
    scopeflow__node *const before =
        without_nothing(trees, codec, scopeflow__decode_request(trees, codec, original));
    scopeflow__node *const after = without_nothing(trees, codec, annotated);
    scopeflow__merge merge;
    merge.trees = trees;
    merge.edits = scopeflow__node_new(trees, SCOPEFLOW_TOKEN_ARRAY);
    merge.path.len = 0;
    if (scopeflow__node_equal(trees, before, after)) return merge.edits;

    scopeflow__node *const edited = scopeflow__merge_trees(
        &merge, original, scopeflow__encode_request(trees, codec, before, original),
        scopeflow__encode_request(trees, codec, after, original));
    scopeflow__node *const again =
        without_nothing(trees, codec, scopeflow__decode_request(trees, codec, edited));
    bool const is_carried = scopeflow__node_equal(trees, again, after);
    if (trees->failed || (is_carried && is_sound(merge.edits))) return merge.edits;
    *out_path = scopeflow__first_difference(trees, after, is_carried ? before : again);
    /* All members of one side are members of the other, only not as often. */
    if (out_path->len == 0) *out_path = SCOPEFLOW__TEXT("a key that stands twice");
    return NULL;
}
