#include "json_reader.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A document is an arena: blocks in a row, the first of which begins with the root node. */
typedef struct block {
    struct block *next;
    size_t used;
    size_t size;
    max_align_t data[1];
} block;

typedef struct reader {
    const char *at;
    const char *end;
    block *last;
    unsigned depth;
} reader;

enum { BLOCK_SIZE = 1 << 16, DEPTH_LIMIT = 256 };

static block *new_block(size_t size) {
    block *const self = malloc(offsetof(block, data) + size);
    if (self == NULL) abort();
    self->next = NULL;
    self->used = 0;
    self->size = size;
    return self;
}

static void *take(reader *self, size_t size) {
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (self->last->size - self->last->used < size) {
        self->last->next = new_block(size > BLOCK_SIZE ? size : BLOCK_SIZE);
        self->last = self->last->next;
    }
    void *const place = (char *)self->last->data + self->last->used;
    self->last->used += size;
    return place;
}

/* strchr would find the NUL at the end of the set. */
static bool is_one_of(char byte, const char *set) {
    return memchr(set, byte, strlen(set)) != NULL;
}

static void skip_blanks(reader *self) {
    while (self->at < self->end && is_one_of(*self->at, " \t\r\n")) self->at++;
}

static bool skip(reader *self, char byte) {
    skip_blanks(self);
    if (self->at == self->end || *self->at != byte) return false;
    self->at++;
    return true;
}

static char *put_utf8(char *to, unsigned long code) {
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *to++ = (char)(0xE0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    } else {
        *to++ = (char)(0xF0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3F));
        *to++ = (char)(0x80 | (code >> 6 & 0x3F));
        *to++ = (char)(0x80 | (code & 0x3F));
    }
    return to;
}

static bool read_hex(reader *self, unsigned long *out) {
    char digits[5] = {0};
    if (self->end - self->at < 4) return false;
    memcpy(digits, self->at, 4);
    for (int i = 0; i < 4; i++)
        if (!isxdigit((unsigned char)digits[i])) return false;
    *out = strtoul(digits, NULL, 16);
    self->at += 4;
    return true;
}

