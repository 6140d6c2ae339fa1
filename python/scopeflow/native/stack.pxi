# The current scope of a context as a value that can be handed on (S1.10): to a thread, to a worker,
# and in its portable form to another process.

@cython.final
cdef class ScopeStack:
    """What is current in a context, as an immutable value.

    Made by `get_scope_stack` and `create_scope_stack`; made current by `set_thread_scope_stack`
    and `use_scope_stack`. The name is the peers': it holds one scope, from which the others
    follow. May be used from any thread and held for as long as one likes; while it is held, an
    open scope in it is not taken for abandoned (S1.12).

    >>> import contextvars
    >>> def work(stack):  # Elsewhere: in a thread, in a worker.
    ...     with use_scope_stack(stack):
    ...         return get_handle().name
    >>> with scope.scope("turn", ScopeType.Agent):
    ...     contextvars.Context().run(work, get_scope_stack())
    'turn'
    """

    cdef Runtime runtime
    # None: the runtime's own root.
    cdef ScopeHandle handle

    def __repr__(self):
        return "<ScopeStack>"


cdef ScopeStack new_stack(Runtime runtime, handle):
    cdef ScopeStack stack = ScopeStack.__new__(ScopeStack)
    stack.runtime = runtime
    stack.handle = <ScopeHandle>handle
    return stack


cdef ScopeStack stack_of_context(Runtime runtime):
    """The context's value. It takes the place of the handle in the context, which makes it the same
    object until another scope becomes current."""
    held = glue_context_value(<PyObject *>runtime.variable)
    if type(held) is ScopeStack:
        return <ScopeStack>held
    stack = new_stack(runtime, held)
    PyContextVar_Set(<PyObject *>runtime.variable, <PyObject *>stack)
    return stack


cdef ScopeHandle handle_of_uuid(Runtime runtime, uuid):
    """The scope of this id in the context's chain."""
    cdef ScopeHandle at
    text_of_uuid = str(uuid)
    waiting = [current_of(runtime), runtime.root]
    while waiting:
        at = <ScopeHandle>waiting.pop(0)
        if at is None:
            continue
        if at.uuid == text_of_uuid:
            return at
        waiting += (at.parent, at.opener)
    raise NotFound(f"not found: scope {text_of_uuid} in this context")
