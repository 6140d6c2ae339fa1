/* What Cython has no word for: a thread's emitter, the raised exception as one object, the
 * interpreter's protocol for awaiting (PEP 492) without a frame, and values told by their type.
 *
 * Nothing here knows what a step is; driver.pxi does. All functions need the GIL.
 */
#ifndef SCOPEFLOW_PYTHON_GLUE_H
#define SCOPEFLOW_PYTHON_GLUE_H

#include <Python.h>

#include "scopeflow/scopeflow.h"

#if defined(_MSC_VER)
#define SCOPEFLOW_GLUE_THREAD_LOCAL __declspec(thread)
#else
#define SCOPEFLOW_GLUE_THREAD_LOCAL _Thread_local
#endif

/* S5.1: "emitted by a subscriber" is known by a flag per thread. All zero is the initial value. */
static SCOPEFLOW_GLUE_THREAD_LOCAL scopeflow_emitter glue_emitter_of_thread;

static inline scopeflow_emitter *glue_emitter(void) {
    return &glue_emitter_of_thread;
}

/* Whether this thread is inside a subscriber. Gives back what it was before. */
static SCOPEFLOW_GLUE_THREAD_LOCAL int glue_is_serving_of_thread;

static inline int glue_set_serving(int is_serving) {
    int const before = glue_is_serving_of_thread;
    glue_is_serving_of_thread = is_serving;
    return before;
}

static inline int glue_is_serving(void) {
    return glue_is_serving_of_thread;
}

/* The error that is being answered, borrowed, so that what the core logs of it can show where it
 * came from (S5.7). Gives back the one before: an operation may run inside another one. */
static SCOPEFLOW_GLUE_THREAD_LOCAL PyObject *glue_failure_of_thread;

static inline PyObject *glue_set_failure(PyObject *error) {
    PyObject *const before = glue_failure_of_thread;
    glue_failure_of_thread = error;
    return before;
}

/* --- Exceptions --- */

/* The raised exception, normalised and with its traceback; nothing is raised afterwards. */
static PyObject *glue_take_raised(void) {
#if PY_VERSION_HEX >= 0x030C0000
    return PyErr_GetRaisedException();
#else
    PyObject *type, *value, *traceback;
    if (PyErr_Occurred() == NULL) return NULL; /* Mostly. */
    PyErr_Fetch(&type, &value, &traceback);
    PyErr_NormalizeException(&type, &value, &traceback);
    if (traceback != NULL) PyException_SetTraceback(value, traceback);
    Py_DECREF(type);
    Py_XDECREF(traceback);
    return value;
#endif
}

/* Raises an exception object just as it is: type, traceback, cause and context (S4.4). Takes the
 * reference. */
static void glue_raise(PyObject *exception) {
#if PY_VERSION_HEX >= 0x030C0000
    PyErr_SetRaisedException(exception);
#else
    PyObject *const type = (PyObject *)Py_TYPE(exception);
    Py_INCREF(type);
    PyErr_Restore(type, exception, PyException_GetTraceback(exception));
#endif
}

/* How a coroutine returns outside `am_send`: as StopIteration. From 3.12 on `await` takes every
 * result of a foreign awaitable this way, so the exception is built directly: that saves 650
 * instructions a call, and a result that is a tuple or an exception needs no care. Takes `value`.
 */
static void glue_raise_stop_iteration(PyObject *value) {
    if (value == Py_None) {
        Py_DECREF(value);
        PyErr_SetNone(PyExc_StopIteration);
        return;
    }
    PyTypeObject *const type = (PyTypeObject *)PyExc_StopIteration;
    PyObject *const no_arguments = PyTuple_New(0);
    PyObject *const stop = no_arguments == NULL ? NULL : type->tp_new(type, no_arguments, NULL);
    Py_XDECREF(no_arguments);
    if (stop == NULL) {
        Py_DECREF(value);
        return;
    }
    Py_XSETREF(((PyStopIterationObject *)stop)->value, value);
    glue_raise(stop);
}

