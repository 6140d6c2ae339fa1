# What native/glue.h gives. Nothing of it raises on its own account.

cdef extern from "native/glue.h":
    ctypedef PySendResult (*glue_send_function)(
        PyObject *self, PyObject *value, PyObject **result,
    ) noexcept

    ctypedef PyObject *(*method_function "glue_method_function")(
        PyObject *self, PyObject **arguments, Py_ssize_t count, PyObject *names,
    ) noexcept

    scopeflow_emitter *glue_emitter() noexcept
    int glue_set_serving(int is_serving) noexcept
    bint glue_is_serving() noexcept
    PyObject *glue_set_failure(PyObject *error) noexcept
    PyObject *glue_take_raised() noexcept
    void glue_raise(PyObject *exception) noexcept
    void glue_raise_stop_iteration(PyObject *value) noexcept
    void glue_wrap_stop_iteration() noexcept
    object glue_context_value(PyObject *variable)
    ctypedef object (*glue_unwrap_function)(object value)
    object glue_context_value_as(
        PyObject *variable, PyTypeObject *of_type, glue_unwrap_function unwrap,
    )
    PyObject *glue_take_stop_iteration() noexcept
    int glue_code_flags(PyObject *code) noexcept
    bint glue_is_awaitable(PyObject *value) noexcept
    PyObject *glue_await(PyObject *awaitable) noexcept
    void glue_discard_awaitable(PyObject *awaitable) noexcept
    bint glue_is_async_iterator(PyObject *value) noexcept
    PySendResult glue_next_of_generator(PyObject *iterator, PyObject **result) noexcept
    bint glue_is_async_generator(PyObject *value) noexcept
    bint glue_is_iterator(PyObject *value) noexcept
    PyObject *glue_async_next(PyObject *iterator) noexcept
    PyObject *glue_next(PyObject *iterator) noexcept
    void glue_make_coroutine(
        PyTypeObject *of_type, glue_send_function send, iternextfunc next,
    ) noexcept
    void glue_make_vectorcallable(PyTypeObject *of_type, Py_ssize_t offset) noexcept
    bint glue_is_plain(PyObject *value) noexcept
    Py_ssize_t glue_sequence_size(PyObject *sequence) noexcept
    PyObject *glue_sequence_item(PyObject *sequence, Py_ssize_t at) noexcept
    bint glue_has_text_keys(PyObject *members) noexcept
    bint glue_is_scalar(PyObject *value) noexcept
    bint glue_is_ascii(PyObject *text) noexcept
    scopeflow_bytes glue_ascii(PyObject *text) noexcept
    bint glue_put_member(scopeflow_tape *tape, PyObject *key, PyObject *value) noexcept
    bint glue_put_key(scopeflow_tape *tape, PyObject *key) noexcept
    bint glue_put_scalar(scopeflow_tape *tape, PyObject *value) noexcept
    Py_ssize_t glue_reference_count(PyObject *object) noexcept
    int glue_forbid_instances(PyTypeObject *of_type) except -1
    method_function glue_replace_method(
        PyTypeObject *of_type, const char *name, method_function function,
    ) noexcept
