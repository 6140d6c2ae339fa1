/* What Cython has no word for: a thread's emitter, the raised exception as one object, and the
 * interpreter's protocol for awaiting (PEP 492) without a frame.
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
    PyErr_Fetch(&type, &value, &traceback);
    if (type == NULL) return NULL;
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

/* --- Iterating --- */

static inline int glue_is_async_iterator(PyObject *object) {
    PyAsyncMethods const *const methods = Py_TYPE(object)->tp_as_async;
    return methods != NULL && methods->am_anext != NULL;
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

/* Nobody but the module itself makes objects of the type: they would point nowhere. */
static int glue_forbid_instances(PyTypeObject *type) {
    type->tp_new = NULL;
    type->tp_vectorcall = NULL;
    int const failed = PyDict_DelItemString(type->tp_dict, "__new__");
    PyType_Modified(type);
    return failed;
}

/* Replaces the C function of a method and gives back the one that was there. Bound methods that
 * exist already are replaced too. */
static _PyCFunctionFastWithKeywords glue_replace_method(PyTypeObject *type, const char *name,
                                                        _PyCFunctionFastWithKeywords function) {
    PyMethodDef *method = type->tp_methods;
    while (strcmp(method->ml_name, name) != 0) method++;
    _PyCFunctionFastWithKeywords const replaced =
        (_PyCFunctionFastWithKeywords)(void (*)(void))method->ml_meth;
    method->ml_meth = (PyCFunction)(void (*)(void))function;
    return replaced;
}

/* --- Garbage collection --- */

static inline Py_ssize_t glue_reference_count(PyObject *object) {
    return Py_REFCNT(object);
}

#endif
