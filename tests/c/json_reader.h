/* A small strict reader of JSON text for the tests, independent of the one under test.
 *
 * The nodes of a document lie in one block that `json_free` gives back; texts are unescaped. */
#ifndef SCOPEFLOW_TESTS_JSON_READER_H
#define SCOPEFLOW_TESTS_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>

typedef enum json_kind {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER, /* `text` holds its digits. */
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
} json_kind;

typedef struct json {
    json_kind kind;
    const char *text; /* NUL-terminated after `len` bytes; it may hold further NULs. */
    size_t len;
    const char *key; /* Of a member of an object. */
    const struct json *first;
    const struct json *next;
} json;

/* Reads a file or a text; on failure says why on stderr and returns null. */
const json *json_read_file(const char *path);
const json *json_read(const char *text, size_t len);
void json_free(const json *document);

/* All of these take a null node and then find nothing. */
const json *json_get(const json *object, const char *key);
const json *json_at(const json *array, size_t index);
size_t json_count(const json *container);
bool json_is(const json *node, const char *text);
bool json_is_true(const json *node);
long long json_integer(const json *node, long long otherwise);
const char *json_text(const json *node, const char *otherwise);

#endif
