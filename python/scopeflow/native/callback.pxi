# What is known about a callable from its definition, found out once, when it is registered: whether
# it has to be awaited (S3.8), whether it wants the context (S3.9), and in which of the peers' shapes
# it is written (_shapes.py).

cdef enum:
    # inspect.CO_COROUTINE | CO_ITERABLE_COROUTINE | CO_ASYNC_GENERATOR, without importing inspect.
    ASYNC_CODE = 0x80 | 0x100 | 0x200
    # inspect.CO_VARARGS
    VARIABLE_ARGUMENTS_CODE = 0x04
    # More wrappers round a callable than this are taken for a loop.
    WRAPPER_LIMIT = 32


@cython.final
cdef class Callback:
    """A registered callable that is not called in the plain way."""

    cdef object function
    # It has a keyword-only parameter `context`.
    cdef bint wants_context
    # A stream intercept of the older form, `(request, next)`.
    cdef bint omits_name
    # What it is made from has to be awaited.
    cdef bint is_async


cdef registered_callable(function, str what, name, scopeflow_registry registry):
    """What is given to the core: the callable itself, or more about it where that is needed.

    what: The name of the argument; name: that of the registration.
    """
    cdef Callback callback
    if not callable(function):
        raise wrong_type(f"{what} of {REGISTRIES[registry][1]} '{name}'", "callable", function)
    inner, taken, bound = definition_of(function)
    if inner is None:
        return function
    code = inner.__code__
    is_variable = code.co_flags & VARIABLE_ARGUMENTS_CODE != 0
    omits_name = (
        registry == SCOPEFLOW_REGISTRY_LLM_STREAM_EXECUTION_INTERCEPT
        and code.co_argcount - taken == 2
        and not is_variable
    )
    adapt = None if is_variable else adapter_of(inner, taken, bound, registry)
    if adapt is None and not omits_name:
        check_parameters(inner, taken, bound, name, registry)
    wants_context = (
        registry != SCOPEFLOW_REGISTRY_SUBSCRIBER
        and "context" in keyword_only_names(code) and "context" not in bound
    )
    if not wants_context and not omits_name and adapt is None:
        return function
    callback = Callback.__new__(Callback)
    callback.function = function if adapt is None else adapt(function)
    callback.wants_context = wants_context or adapt is not None
    callback.omits_name = omits_name
    callback.is_async = is_async_callable(function)
    return callback


cdef int check_parameters(
    inner, Py_ssize_t taken, set bound, name, scopeflow_registry registry
) except -1:
    """Raises TypeError for a function that no call of this registry can be right for."""
    code = inner.__code__
    given = REGISTRIES[registry][2]
    defaults = getattr(inner, "__defaults__", None) or ()
    named_defaults = getattr(inner, "__kwdefaults__", None) or {}
    needed = [
        parameter for parameter in code.co_varnames[taken:code.co_argcount - len(defaults)]
        if parameter not in bound
    ]
    named = [
        parameter for parameter in keyword_only_names(code)
        if parameter not in named_defaults and parameter not in bound
        and not (parameter == "context" and registry != SCOPEFLOW_REGISTRY_SUBSCRIBER)
    ]
    is_variable = code.co_flags & VARIABLE_ARGUMENTS_CODE != 0
    has_room = is_variable or taken + len(given) <= code.co_argcount
    if has_room and len(needed) <= len(given) and not named:
        return 0
    own = code.co_varnames[taken:code.co_argcount]
    raise TypeError(
        f"{REGISTRIES[registry][1]} '{name}' is called with ({', '.join(given)}),"
        f" but {inner.__name__} takes ({', '.join((*own, *named))})"
    )


cdef adapter_of(inner, Py_ssize_t taken, set bound, scopeflow_registry registry):
    """What makes the callable out of one in Relay's shape; None if it is not in that."""
    if not (
        SCOPEFLOW_REGISTRY_TOOL_EXECUTION_INTERCEPT <= registry
        <= SCOPEFLOW_REGISTRY_LLM_STREAM_EXECUTION_INTERCEPT
    ):
        return None
    code = inner.__code__
    names = code.co_varnames[taken:code.co_argcount - len(inner.__defaults__ or ())]
    required = len([name for name in names if name not in bound])
    if required < 2 or required == 3:  # None of the shapes has so many.
        return None
    from . import _shapes
    count, adapt = _shapes.ADAPTERS.get(REGISTRIES[registry][0], (0, None))
    return adapt if required == count else None


