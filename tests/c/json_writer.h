/* JSON text made from what json_reader read: whole, or changed in one place. For the tests' host,
 * whose objects are JSON text: an edit in place is a new text. */
#ifndef SCOPEFLOW_TESTS_JSON_WRITER_H
#define SCOPEFLOW_TESTS_JSON_WRITER_H

#include "json_reader.h"

/* A text that grows; `text` is NUL-terminated and belongs to whoever made it. All zero is empty. */
typedef struct json_writer {
    char *text;
    size_t len;
    size_t capacity;
} json_writer;

void json_put(json_writer *self, const char *text, size_t len);
void json_put_c(json_writer *self, const char *text);
void json_put_string(json_writer *self, const char *text, size_t len);
void json_put_value(json_writer *self, const json *node);

/* The document with the member at `path` (names and indexes with `/` between them) replaced by
 * `value`, added if its last name is not there, or taken out if `value` is null. False if the way
 * leads nowhere. */
bool json_put_changed(json_writer *self, const json *document, const char *path, const json *value);

/* Whether two values have the same canonical text: the order of members does not count, nor how a
 * number is written. */
bool json_same(const json *a, const json *b);

#endif
