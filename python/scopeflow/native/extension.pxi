# What an extension that is written in C gets (ADR 0020): the function table, and a runtime or a scope
# to register on, each as a capsule. No binding library has to know more than the C API of capsules.

cdef extern from "Python.h":
    ctypedef void (*capsule_destructor "PyCapsule_Destructor")(PyObject *capsule) noexcept
    object PyCapsule_New(void *pointer, const char *name, capsule_destructor destructor)
    int PyCapsule_SetContext(object capsule, void *context) except -1
    void *PyCapsule_GetContext(PyObject *capsule) noexcept

cdef extern from "scopeflow/scopeflow.h":
    ctypedef struct scopeflow_functions:
        pass

    const scopeflow_functions *scopeflow_get_functions() noexcept


cdef void release_owner(PyObject *capsule) noexcept:
    """The capsule goes. Its own reference count is none of this function's affair."""
    DECREF(<PyObject *>PyCapsule_GetContext(capsule))


cdef owning_capsule(void *pointer, const char *name, owner):
    """A capsule that holds what the pointer belongs to."""
    capsule = PyCapsule_New(pointer, name, release_owner)
    INCREF(<PyObject *>owner)
    PyCapsule_SetContext(capsule, <PyObject *>owner)
    return capsule


functions = PyCapsule_New(<void *>scopeflow_get_functions(), b"scopeflow._native.functions", NULL)