cdef uint32_t callable_flags(scopeflow_ref ref) except? 0xFFFFFFFF:
    registered = <object><PyObject *>ref
    is_async = (
        (<Callback>registered).is_async if type(registered) is Callback
        else is_async_callable(registered)
    )
    return SCOPEFLOW_CALLABLE_FLAG_ASYNC if is_async else 0


# What inspect.markcoroutinefunction sets, from 3.12 on; None until it was found.
cdef object coroutine_marker = None


cdef find_coroutine_marker():
    """Whoever has called that function has imported inspect."""
    global coroutine_marker
    if coroutine_marker is None and PY_VERSION_HEX >= 0x030C0000:
        inspect = loaded_module("inspect")
        if inspect is None:
            return None
        coroutine_marker = getattr(inspect, "_is_coroutine_mark", None) or (
            getattr(inspect, "_is_coroutine_marker", None)  # Its name in 3.12.
        )
    return coroutine_marker


cdef bint is_async_callable(function) except -1:
    """Whether calling it gives something to await, as far as its definition says."""
    marker = find_coroutine_marker()
    for _ in range(WRAPPER_LIMIT):
        if marker is not None and getattr(function, "_is_coroutine_marker", None) is marker:
            return True
        if PyFunction_Check(function):
            return glue_code_flags(PyFunction_GetCode(function)) & ASYNC_CODE != 0
        code = getattr(function, "__code__", None)
        if code is not None:
            return (code.co_flags & ASYNC_CODE) != 0
        function = wrapped_callable(function)
        if function is None:
            return False
    return False


cdef wrapped_callable(function):
    """What a method, a partial or an object with `__call__` calls in the end."""
    if is_partial(function):
        return function.func
    inner = getattr(function, "__func__", None)
    if inner is not None:
        return inner
    inner = getattr(type(function), "__call__", None)
    return inner if hasattr(inner, "__code__") else None


cdef bint is_partial(function) except -1:
    module = loaded_module("functools")
    return module is not None and isinstance(function, module.partial)


cdef tuple definition_of(function):
    """The function that runs in the end, how many of its positional parameters are given already,
    and the keywords that are. Without Python code there is nothing to know."""
    taken = 0
    bound = set()
    for _ in range(WRAPPER_LIMIT):
        if is_partial(function):
            taken += len(function.args)
            bound.update(function.keywords)
        elif getattr(function, "__func__", None) is None:
            code = getattr(function, "__code__", None)
            if code is not None:
                return function, taken, bound
            taken += 1  # The object itself, of an object with `__call__`.
        else:
            taken += 1  # The object of a method.
        function = wrapped_callable(function)
        if function is None:
            break
    return None, 0, bound


cdef tuple keyword_only_names(code):
    return code.co_varnames[code.co_argcount:code.co_argcount + code.co_kwonlyargcount]


# --- Registries as a gate is told of them (S3.1) ---

cdef dict REGISTRY_NUMBERS = {names[0]: number for number, names in REGISTRIES.items()}


cdef uint32_t kinds_argument(value, str what) except? 0xFFFFFFFF:
    """The bit of each registry that is named."""
    cdef uint32_t bits = 0
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        raise wrong_type(what, "a set of names of registries", value)
    for name in value:
        if name not in REGISTRY_NUMBERS:
            raise InvalidArgument(f"{what} has {name!r}, which is no registry")
        bits |= 1u << (<uint32_t>REGISTRY_NUMBERS[name] - 1)
    return bits


cdef set kinds_of(uint32_t bits):
    return {names[0] for number, names in REGISTRIES.items() if bits >> (number - 1) & 1}


# --- The context of a callback (S3.9) ---