/* What a callback raises as StopIteration would look like the end of the call that it failed: it
 * becomes the cause of a RuntimeError, as in the interpreter's own coroutines (PEP 479). */
static void glue_wrap_stop_iteration(void) {
    if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return;
    PyObject *const stop = glue_take_raised();
    PyErr_SetString(PyExc_RuntimeError, "coroutine raised StopIteration");
    PyObject *const error = glue_take_raised();
    Py_INCREF(stop);
    PyException_SetContext(error, stop);
    PyException_SetCause(error, stop);
    glue_raise(error);
}

/* The value of the StopIteration that is raised, which is cleared; NULL where something else is. */
static PyObject *glue_take_stop_iteration(void) {
    if (!PyErr_ExceptionMatches(PyExc_StopIteration)) return NULL;
    PyObject *const stop = glue_take_raised();
    PyObject *const value = ((PyStopIterationObject *)stop)->value;
    PyObject *const result = value != NULL ? value : Py_None;
    Py_INCREF(result);
    Py_DECREF(stop);
    return result;
}

/* --- Awaiting --- */

static inline int glue_code_flags(PyObject *code) {
    return ((PyCodeObject *)code)->co_flags;
}

static inline int glue_is_generator_coroutine(PyObject *object) {
    if (!PyGen_CheckExact(object)) return 0;
    PyObject *const code = PyObject_GetAttrString(object, "gi_code");
    if (code == NULL) {
        PyErr_Clear();
        return 0;
    }
    int const flags = glue_code_flags(code);
    Py_DECREF(code);
    return (flags & CO_ITERABLE_COROUTINE) != 0;
}

static inline int glue_is_awaitable(PyObject *object) {
    if (PyCoro_CheckExact(object)) return 1;
    PyAsyncMethods const *const methods = Py_TYPE(object)->tp_as_async;
    if (methods != NULL && methods->am_await != NULL) return 1;
    return glue_is_generator_coroutine(object);
}

/* What `await` drives: a coroutine itself, else what its `__await__` gives. */
static PyObject *glue_await(PyObject *awaitable) {
    if (PyCoro_CheckExact(awaitable) || PyGen_CheckExact(awaitable)) {
        Py_INCREF(awaitable);
        return awaitable;
    }
    PyObject *const iterator = Py_TYPE(awaitable)->tp_as_async->am_await(awaitable);
    if (iterator != NULL && !PyIter_Check(iterator) && !PyCoro_CheckExact(iterator)) {
        PyErr_Format(PyExc_TypeError, "__await__() returned non-iterator of type '%.100s'",
                     Py_TYPE(iterator)->tp_name);
        Py_DECREF(iterator);
        return NULL;
    }
    return iterator;
}

/* What the raised StopIteration returns, which is cleared; NULL where something else is raised. Up
 * to 3.11 its value is mostly raised as it is, without an exception around it. */
static inline PyObject *glue_take_result(void) {
#if PY_VERSION_HEX < 0x030C0000
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    if (type == PyExc_StopIteration && value != NULL && traceback == NULL &&
        !PyExceptionInstance_Check(value)) {
        Py_DECREF(type);
        return value;
    }
    PyErr_Restore(type, value, traceback);
#endif
    return glue_take_stop_iteration();
}

/* PyIter_Send of None to what an async generator gives to be awaited. That asks for no more than
 * this, but asks much about it before. */
static inline PySendResult glue_next_of_generator(PyObject *iterator, PyObject **result) {
    *result = Py_TYPE(iterator)->tp_iternext(iterator);
    if (*result != NULL) return PYGEN_NEXT;
    *result = glue_take_result();
    return *result != NULL ? PYGEN_RETURN : PYGEN_ERROR;
}

/* --- Iterating --- */

static inline int glue_is_async_iterator(PyObject *object) {
    PyAsyncMethods const *const methods = Py_TYPE(object)->tp_as_async;
    return methods != NULL && methods->am_anext != NULL;
}

static inline int glue_is_async_generator(PyObject *object) {
    return PyAsyncGen_CheckExact(object);
}

static inline int glue_is_iterator(PyObject *object) {
    return PyIter_Check(object);
}