static bool read_escape(reader *self, char **to) {
    static const char letters[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    char const letter = *self->at++;
    const char *const known = letter == '\0' ? NULL : strchr(letters, letter);
    if (known != NULL) {
        *(*to)++ = values[known - letters];
        return true;
    }
    unsigned long code;
    if (letter != 'u' || !read_hex(self, &code)) return false;
    if (code >= 0xD800 && code < 0xDC00) {
        unsigned long low;
        if (self->end - self->at < 2 || memcmp(self->at, "\\u", 2) != 0) return false;
        self->at += 2;
        if (!read_hex(self, &low) || low < 0xDC00 || low > 0xDFFF) return false;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    *to = put_utf8(*to, code);
    return true;
}

static bool read_string(reader *self, const char **out, size_t *out_len) {
    if (!skip(self, '"')) return false;
    const char *const quote = memchr(self->at, '"', (size_t)(self->end - self->at));
    if (quote == NULL) return false;
    size_t longest = 0;
    for (const char *p = self->at; p < self->end && *p != '"'; p += *p == '\\' ? 2 : 1)
        longest = (size_t)(p - self->at) + 2;
    char *const text = take(self, longest + 5);
    char *to = text;
    while (self->at < self->end && *self->at != '"') {
        if ((unsigned char)*self->at < 0x20) return false;
        if (*self->at != '\\') {
            *to++ = *self->at++;
            continue;
        }
        self->at++;
        if (self->at == self->end || !read_escape(self, &to)) return false;
    }
    *to = '\0';
    *out = text;
    *out_len = (size_t)(to - text);
    return skip(self, '"');
}

static bool read_value(reader *self, json *node);

static bool read_container(reader *self, json *node, char close) {
    const json **link = &node->first;
    node->kind = close == '}' ? JSON_OBJECT : JSON_ARRAY;
    if (++self->depth > DEPTH_LIMIT) return false;
    if (!skip(self, close)) {
        do {
            json *const child = take(self, sizeof *child);
            memset(child, 0, sizeof *child);
            size_t key_len;
            if (close == '}' && (!read_string(self, &child->key, &key_len) || !skip(self, ':')))
                return false;
            if (!read_value(self, child)) return false;
            *link = child;
            link = (const json **)&child->next;
        } while (skip(self, ','));
        if (!skip(self, close)) return false;
    }
    self->depth--;
    return true;
}

static bool read_word(reader *self, json *node, const char *word, json_kind kind) {
    size_t const len = strlen(word);
    if ((size_t)(self->end - self->at) < len || memcmp(self->at, word, len) != 0) return false;
    self->at += len;
    node->kind = kind;
    return true;
}

static bool read_number(reader *self, json *node) {
    const char *const start = self->at;
    while (self->at < self->end && is_one_of(*self->at, "+-.eE0123456789")) self->at++;
    node->kind = JSON_NUMBER;
    node->len = (size_t)(self->at - start);
    char *const text = take(self, node->len + 1);
    memcpy(text, start, node->len);
    text[node->len] = '\0';
    node->text = text;
    return node->len > 0;
}

static bool read_value(reader *self, json *node) {
    skip_blanks(self);
    if (self->at == self->end) return false;
    switch (*self->at) {
    case '{': self->at++; return read_container(self, node, '}');
    case '[': self->at++; return read_container(self, node, ']');
    case '"': node->kind = JSON_STRING; return read_string(self, &node->text, &node->len);
    case 'n': return read_word(self, node, "null", JSON_NULL);
    case 't': return read_word(self, node, "true", JSON_TRUE);
    case 'f': return read_word(self, node, "false", JSON_FALSE);
    default: return read_number(self, node);
    }
}

const json *json_read(const char *text, size_t len) {
    block *const first = new_block(BLOCK_SIZE);
    reader self = {text, text + len, first, 0};
    json *const root = take(&self, sizeof *root);
    memset(root, 0, sizeof *root);
    bool const valid = read_value(&self, root);
    skip_blanks(&self);
    if (valid && self.at == self.end) return root;
    fprintf(stderr, "no JSON: mistake at byte %zu\n", (size_t)(self.at - text));
    json_free(root);
    return NULL;
}

void json_free(const json *document) {
    if (document == NULL) return;
    block *next = (block *)(void *)((char *)(uintptr_t)document - offsetof(block, data));
    while (next != NULL) {
        block *const current = next;
        next = current->next;
        free(current);
    }
}

const json *json_read_file(const char *path) {
    FILE *const file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return NULL;
    }
    fseek(file, 0, SEEK_END);
    long const size = ftell(file);
    rewind(file);
    char *const text = malloc(size > 0 ? (size_t)size : 1);
    size_t const len = text == NULL ? 0 : fread(text, 1, (size_t)size, file);
    fclose(file);
    const json *const document = json_read(text, len);
    if (document == NULL) fprintf(stderr, "%s cannot be read\n", path);
    free(text);
    return document;
}

const json *json_get(const json *object, const char *key) {
    if (object == NULL || object->kind != JSON_OBJECT) return NULL;
    for (const json *member = object->first; member != NULL; member = member->next)
        if (strcmp(member->key, key) == 0) return member;
    return NULL;
}

const json *json_at(const json *array, size_t index) {
    const json *element = array == NULL ? NULL : array->first;
    while (element != NULL && index-- > 0) element = element->next;
    return element;
}

size_t json_count(const json *container) {
    size_t count = 0;
    if (container == NULL) return 0;
    for (const json *child = container->first; child != NULL; child = child->next) count++;
    return count;
}

bool json_is(const json *node, const char *text) {
    return node != NULL && node->kind == JSON_STRING && strcmp(node->text, text) == 0;
}

bool json_is_true(const json *node) {
    return node != NULL && node->kind == JSON_TRUE;
}

long long json_integer(const json *node, long long otherwise) {
    if (node == NULL || (node->kind != JSON_NUMBER && node->kind != JSON_STRING)) return otherwise;
    return strtoll(node->text, NULL, 10);
}

const char *json_text(const json *node, const char *otherwise) {
    return node != NULL && node->kind == JSON_STRING ? node->text : otherwise;
}
