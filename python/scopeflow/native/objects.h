/* Rows of tokens (spec/api/payload.yaml) as Python objects: what codecs hand over. The core has
 * made them, so they are well-formed. All functions need the GIL. */
#ifndef SCOPEFLOW_PYTHON_OBJECTS_H
#define SCOPEFLOW_PYTHON_OBJECTS_H

#include "glue.h"

#include <string.h>

typedef struct glue_row {
    const unsigned char *at;
} glue_row;

static PyObject *glue_read_object(glue_row *row);

static inline uint32_t glue_read_u32(glue_row *row) {
    const unsigned char *const at = row->at;
    row->at += 4;
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t glue_read_u64(glue_row *row) {
    uint64_t const low = glue_read_u32(row);
    return low | (uint64_t)glue_read_u32(row) << 32;
}

static inline scopeflow_bytes glue_read_text(glue_row *row) {
    scopeflow_bytes text;
    text.len = glue_read_u32(row);
    text.ptr = (const char *)row->at;
    row->at += text.len;
    return text;
}

static PyObject *glue_text_object(scopeflow_bytes text) {
    return PyUnicode_DecodeUTF8(text.ptr, (Py_ssize_t)text.len, "replace");
}

/* Keys come again and again: the last one of each hash is kept. */
enum { GLUE_KEY_COUNT = 512, GLUE_KEY_LIMIT_BYTES = 48 };
static PyObject *glue_keys[GLUE_KEY_COUNT];

static PyObject *glue_key_object(scopeflow_bytes text) {
    uint32_t hash = 0x811C9DC5u;
    Py_ssize_t len = 0;
    if (text.len > GLUE_KEY_LIMIT_BYTES) return glue_text_object(text);
    for (size_t i = 0; i < text.len; i++) hash = (hash ^ (unsigned char)text.ptr[i]) * 0x01000193u;
    PyObject **const place = &glue_keys[(hash ^ hash >> 16) % GLUE_KEY_COUNT];
    if (*place != NULL) {
        const char *const known = PyUnicode_AsUTF8AndSize(*place, &len);
        if (known != NULL && (size_t)len == text.len && memcmp(known, text.ptr, text.len) == 0) {
            Py_INCREF(*place);
            return *place;
        }
    }
    PyObject *const key = glue_text_object(text);
    if (key == NULL) return NULL;
    Py_INCREF(key);
    PyObject *const before = *place;
    *place = key;
    Py_XDECREF(before);
    return key;
}

static PyObject *glue_read_double(glue_row *row) {
    uint64_t const bits = glue_read_u64(row);
    double value;
    memcpy(&value, &bits, sizeof value);
    return PyFloat_FromDouble(value);
}

static PyObject *glue_read_big_integer(glue_row *row) {
    scopeflow_bytes const text = glue_read_text(row);
    PyObject *const digits = glue_text_object(text);
    if (digits == NULL) return NULL;
    PyObject *const number = PyLong_FromUnicodeObject(digits, 10);
    if (number != NULL) {
        Py_DECREF(digits);
        return number;
    }
    PyErr_Clear(); /* More digits than the interpreter reads at once. */
    PyObject *const marked = Py_BuildValue("{s:O}", "$integer", digits);
    Py_DECREF(digits);
    return marked;
}

static PyObject *glue_read_members(glue_row *row) {
    PyObject *const made = PyDict_New();
    while (made != NULL && *row->at != SCOPEFLOW_TOKEN_END) {
        row->at++;
        PyObject *const key = glue_key_object(glue_read_text(row));
        PyObject *const value = key == NULL ? NULL : glue_read_object(row);
        int const failed = value == NULL || PyDict_SetItem(made, key, value) != 0;
        Py_XDECREF(key);
        Py_XDECREF(value);
        if (failed) {
            Py_DECREF(made);
            return NULL;
        }
    }
    row->at++;
    return made;
}

static PyObject *glue_read_elements(glue_row *row) {
    PyObject *const made = PyList_New(0);
    while (made != NULL && *row->at != SCOPEFLOW_TOKEN_END) {
        PyObject *const value = glue_read_object(row);
        int const failed = value == NULL || PyList_Append(made, value) != 0;
        Py_XDECREF(value);
        if (failed) {
            Py_DECREF(made);
            return NULL;
        }
    }
    row->at++;
    return made;
}

/* As deep as a payload may be. */
static PyObject *glue_read_object(glue_row *row) {
    scopeflow_bytes text;
    switch (*row->at++) {
    case SCOPEFLOW_TOKEN_FALSE: Py_RETURN_FALSE;
    case SCOPEFLOW_TOKEN_TRUE: Py_RETURN_TRUE;
    case SCOPEFLOW_TOKEN_INT: return PyLong_FromLongLong((long long)glue_read_u64(row));
    case SCOPEFLOW_TOKEN_UINT: return PyLong_FromUnsignedLongLong(glue_read_u64(row));
    case SCOPEFLOW_TOKEN_DOUBLE: return glue_read_double(row);
    case SCOPEFLOW_TOKEN_STRING: return glue_text_object(glue_read_text(row));
    case SCOPEFLOW_TOKEN_BYTES:
        text = glue_read_text(row);
        return PyBytes_FromStringAndSize(text.ptr, (Py_ssize_t)text.len);
    case SCOPEFLOW_TOKEN_BIG_INTEGER: return glue_read_big_integer(row);
    case SCOPEFLOW_TOKEN_CYCLE: return Py_BuildValue("{s:I}", "$cycle", glue_read_u32(row));
    case SCOPEFLOW_TOKEN_TOO_DEEP:
        return Py_BuildValue("{s:I}", "$depth", (unsigned)SCOPEFLOW_PAYLOAD_DEPTH_LIMIT);
    case SCOPEFLOW_TOKEN_UNSERIALIZABLE:
        text = glue_read_text(row);
        return Py_BuildValue("{s:s#}", "$unserializable", text.ptr, (Py_ssize_t)text.len);
    case SCOPEFLOW_TOKEN_OBJECT: return glue_read_members(row);
    case SCOPEFLOW_TOKEN_ARRAY:
    case SCOPEFLOW_TOKEN_SET: return glue_read_elements(row);
    default: Py_RETURN_NONE;
    }
}

/* A new reference; NULL with an exception raised. */
static PyObject *glue_object_of_tokens(scopeflow_bytes tokens) {
    glue_row row;
    row.at = (const unsigned char *)tokens.ptr;
    if (tokens.len == 0) Py_RETURN_NONE;
    return glue_read_object(&row);
}

#endif