static inline PyObject *glue_async_next(PyObject *iterator) {
    return Py_TYPE(iterator)->tp_as_async->am_anext(iterator);
}

/* NULL with nothing raised is the end. */
static inline PyObject *glue_next(PyObject *iterator) {
    return Py_TYPE(iterator)->tp_iternext(iterator);
}

/* Lets an awaitable that nobody can await end quietly (S3.8). */
static void glue_discard_awaitable(PyObject *awaitable) {
    PyObject *const outer = glue_take_raised();
    PyObject *const closed = PyObject_CallMethod(awaitable, "close", NULL);
    if (closed == NULL) PyErr_Clear();
    Py_XDECREF(closed);
    if (outer != NULL) glue_raise(outer);
}

/* --- Type slots --- */

typedef PySendResult (*glue_send_function)(PyObject *self, PyObject *value, PyObject **result);

/* Gives a type the slots through which the interpreter drives a coroutine: `am_send` for tasks, and
 * for `await` up to 3.11; `tp_iternext` for `await` from 3.12 on and under tracing. */
static void glue_make_coroutine(PyTypeObject *type, glue_send_function send, iternextfunc next) {
    type->tp_as_async->am_send = send;
    type->tp_iternext = next;
    PyType_Modified(type);
}

/* Objects of the type are called through the function that stands in them at `offset` (PEP 590). */
static void glue_make_vectorcallable(PyTypeObject *type, Py_ssize_t offset) {
    type->tp_vectorcall_offset = offset;
    type->tp_flags |= Py_TPFLAGS_HAVE_VECTORCALL;
    PyType_Modified(type);
}

/* Nobody but the module itself makes objects of the type: they would point nowhere. */
static int glue_forbid_instances(PyTypeObject *type) {
    type->tp_new = NULL;
    type->tp_vectorcall = NULL;
    int const failed = PyDict_DelItemString(type->tp_dict, "__new__");
    PyType_Modified(type);
    return failed;
}

/* What stands behind METH_FASTCALL | METH_KEYWORDS; its name in CPython depends on the version. */
typedef PyObject *(*glue_method_function)(PyObject *self, PyObject *const *arguments,
                                          Py_ssize_t count, PyObject *names);

/* Replaces the C function of a method and gives back the one that was there. Bound methods that
 * exist already are replaced too. */
static glue_method_function glue_replace_method(PyTypeObject *type, const char *name,
                                                glue_method_function function) {
    PyMethodDef *method = type->tp_methods;
    while (strcmp(method->ml_name, name) != 0) method++;
    glue_method_function const replaced = (glue_method_function)(void (*)(void))method->ml_meth;
    method->ml_meth = (PyCFunction)(void (*)(void))function;
    return replaced;
}

/* --- Payloads: what cannot fail, without the care for what can --- */

/* Whether a text's UTF-8 is at hand, since all of it is ASCII. Also of a subclass of `str`. */
static inline int glue_is_ascii(PyObject *text) {
    return PyUnicode_IS_COMPACT_ASCII(text);
}

/* That UTF-8. The macros of CPython would ask once more where it stands. */
static inline scopeflow_bytes glue_ascii(PyObject *text) {
    scopeflow_bytes const bytes = {(const char *)((PyASCIIObject *)text + 1),
                                   (size_t)PyUnicode_GET_LENGTH(text)};
    return bytes;
}

/* Appends a text; false, with nothing raised, if it has no UTF-8 or there is no memory. */
static inline int glue_put_text(scopeflow_tape *tape, PyObject *value) {
    Py_ssize_t size = 0;
    scopeflow_bytes text;
    if (glue_is_ascii(value)) {
        text = glue_ascii(value);
    } else {
        text.ptr = PyUnicode_AsUTF8AndSize(value, &size);
        text.len = (size_t)size;
    }
    if (text.ptr == NULL) {
        PyErr_Clear();
        return 0;
    }
    scopeflow_tape_put_text(tape, SCOPEFLOW_TOKEN_STRING, text);
    return 1;
}

