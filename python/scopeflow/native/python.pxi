# The parts of CPython's C API and of glue.h that the binding uses. Objects are declared as
# `PyObject *` where ownership is kept by hand: in the driver a reference changes hands with the
# core.

from cpython.object cimport PyObject
from libc.stdint cimport (
    INT64_MAX, INT64_MIN, UINT64_MAX, int32_t, int64_t, uint8_t, uint32_t, uint64_t, uintptr_t,
)
from libc.string cimport memset

cimport cython

cdef extern from "Python.h":
    const int PY_VERSION_HEX

    ctypedef int (*visitproc)(PyObject *object, void *argument) noexcept
    ctypedef int (*traverseproc)(PyObject *self, visitproc visit, void *argument) noexcept
    ctypedef PyObject *(*iternextfunc)(PyObject *self) noexcept

    ctypedef struct PyTypeObject:
        traverseproc tp_traverse

    ctypedef enum PySendResult:
        PYGEN_RETURN
        PYGEN_ERROR
        PYGEN_NEXT

    PySendResult PyIter_Send(PyObject *iterator, PyObject *value, PyObject **result) noexcept
    PyTypeObject *Py_TYPE(PyObject *object) noexcept
    void INCREF "Py_INCREF"(PyObject *object) noexcept
    void DECREF "Py_DECREF"(PyObject *object) noexcept
    void XDECREF "Py_XDECREF"(PyObject *object) noexcept

    PyObject *PyObject_Vectorcall(
        PyObject *callable, PyObject **arguments, size_t count, PyObject *names,
    ) noexcept
    size_t PY_VECTORCALL_ARGUMENTS_OFFSET
    Py_ssize_t PyVectorcall_NARGS(size_t count) noexcept
    ctypedef PyObject *(*vectorcallfunc)(
        PyObject *callable, PyObject **arguments, size_t count, PyObject *names,
    ) noexcept

    void PyErr_Clear() noexcept
    void PyErr_SetNone(PyObject *type) noexcept
    int PyErr_ExceptionMatches(PyObject *type) noexcept
    int Py_EnterRecursiveCall(const char *where) except -1
    void Py_LeaveRecursiveCall() noexcept
    PyObject *PyErr_Occurred() noexcept
    void PyErr_WriteUnraisable(PyObject *context) noexcept
    void PyErr_SetInterrupt() noexcept
    int PyErr_WarnEx(PyObject *category, const char *message, Py_ssize_t stack_level) except -1

    object PyContextVar_New(const char *name, PyObject *default)
    int PyContextVar_Get(PyObject *variable, PyObject *default, PyObject **value) except -1
    object PyContextVar_Set(PyObject *variable, PyObject *value)
    int PyContextVar_Reset(PyObject *variable, PyObject *token) noexcept
    object PyContext_CopyCurrent()
    int PyContext_Enter(PyObject *context) noexcept
    int PyContext_Exit(PyObject *context) noexcept

    const char *PyUnicode_AsUTF8AndSize(object text, Py_ssize_t *size) noexcept
    object PyUnicode_DecodeUTF8(const char *text, Py_ssize_t size, const char *errors)
    int PyLong_Check(object value) noexcept
    int64_t PyLong_AsLongLongAndOverflow(object value, int *overflow) except? -1
    uint64_t PyLong_AsUnsignedLongLong(object value) except? <uint64_t>-1
    bint PyFunction_Check(object value) noexcept
    PyObject *PyFunction_GetCode(object function) noexcept
    double PyFloat_AsDouble(object value) except? -1.0
    PyObject *PyDict_GetItem(object mapping, object key) noexcept
    int PyDict_SetItem(object mapping, object key, object value) except -1
    dict PyDict_Copy(object mapping)
    Py_ssize_t PyList_GET_SIZE(object sequence) noexcept
    PyObject *PyList_GET_ITEM(object sequence, Py_ssize_t index) noexcept
    int PyDict_Next(object mapping, Py_ssize_t *at, PyObject **key, PyObject **value) noexcept
