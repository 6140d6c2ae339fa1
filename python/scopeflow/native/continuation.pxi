# `next` of an execution intercept (S3.7): it runs the rest of the chain, as a call of its own
# that the same driver drives. It knows the intercept's call only as long as the intercept runs,
# and does not hold it: a call that is dropped in the middle goes at once. In a stream it then goes
# on by the streamed call itself, until that has ended: a generator does its work later (ADR 0019).


@cython.final
@cython.no_gc
@cython.freelist(8)
cdef class StreamedCall:
    """What is known of a streamed call by all that is below it."""

    # The ManagedCall, borrowed; NULL when it has ended.
    cdef PyObject *call


cdef void join_streamed(ManagedCall self, StreamedCall streamed) noexcept:
    INCREF(<PyObject *>streamed)
    self.streamed = <PyObject *>streamed


cdef void leave_streamed(ManagedCall self) noexcept:
    cdef PyObject *streamed = self.streamed
    if streamed == NULL:
        return
    self.streamed = NULL
    if (<StreamedCall>streamed).call == <PyObject *>self:
        (<StreamedCall>streamed).call = NULL
    DECREF(streamed)


@cython.final
@cython.no_gc
@cython.freelist(16)
cdef class Continuation:
    """Calls the rest of the chain with a request: `await next(request)`, or `next(request)` in a
    sync call. May be called until the intercept has returned, in a stream until that has ended, as
    often as it likes, also at the same time; later it raises InvalidArgument."""

    # How the interpreter calls it without making a tuple first (PEP 590).
    cdef vectorcallfunc call_by_vector
    # The ManagedCall whose intercept runs, borrowed; NULL afterwards.
    cdef PyObject *call
    # The intercept's name, from then on.
    cdef str registration
    # Of a stream's intercept: by what it goes on then, and its place in the chain.
    cdef StreamedCall streamed
    cdef uint32_t position

    def __call__(self, request):
        return run_rest(self, request)

    def __repr__(self):
        return "<next of an execution intercept>"


cdef inline run_rest(Continuation self, request):
    cdef ManagedCall link = new_link(self, call_of(self), request)
    return run_now(link) if link.is_sync else link


cdef PyObject *call_by_vector(
    PyObject *continuation, PyObject **arguments, size_t count, PyObject *names,
) except NULL:
    self = <Continuation>continuation
    if names == NULL and PyVectorcall_NARGS(count) == 1:
        result = run_rest(self, <object>arguments[0])
    else:
        result = call_oddly(self, arguments, PyVectorcall_NARGS(count), names)
    INCREF(<PyObject *>result)
    return <PyObject *>result


cdef call_oddly(self, PyObject **arguments, Py_ssize_t count, PyObject *names):
    """By name, or with what it does not take."""
    given = [<object>arguments[index] for index in range(count)]
    named = {}
    if names != NULL:
        named = {name: <object>arguments[count + at] for at, name in enumerate(<object>names)}
    return self.__call__(*given, **named)


cdef PyObject *new_continuation(ManagedCall call) noexcept:
    """A new reference."""
    cdef Continuation made = Continuation.__new__(Continuation)
    made.call_by_vector = <vectorcallfunc>call_by_vector
    made.call = <PyObject *>call
    INCREF(<PyObject *>made)
    return <PyObject *>made


cdef void retire_continuation(ManagedCall self) noexcept:
    """The intercept has returned, however: its `next` works no longer, who ever kept it."""
    cdef PyObject *retired = self.continuation
    if retired == NULL:
        return
    self.continuation = NULL
    if glue_reference_count(retired) > 1 and self.step.kind == SCOPEFLOW_STEP_KIND_EXECUTE:
        (<Continuation>retired).registration = text_of(self.step.registration)
        if self.streamed != NULL:
            (<Continuation>retired).streamed = <StreamedCall>self.streamed
            (<Continuation>retired).position = self.step.position
    (<Continuation>retired).call = NULL
    DECREF(retired)


cdef ManagedCall new_link(Continuation continuation, ManagedCall call, request):
    cdef ManagedCall link = ManagedCall.__new__(ManagedCall)
    link.operation = NEXT
    link.is_sync = call.is_sync
    link.runtime = call.runtime
    link.name = call.name
    link.request = request
    link.target = call.target
    link.span = call.span
    link.link_of = continuation
    link.codec = call.codec
    link.response_codec = call.response_codec
    if call.streamed != NULL:
        join_streamed(link, <StreamedCall>call.streamed)
    return link


cdef int begin_link(ManagedCall self) except -1:
    cdef Continuation continuation = <Continuation>self.link_of
    cdef ManagedCall call = call_of(continuation)
    if scopeflow_scope_is_open(self.span.pointer) == 0:
        raise too_late(
            continuation.registration if continuation.call == NULL
            else text_of(call.step.registration)
        )
    begin_task_link(
        self.runtime.pointer, &call.task,
        continuation.position if continuation.call == NULL else 0, glue_emitter(), self.request,
        &self.task, &self.step,
    )
    return 0


cdef ManagedCall call_of(Continuation self):
    if self.call != NULL:
        return <ManagedCall>self.call
    if self.streamed is not None and self.streamed.call != NULL:
        return <ManagedCall>self.streamed.call
    raise too_late(self.registration)


cdef too_late(registration):
    which = f"the execution continuation of '{registration or ''}'"
    return InvalidArgument(f"invalid argument: {which} is no longer active")


cdef int let_call_by_vector() except -1:
    cdef Continuation any_one = Continuation.__new__(Continuation)
    glue_make_vectorcallable(
        <PyTypeObject *>Continuation,
        <char *>&any_one.call_by_vector - <char *><PyObject *>any_one,
    )
    return 0


let_call_by_vector()