/* Appends a key and its text, if both are of ASCII and so have UTF-8 at hand; else false. */
static inline int glue_put_member(scopeflow_tape *tape, PyObject *key, PyObject *value) {
    if (!PyUnicode_CheckExact(value) || !PyUnicode_CheckExact(key) || !glue_is_ascii(value) ||
        !glue_is_ascii(key))
        return 0;
    scopeflow_tape_put_member(tape, glue_ascii(key), glue_ascii(value));
    return 1;
}

/* Appends a key; false, with nothing appended, if more has to be done for it. */
static inline int glue_put_key(scopeflow_tape *tape, PyObject *key) {
    return PyUnicode_Check(key) && glue_put_text(tape, key);
}

static inline int glue_put_integer(scopeflow_tape *tape, PyObject *value) {
    int overflow = 0;
    long long const number = PyLong_AsLongLongAndOverflow(value, &overflow);
    if (overflow) return 0;
    scopeflow_tape_put_int(tape, number);
    return 1;
}

/* Appends a value of one of the kinds that JSON has, no container; false if it is no such one or
 * more has to be done for it. */
static inline int glue_put_scalar(scopeflow_tape *tape, PyObject *value) {
    if (PyUnicode_CheckExact(value)) return glue_put_text(tape, value);
    if (PyLong_CheckExact(value)) return glue_put_integer(tape, value);
    if (PyFloat_CheckExact(value))
        scopeflow_tape_put_double(tape, PyFloat_AS_DOUBLE(value));
    else if (PyBool_Check(value))
        scopeflow_tape_put_bool(tape, value == Py_True);
    else if (value == Py_None)
        scopeflow_tape_put_null(tape);
    else
        return 0;
    return 1;
}

/* Of a list or a tuple, or of a subclass of them. */
static inline Py_ssize_t glue_sequence_size(PyObject *sequence) {
    return PyList_Check(sequence) ? PyList_GET_SIZE(sequence) : PyTuple_GET_SIZE(sequence);
}
static inline PyObject *glue_sequence_item(PyObject *sequence, Py_ssize_t at) {
    return PyList_Check(sequence) ? PyList_GET_ITEM(sequence, at) : PyTuple_GET_ITEM(sequence, at);
}

/* Whether all keys of the dict are texts. Asked in this way most dicts know it. */
static inline int glue_has_text_keys(PyObject *members) {
    if (PyArg_ValidateKeywordArguments(members)) return 1;
    PyErr_Clear();
    return 0;
}

static inline int glue_is_scalar(PyObject *value) {
    PyTypeObject *const type = Py_TYPE(value);
    return type == &PyUnicode_Type || type == &PyLong_Type || type == &PyFloat_Type ||
           type == &PyBool_Type || value == Py_None;
}

/* --- Garbage collection --- */

static inline Py_ssize_t glue_reference_count(PyObject *object) {
    return Py_REFCNT(object);
}

/* A new reference to what a context variable holds, None where it holds nothing. */
static inline PyObject *glue_context_value(PyObject *variable) {
    PyObject *value = NULL;
    (void)PyContextVar_Get(variable, Py_None, &value);
    return value;
}

/* What to make of a value that is neither None nor of the expected type. */
typedef PyObject *(*glue_unwrap_function)(PyObject *value);

/* A new reference to the context's value as one of that type, or None. */
static inline PyObject *glue_context_value_as(PyObject *variable, PyTypeObject *of_type,
                                              glue_unwrap_function unwrap) {
    PyObject *const value = glue_context_value(variable);
    if (value == Py_None || value == NULL || Py_TYPE(value) == of_type) return value;
    PyObject *const unwrapped = unwrap(value);
    Py_DECREF(value);
    return unwrapped;
}

/* Whether it is of the kinds that payloads are mostly made of. */
static inline int glue_is_plain(PyObject *value) {
    PyTypeObject *const type = Py_TYPE(value);
    return type == &PyDict_Type || type == &PyList_Type || type == &PyUnicode_Type ||
           type == &PyLong_Type || type == &PyFloat_Type || type == &PyBool_Type;
}

#endif
