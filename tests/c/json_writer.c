#include "json_writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Text --- */

void json_put(json_writer *self, const char *text, size_t len) {
    if (self->len + len + 1 > self->capacity) {
        self->capacity = 2 * (self->len + len + 1);
        self->text = realloc(self->text, self->capacity);
        if (self->text == NULL) abort();
    }
    if (len > 0) memcpy(self->text + self->len, text, len);
    self->len += len;
    self->text[self->len] = '\0';
}

void json_put_c(json_writer *self, const char *text) {
    json_put(self, text, strlen(text));
}

void json_put_string(json_writer *self, const char *text, size_t len) {
    json_put_c(self, "\"");
    for (size_t i = 0; i < len; i++) {
        char escaped[8];
        if (text[i] == '"' || text[i] == '\\')
            snprintf(escaped, sizeof escaped, "\\%c", text[i]);
        else if ((unsigned char)text[i] < 0x20)
            snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)text[i]);
        else
            snprintf(escaped, sizeof escaped, "%c", text[i]);
        json_put_c(self, escaped);
    }
    json_put_c(self, "\"");
}

/* --- Values --- */

static void put_key(json_writer *self, const json *member, bool is_first) {
    if (!is_first) json_put_c(self, ",");
    if (member->key == NULL) return;
    json_put_string(self, member->key, strlen(member->key));
    json_put_c(self, ":");
}

static void put_container(json_writer *self, const json *node) {
    json_put_c(self, node->kind == JSON_OBJECT ? "{" : "[");
    for (const json *child = node->first; child != NULL; child = child->next) {
        put_key(self, child, child == node->first);
        json_put_value(self, child);
    }
    json_put_c(self, node->kind == JSON_OBJECT ? "}" : "]");
}

void json_put_value(json_writer *self, const json *node) {
    switch (node->kind) {
    case JSON_NULL: json_put_c(self, "null"); break;
    case JSON_FALSE: json_put_c(self, "false"); break;
    case JSON_TRUE: json_put_c(self, "true"); break;
    case JSON_NUMBER: json_put(self, node->text, node->len); break;
    case JSON_STRING: json_put_string(self, node->text, node->len); break;
    case JSON_ARRAY:
    case JSON_OBJECT: put_container(self, node); break;
    }
}

/* --- Changes --- */

typedef struct change {
    const char *path;
    const json *value;
} change;

static bool is_on_the_way(const json *child, size_t index, const char *path, size_t len) {
    char digits[24];
    const char *name = child->key;
    if (name == NULL) {
        snprintf(digits, sizeof digits, "%zu", index);
        name = digits;
    }
    return strlen(name) == len && memcmp(name, path, len) == 0;
}

static bool put_changed(json_writer *self, const json *node, change the_change);

/* The child at which the way goes on, or ends. */
static bool put_child(json_writer *self, const json *child, change the_change, size_t name_len) {
    bool const is_last = the_change.path[name_len] == '\0';
    if (is_last) {
        json_put_value(self, the_change.value);
        return true;
    }
    the_change.path += name_len + 1;
    return put_changed(self, child, the_change);
}

static bool put_changed(json_writer *self, const json *node, change the_change) {
    size_t const name_len = strcspn(the_change.path, "/");
    bool const is_last = the_change.path[name_len] == '\0';
    bool found = false;
    bool is_first = true;
    size_t index = 0;
    if (node->kind != JSON_OBJECT && node->kind != JSON_ARRAY) return false;
    json_put_c(self, node->kind == JSON_OBJECT ? "{" : "[");
    for (const json *child = node->first; child != NULL; child = child->next, index++) {
        bool const is_here = is_on_the_way(child, index, the_change.path, name_len);
        if (is_here) found = true;
        if (is_here && is_last && the_change.value == NULL) continue;
        put_key(self, child, is_first);
        is_first = false;
        if (!is_here)
            json_put_value(self, child);
        else if (!put_child(self, child, the_change, name_len))
            return false;
    }
    if (!found && is_last && the_change.value != NULL && node->kind == JSON_OBJECT) {
        if (!is_first) json_put_c(self, ",");
        json_put_string(self, the_change.path, name_len);
        json_put_c(self, ":");
        json_put_value(self, the_change.value);
        found = true;
    }
    json_put_c(self, node->kind == JSON_OBJECT ? "}" : "]");
    return found;
}

bool json_put_changed(json_writer *self, const json *document, const char *path,
                      const json *value) {
    change const the_change = {path, value};
    return put_changed(self, document, the_change);
}

/* --- Sameness --- */

static bool same_number(const json *a, const json *b) {
    if (a->len == b->len && memcmp(a->text, b->text, a->len) == 0) return true;
    bool const has_fraction = strpbrk(a->text, ".eE") != NULL || strpbrk(b->text, ".eE") != NULL;
    double const difference = strtod(a->text, NULL) - strtod(b->text, NULL);
    return has_fraction && !(difference < 0) && !(difference > 0);
}

static bool same_children(const json *a, const json *b) {
    if (json_count(a) != json_count(b)) return false;
    size_t index = 0;
    for (const json *child = a->first; child != NULL; child = child->next, index++)
        if (!json_same(child, child->key != NULL ? json_get(b, child->key) : json_at(b, index)))
            return false;
    return true;
}

bool json_same(const json *a, const json *b) {
    if (a == NULL || b == NULL || a->kind != b->kind) return a == b;
    if (a->kind == JSON_NUMBER) return same_number(a, b);
    if (a->kind == JSON_STRING) return a->len == b->len && memcmp(a->text, b->text, a->len) == 0;
    return same_children(a, b);
}