@cython.final
cdef class CallContext:
    """What a callback learns of the work that it is called for, if it has a keyword-only parameter
    `context`.

    target: The name of the tool, the provider, or of the event.
    scope: The scope that the work belongs to, a ScopeHandle.
    tool_call_id: The provider's id of a tool call, or None.
    model_name: The name of the model, or None.
    codec: The request codec of an LLM call, for its request's sanitizers and for execution
        intercepts; else None.
    response_codec: Its response codec, for its response's sanitizers and for execution intercepts.

    >>> def allowed(name, args, *, context):
    ...     print(context.target, context.tool_call_id, context.scope.name)
    >>> with guardrails.tool_conditional_execution("allowed", 10, allowed):
    ...     with scope.scope("turn", ScopeType.Agent):
    ...         tools.execute_sync("search", {}, lambda args: "found", tool_call_id="c1")
    search c1 turn
    'found'
    """

    cdef readonly object target
    cdef readonly object scope
    cdef readonly object tool_call_id
    cdef readonly object model_name
    cdef readonly object codec
    cdef readonly object response_codec

    def __repr__(self):
        return describe_fields(self, ("target", "scope", "tool_call_id", "model_name"))


cdef CallContext context_of(
    Runtime runtime, ScopeHandle near, const scopeflow_step *step,
):
    cdef CallContext context = CallContext.__new__(CallContext)
    context.target = text_of(step.target)
    context.scope = handle_of(runtime, step.scope, near)
    context.tool_call_id = text_of(step.tool_call_id) or None
    context.model_name = text_of(step.model_name) or None
    if step.registry == SCOPEFLOW_REGISTRY_LLM_SANITIZE_REQUEST_GUARDRAIL:
        context.codec = object_of(step.codec)
    elif step.registry == SCOPEFLOW_REGISTRY_LLM_SANITIZE_RESPONSE_GUARDRAIL:
        context.response_codec = object_of(step.codec)
    return context


cdef PyObject *context_for(
    Runtime runtime, ScopeHandle near, const scopeflow_step *step, ManagedCall call,
) except NULL:
    """A new reference. `call` is the one whose execution intercept runs, else None."""
    cdef CallContext context = context_of(runtime, near, step)
    if call is not None:
        context.codec = call.codec
        context.response_codec = call.response_codec
    INCREF(<PyObject *>context)
    return <PyObject *>context


# Called where a raised exception is to stay as it is (see driver.pxi).
ctypedef PyObject *(*context_function)(
    Runtime runtime, ScopeHandle near, const scopeflow_step *step, ManagedCall call,
) noexcept

cdef context_function context_unchecked = <context_function>context_for

cdef tuple CONTEXT_KEYWORD = ("context",)


cdef inline PyObject *call_back(
    scopeflow_step *step, Runtime runtime, ScopeHandle near, ManagedCall call,
    PyObject **arguments, Py_ssize_t count,
) noexcept:
    """Calls what was registered. `arguments` has one place before the first and one behind the last
    argument."""
    cdef PyObject *callable = <PyObject *>step.callable
    if Py_TYPE(callable) != <PyTypeObject *>Callback:
        return PyObject_Vectorcall(
            callable, arguments, count | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL
        )
    return call_with_context(<Callback>callable, step, runtime, near, call, arguments, count)


cdef PyObject *call_with_context(
    Callback callback, scopeflow_step *step, Runtime runtime, ScopeHandle near, ManagedCall call,
    PyObject **arguments, Py_ssize_t count,
) noexcept:
    cdef PyObject *context = NULL
    cdef PyObject *result
    if callback.omits_name:
        arguments += 1
        count -= 1
    if callback.wants_context:
        context = context_unchecked(runtime, near, step, call)
        if context == NULL:
            return NULL
        arguments[count] = context
    result = PyObject_Vectorcall(
        <PyObject *>callback.function, arguments, count | PY_VECTORCALL_ARGUMENTS_OFFSET,
        NULL if context == NULL else <PyObject *>CONTEXT_KEYWORD,
    )
    XDECREF(context)
    return result
