# The runtime: what the generated operations stand on, the operations that take steps, and what
# has to happen at fork and at exit.

@cython.final
cdef class Runtime(RuntimeOperations):
    """An independent runtime with its own registries, clock and ids (S6.1).

    flags: RuntimeFlags, for tests.
    clock_start, clock_step: First reading of the deterministic clock and the distance between two
        readings, in nanoseconds.
    payload_budget: Largest JSON text of one payload in an event, in bytes; 64 to 1073741824.
    credential_headers: Names of the headers that observers never see, with commas between them; by
        default those of the constant list in S3.6.

    The modules of the package use the one that `default_runtime` names. May be used from any
    thread. Has one method for each operation of the spec.

    >>> runtime = Runtime()
    >>> runtime.register_subscriber("show", lambda event: print(event.kind, event.name))
    >>> runtime.scope_event("cache miss")
    mark cache miss
    >>> scope.event("of the default runtime")
    >>> runtime.close()
    """

    cdef object variable
    # The root's one handle.
    cdef ScopeHandle root
    cdef PyObject *previous
    cdef PyObject *next

    def __cinit__(
        self, *, flags=None, clock_start=0, clock_step=1_000_000, payload_budget=1_048_576,
        credential_headers=None,
    ):
        self.variable = PyContextVar_New(b"scopeflow_current", NULL)
        self.pointer = make_runtime_new(
            &HOST, flags, clock_start, clock_step, payload_budget, credential_headers
        )
        link_runtime(self)
        self.runtime_root()

    def __dealloc__(self):
        if self.pointer != NULL:
            unlink_runtime(self)
            scopeflow_runtime_free(self.pointer)

    def __repr__(self):
        which = "default Runtime" if self is default_runtime else "Runtime"
        return f"<{which}, {len(self.registrations())} registered>"

    @property
    def capsule(self):
        """The runtime for an extension in C: a capsule `scopeflow.runtime`, which holds it."""
        return owning_capsule(self.pointer, b"scopeflow.runtime", self)

    # --- Scopes ---

    def scope_push(
        self, name, scope_type, *, handle=None, attributes=None, data=None, metadata=None,
        input=None, subtype=None, timestamp=None,
    ):
        """Opens a scope, makes it current, and returns its handle.

        name: What the scope is called, at most 65,535 bytes.
        scope_type: What kind of work it is, a ScopeType.
        handle: An open scope to be the parent instead of the current one (S1.4).
        attributes: ScopeAttributes.
        data: Stays on the handle.
        metadata: The start event's metadata; kept for the end event (S2.5).
        input: The start event's data.
        subtype: Subtype of a custom scope, its name by default.
        timestamp: When it started, an aware datetime or nanoseconds since 1970; now by default.

        Raises InvalidArgument, InvalidUtf8, LimitExceeded.

        >>> handle = scope.push("plan", ScopeType.Agent, input={"goal": "book a flight"})
        >>> handle.name, handle.scope_type
        ('plan', ScopeType.Agent)
        >>> scope.pop(handle, output={"steps": 3})
        """
        return open_scope(
            self, name, scope_type, handle, attributes, data, metadata, input, subtype, timestamp
        )

    def scope_pop(
        self, handle, *, output=None, metadata=None, error=None, status=None, timestamp=None,
        flags=None,
    ):
        """Ends a scope.

        handle: The scope. One with an open descendant in this context, the root, and one that has
            ended already are refused (S1.6); `handle.close()` ends in any order.
        output: The end event's data.
        metadata: Merged over the start's metadata (S2.5).
        error: The exception that it ended with; described in the end event's metadata.
        status: EndStatus; follows from `error` by default.
        timestamp: When it ended, an aware datetime or nanoseconds since 1970; now by default.
        flags: Bits of the spec's `pop_flag`.

        Raises InvalidArgument, InvalidState, NotFound.

        >>> with testing.capture() as events:
        ...     handle = scope.push("plan", ScopeType.Agent)
        ...     scope.pop(handle, output={"steps": 3})
        >>> events.find("plan", phase="end").data
        {'steps': 3}
        """
        handle_argument(handle, ScopeHandle, "handle")
        end_scope(
            <ScopeHandle>handle,
            0 if flags is None else u32_argument(flags, 0, 0xFFFFFFFF, "flags"), output, metadata,
            status, error, timestamp,
        )

    def scope_event(
        self, name, *, handle=None, data=None, metadata=None, category=None, category_profile=None,
        data_schema=None, severity=None, timestamp=None,
    ):
        """Emits a mark under the current scope.

        name: What happened, at most 65,535 bytes.
        handle: An open scope to stand under instead of the current one.
        data: The mark's data.
        metadata: The mark's metadata.
        category: The mark's category, such as a kind of work.
        category_profile: Facts that belong to the category, an object.
        data_schema: The schema that the data follows, an object.
        severity: LogSeverity, how grave it is; it stands in the metadata, which has to be a dict.
        timestamp: When it happened, an aware datetime or nanoseconds since 1970; now by default.

        Raises InvalidArgument, InvalidUtf8, LimitExceeded.

        >>> with testing.capture() as events:
        ...     scope.event("cache miss", data={"key": "weather"})
        >>> events.find("cache miss").data
        {'key': 'weather'}
        """
        cdef scopeflow_task task
        cdef scopeflow_step step
        if severity is not None:
            metadata = with_severity(metadata, severity)
        current = current_of(self)
        begin_scope_event(
            self.pointer, pointer_of(current), glue_emitter(), name, handle, data, metadata,
            category, category_profile, data_schema, timestamp, &task, &step,
        )
        if step.kind != SCOPEFLOW_STEP_KIND_DONE:
            finish_task(self, <ScopeHandle>(current if handle is None else handle), &task, &step)

    def scope(
        self, name, scope_type, *, handle=None, attributes=None, data=None, metadata=None,
        input=None, subtype=None, timestamp=None, end_timestamp=None,
    ):
        """A context manager that opens a scope on entering and ends it on leaving, with status OK,
        or ERROR or cancelled and the exception. It yields the handle. The arguments are those of
        `scope_push`; `end_timestamp` is when the scope ended, now by default.

        >>> with testing.capture() as events:
        ...     with scope.scope("plan", ScopeType.Agent) as handle:
        ...         scope.event("chosen", data={"step": 1})
        >>> events.names()
        ['start plan', 'mark chosen', 'end plan']
        """
        cdef ScopeManager manager = ScopeManager.__new__(ScopeManager)
        manager.runtime = self
        manager.positional = (name, scope_type)
        manager.named = {
            "handle": handle, "attributes": attributes, "data": data, "metadata": metadata,
            "input": input, "subtype": subtype, "timestamp": timestamp,
        }
        manager.end_timestamp = end_timestamp
        return manager

    def get_handle(self):
        """The current scope: the nearest one that has not ended, else the root (S1.5).

        >>> with scope.push("plan", ScopeType.Agent):
        ...     scope.get_handle().name
        'plan'
        """
        current = nearest_open(<ScopeHandle>current_of(self))
        return self.root if current is None else current

    # --- Contexts ---

    @property
    def scope_stack_variable(self):
        """The context variable that says what is current: a ScopeStack, a ScopeHandle or None."""
        return self.variable

    def get_scope_stack(self):
        """What is current in this context, a ScopeStack; the same object until another scope
        becomes current (S1.10).

        >>> with scope.push("turn", ScopeType.Agent):
        ...     get_scope_stack()
        ...     get_scope_stack() is get_scope_stack()
        <ScopeStack>
        True
        """
        return stack_of_context(self)

    def create_scope_stack(self, propagation=None):
        """A new ScopeStack with a root of its own, in no context as yet.

        propagation: The portable form of a context, JSON or a `traceparent`, to go on under: the
            parent of first-level work is the propagated scope (S1.10).

        Raises InvalidArgument, InvalidJson, InvalidState, LimitExceeded.

        >>> traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        >>> with use_scope_stack(default_runtime.create_scope_stack(traceparent)):
        ...     scope.push("turn", ScopeType.Agent).parent_uuid
        '00000000-0000-0000-b7ad-6b7169203331'
        """
        root = self.scope_new_root() if propagation is None else self.propagation_adopt(propagation)
        return new_stack(self, root)

    def set_scope_stack(self, stack):
        """Makes a ScopeStack current in this context: in the running task, or in the thread where
        no task runs. Raises InvalidArgument for one of another runtime.

        >>> import threading
        >>> def work(stack):
        ...     set_thread_scope_stack(stack)
        ...     print(get_handle().name)
        >>> with scope.scope("turn", ScopeType.Agent):
        ...     thread = threading.Thread(target=work, args=(get_scope_stack(),))
        ...     thread.start()
        ...     thread.join()
        turn
        """
        if type(stack) is not ScopeStack:
            raise wrong_type("stack", "ScopeStack", stack)
        if (<ScopeStack>stack).runtime is not self:
            raise InvalidArgument("invalid argument: the scope stack belongs to another runtime")
        PyContextVar_Set(<PyObject *>self.variable, <PyObject *>stack)

    def find_scope(self, uuid):
        """The handle of the scope of this id, if it is the current one, one that it stands under,
        or the root.

        uuid: The id, a text or a uuid.UUID.

        Raises NotFound.

        >>> outer = scope.push("turn", ScopeType.Agent)
        >>> inner = scope.push("plan", ScopeType.Agent)
        >>> default_runtime.find_scope(outer.uuid).name
        'turn'
        """
        return handle_of_uuid(self, uuid)

    # --- Tools ---

    def tool_execute(
        self, name, args, func, *, handle=None, attributes=None, data=None, metadata=None,
        tool_call_id=None, timestamp=None,
    ):
        """Runs a tool under management; to be awaited for what `func` returns.

        name: The tool's name, at most 65,535 bytes.
        args: What `func` is called with, this very object unless an intercept changes it.
        func: The tool, sync or async: `func(args)`.
        handle: An open scope to be the parent instead of the current one.
        attributes: ToolAttributes.
        data: The end event's data when the tool returns nothing.
        metadata: The start event's metadata; kept for the end event (S2.5).
        tool_call_id: The provider's id of this call.
        timestamp: When it started, an aware datetime or nanoseconds since 1970; now by default.

        Nothing happens before it is awaited; arguments are checked then. The tool's own exception
        comes out unchanged. Raises GuardrailRejected when a guardrail refuses, a guardrail's or
        request intercept's own exception when one fails, InvalidArgument, InvalidUtf8,
        LimitExceeded.

        >>> async def search(args):
        ...     return {"found": args["query"]}
        >>> await tools.execute("search", {"query": "x"}, search)
        {'found': 'x'}
        """
        return new_call(
            self, TOOL_EXECUTE, name, args, func, handle, attributes, data, metadata, tool_call_id,
            timestamp,
        )

    def tool_execute_sync(
        self, name, args, func, *, handle=None, attributes=None, data=None, metadata=None,
        tool_call_id=None, timestamp=None,
    ):
        """Runs a tool under management and returns what `func` returns. As `tool_execute`, but
        raises InvalidState for a tool, guardrail or intercept that has to be awaited (S3.8).

        >>> tools.execute_sync("search", {"query": "x"}, lambda args: {"found": args["query"]})
        {'found': 'x'}
        """
        cdef ManagedCall call = new_call(
            self, TOOL_EXECUTE, name, args, func, handle, attributes, data, metadata, tool_call_id,
            timestamp,
        )
        refuse_async(call, func, "tool")
        return run_now(call)

    def tool_call(
        self, name, args, *, handle=None, attributes=None, data=None, metadata=None,
        tool_call_id=None, timestamp=None,
    ):
        """Begins a tool call that the application runs by itself (S4.8), and returns its handle,
        which goes to `tool_call_end`. It does not become current. The arguments are those of
        `tool_execute`; `data` stays on the handle.

        Raises InvalidArgument, InvalidUtf8, LimitExceeded.

        >>> handle = tools.call("search", {"query": "x"}, tool_call_id="c1")
        >>> handle
        <ToolHandle 'search' tool open ...>
        >>> tools.call_end(handle, {"hits": 2})
        """
        return begin_manual_tool_call(
            self, name, args, handle, attributes, data, metadata, tool_call_id, timestamp
        )

    def tool_call_end(
        self, handle, result=..., *, data=None, metadata=None, error=None, status=None,
        timestamp=None,
    ):
        """Ends a call that `tool_call` began.

        handle: The call. One that has ended already is refused.
        result: What the tool gave, the end event's data; None is JSON null.
        data: The end event's data when there is no result.
        metadata: Merged over the start's metadata (S2.5).
        error: The exception that it ended with; described in the end event's metadata.
        status: EndStatus; follows from `error` by default.
        timestamp: When it ended, an aware datetime or nanoseconds since 1970; now by default.

        Raises InvalidArgument, InvalidState, NotFound.

        >>> with testing.capture() as events:
        ...     handle = tools.call("search", {"query": "x"})
        ...     tools.call_end(handle, error=LookupError("nothing there"))
        >>> events.find("search", phase="end").metadata["otel.status_code"]
        'ERROR'
        """
        handle_argument(handle, ScopeHandle, "handle")
        end_manual_tool_call(
            <ScopeHandle>handle, response_given(result), data, metadata, error, status, timestamp
        )

    def tool_request_intercepts(self, name, args):
        """Runs only the request intercepts, without a span or an event (S4.9); to be awaited for
        the arguments as they leave them.

        name: The tool's name, at most 65,535 bytes.
        args: The arguments; they themselves are left as they are.

        Raises what an intercept raises, InvalidArgument, InvalidUtf8, LimitExceeded.

        >>> with intercepts.tool_request("tenant", 10, False, lambda name, args: {"tenant": "a"}):
        ...     await tools.request_intercepts_async("search", {})
        {'tenant': 'a'}
        """
        return new_helper(self, TOOL_REQUEST_INTERCEPTS, name, args)

    def tool_request_intercepts_sync(self, name, args):
        """As `tool_request_intercepts`, at once. Raises InvalidState for an intercept that has to
        be awaited (S3.8).

        >>> with intercepts.tool_request("tenant", 10, False, lambda name, args: {"tenant": "a"}):
        ...     tools.request_intercepts_sync("search", {})
        {'tenant': 'a'}
        """
        return run_now(new_helper(self, TOOL_REQUEST_INTERCEPTS, name, args))

    def tool_conditional_execution(self, name, args):
        """Asks only the guardrails, without a span or an event (S4.9); to be awaited.

        name: The tool's name, at most 65,535 bytes.
        args: The arguments.

        Raises GuardrailRejected when one refuses, what one raises, InvalidArgument, InvalidUtf8,
        LimitExceeded.

        >>> with guardrails.tool_conditional_execution("closed", 10, lambda name, args: "closed"):
        ...     await tools.conditional_execution_async("search", {})
        Traceback (most recent call last):
            ...
        scopeflow._native.GuardrailRejected: guardrail rejected: closed
        """
        return new_helper(self, TOOL_CONDITIONAL_EXECUTION, name, args)

    def tool_conditional_execution_sync(self, name, args):
        """As `tool_conditional_execution`, at once. Raises InvalidState for a guardrail that has to
        be awaited (S3.8).

        >>> with guardrails.tool_conditional_execution("closed", 10, lambda name, args: "closed"):
        ...     tools.conditional_execution_sync("search", {})
        Traceback (most recent call last):
            ...
        scopeflow._native.GuardrailRejected: guardrail rejected: closed
        """
        return run_now(new_helper(self, TOOL_CONDITIONAL_EXECUTION, name, args))

    # --- Language models ---

    def llm_execute(
        self, name, request, func, *, handle=None, attributes=None, data=None, metadata=None,
        model_name=None, codec=None, response_codec=None, timestamp=None,
    ):
        """Runs a call of a language model under management; to be awaited for what `func` returns.

        name: The provider's name, at most 65,535 bytes.
        request: An LLMRequest; `func` gets this very object unless an intercept changes it.
        func: The model, sync or async: `func(request)`.
        handle: An open scope to be the parent instead of the current one.
        attributes: LLMAttributes.
        data: The end event's data when the model returns nothing.
        metadata: The start event's metadata; kept for the end event (S2.5).
        model_name: The name of the model.
        codec: An LlmCodec, or the name of one such as `auto`, with which intercepts see and edit the
            request's annotated form (S4.11).
        response_codec: An LlmResponseCodec, or the name of one, which annotates the response for
            observers.
        timestamp: When it started, an aware datetime or nanoseconds since 1970; now by default.

        Nothing happens before it is awaited. The model's own exception comes out unchanged. Raises
        GuardrailRejected when a guardrail refuses, the own exception of a guardrail, request
        intercept or codec that fails, InvalidArgument, InvalidUtf8, LimitExceeded.

        >>> async def complete(request):
        ...     return {"text": "hello", "model": request.content["model"]}
        >>> request = LLMRequest({}, {"model": "gpt-4o", "messages": []})
        >>> await llm.execute("openai", request, complete, model_name="gpt-4o")
        {'text': 'hello', 'model': 'gpt-4o'}
        """
        return new_llm_call(
            self, LLM_EXECUTE, name, request, func, handle, attributes, data, metadata, model_name,
            timestamp, codec, response_codec,
        )

    def llm_execute_sync(
        self, name, request, func, *, handle=None, attributes=None, data=None, metadata=None,
        model_name=None, codec=None, response_codec=None, timestamp=None,
    ):
        """Runs a call of a language model under management and returns what `func` returns. As
        `llm_execute`, but raises InvalidState for what has to be awaited (S3.8).

        >>> request = LLMRequest({}, {"model": "gpt-4o", "messages": []})
        >>> llm.execute_sync("openai", request, lambda request: {"text": "hello"})
        {'text': 'hello'}
        """
        cdef ManagedCall call = new_llm_call(
            self, LLM_EXECUTE, name, request, func, handle, attributes, data, metadata, model_name,
            timestamp, codec, response_codec,
        )
        refuse_async(call, func, "the target of")
        return run_now(call)

    def llm_stream_execute(
        self, name, request, func, collector=None, finalizer=None, *, handle=None, attributes=None,
        data=None, metadata=None, model_name=None, codec=None, response_codec=None,
        chunk_marks=False, timestamp=None,
    ):
        """Runs a call that answers in chunks; to be awaited for its stream, an LlmStream (S4.7).

        func: The producer: `func(request)` gives an async iterator, or is awaited for one. It runs
            in its own copy of the context, which is entered for each chunk (S1.11).
        collector: `collector(chunk)` sees each chunk before the consumer; its exception ends the
            stream.
        finalizer: `finalizer()` is called once at the end, and gives the end event's data.
        chunk_marks: Whether to emit a mark for each chunk, with its number, never the chunk.

        The other arguments and the exceptions are those of `llm_execute`.

        >>> async def produce(request):
        ...     yield "Hel"
        ...     yield "lo"
        >>> said = []
        >>> async for chunk in await llm.stream_execute(
        ...     "openai", LLMRequest({}, {}), produce, said.append, lambda: "".join(said)
        ... ):
        ...     print(chunk)
        Hel
        lo
        """
        cdef StreamOpening opening = StreamOpening.__new__(StreamOpening)
        cdef ManagedCall call = new_llm_call(
            self, LLM_STREAM_EXECUTE, name, request, func, handle, attributes, data, metadata,
            model_name, timestamp, codec, response_codec,
        )
        make_streamed(call, collector, finalizer, chunk_marks)
        opening.call = call
        return opening

    def llm_stream_execute_sync(
        self, name, request, func, collector=None, finalizer=None, *, handle=None, attributes=None,
        data=None, metadata=None, model_name=None, codec=None, response_codec=None,
        chunk_marks=False, timestamp=None,
    ):
        """Runs a call that answers in chunks and returns its stream, a SyncLlmStream. As
        `llm_stream_execute`, but `func(request)` gives an iterator, and what has to be awaited is
        refused with InvalidState (S3.8).

        >>> def produce(request):
        ...     yield "Hel"
        ...     yield "lo"
        >>> for chunk in llm.stream_execute_sync("openai", LLMRequest({}, {}), produce):
        ...     print(chunk)
        Hel
        lo
        """
        cdef ManagedCall call = new_llm_call(
            self, LLM_STREAM_EXECUTE, name, request, func, handle, attributes, data, metadata,
            model_name, timestamp, codec, response_codec,
        )
        make_streamed(call, collector, finalizer, chunk_marks)
        refuse_async(call, func, "the target of")
        refuse_async(call, collector, "the collector of")
        refuse_async(call, finalizer, "the finalizer of")
        return run_now(call)

    def llm_call(
        self, name, request, *, handle=None, attributes=None, data=None, metadata=None,
        model_name=None, annotated_request=None, codec=None, timestamp=None,
    ):
        """Begins a call of a language model that the application runs by itself (S4.8), and returns
        its handle, which goes to `llm_call_end`. It does not become current.

        annotated_request: The annotated form of the request, for observers; dropped when a
            sanitizer changes the request and no codec can derive it anew (S2.8).
        codec: An LlmCodec that derives it.

        The other arguments are those of `llm_execute`; `data` stays on the handle. Raises
        InvalidArgument, InvalidUtf8, LimitExceeded.

        >>> handle = llm.call("openai", LLMRequest({}, {"messages": []}), model_name="gpt-4o")
        >>> handle.model_name
        'gpt-4o'
        >>> llm.call_end(handle, {"text": "hello"})
        """
        return begin_manual_llm_call(
            self, name, request, handle, attributes, data, metadata, model_name, timestamp,
            annotated_request, codec,
        )

    def llm_call_end(
        self, handle, response=..., *, data=None, metadata=None, annotated_response=None,
        response_codec=None, error=None, status=None, timestamp=None,
    ):
        """Ends a call that `llm_call` began.

        handle: The call. One that has ended already is refused.
        response: What the model gave, the end event's data; None is JSON null.
        data: The end event's data when there is no response.
        metadata: Merged over the start's metadata (S2.5).
        annotated_response: The annotated form of the response, for observers; dropped when a
            sanitizer changes the response and no codec can derive it anew (S2.8).
        response_codec: An LlmResponseCodec that derives it.
        error: The exception that it ended with; described in the end event's metadata.
        status: EndStatus; follows from `error` by default.
        timestamp: When it ended, an aware datetime or nanoseconds since 1970; now by default.

        Raises InvalidArgument, InvalidState, NotFound.

        >>> with testing.capture() as events:
        ...     handle = llm.call("openai", LLMRequest({}, {"messages": []}))
        ...     llm.call_end(handle, {"text": "hello"})
        >>> events.find("openai", phase="end").data
        {'text': 'hello'}
        """
        handle_argument(handle, ScopeHandle, "handle")
        end_manual_llm_call(
            <ScopeHandle>handle, response_given(response), data, metadata, error, status,
            timestamp, annotated_response, response_codec,
        )

    def llm_request_intercepts(self, name, request):
        """Runs only the request intercepts, without a span or an event (S4.9); to be awaited for
        the request as they leave it.

        name: The provider's name, at most 65,535 bytes.
        request: The LLMRequest; it itself is left as it is.

        Raises what an intercept raises, InvalidArgument, InvalidUtf8, LimitExceeded, TypeError for
        what is no LLMRequest.

        >>> def with_trace(name, request, annotated):
        ...     return LLMRequest({"x-trace": "7f3a"}, request.content)
        >>> with intercepts.llm_request("with-trace", 10, False, with_trace):
        ...     await llm.request_intercepts_async("openai", LLMRequest({}, {}))
        LLMRequest(headers=['x-trace'], content={})
        """
        request_argument(request)
        return new_helper(self, LLM_REQUEST_INTERCEPTS, name, request)

    def llm_request_intercepts_sync(self, name, request):
        """As `llm_request_intercepts`, at once. Raises InvalidState for an intercept that has to be
        awaited (S3.8).

        >>> def with_trace(name, request, annotated):
        ...     return LLMRequest({"x-trace": "7f3a"}, request.content)
        >>> with intercepts.llm_request("with-trace", 10, False, with_trace):
        ...     llm.request_intercepts_sync("openai", LLMRequest({}, {}))
        LLMRequest(headers=['x-trace'], content={})
        """
        request_argument(request)
        return run_now(new_helper(self, LLM_REQUEST_INTERCEPTS, name, request))

    def llm_conditional_execution(self, request, *, name=""):
        """Asks only the guardrails, without a span or an event (S4.9); to be awaited.

        request: The LLMRequest.
        name: The provider's name, for the guardrails' context; empty by default.

        Raises GuardrailRejected when one refuses, what one raises, InvalidArgument, InvalidUtf8,
        LimitExceeded, TypeError for what is no LLMRequest.

        >>> with guardrails.llm_conditional_execution("closed", 10, lambda request: "closed"):
        ...     await llm.conditional_execution_async(LLMRequest({}, {}))
        Traceback (most recent call last):
            ...
        scopeflow._native.GuardrailRejected: guardrail rejected: closed
        """
        request_argument(request)
        return new_helper(self, LLM_CONDITIONAL_EXECUTION, name, request)

    def llm_conditional_execution_sync(self, request, *, name=""):
        """As `llm_conditional_execution`, at once. Raises InvalidState for a guardrail that has to
        be awaited (S3.8).

        >>> with guardrails.llm_conditional_execution("closed", 10, lambda request: "closed"):
        ...     llm.conditional_execution_sync(LLMRequest({}, {}))
        Traceback (most recent call last):
            ...
        scopeflow._native.GuardrailRejected: guardrail rejected: closed
        """
        request_argument(request)
        return run_now(new_helper(self, LLM_CONDITIONAL_EXECUTION, name, request))

    # --- All of it ---

    def runtime_flush(self):
        """Delivers what is still owed: the ends of abandoned scopes (S1.12).

        >>> with testing.capture() as events:
        ...     handle = scope.push("forgotten", ScopeType.Agent)
        ...     set_thread_scope_stack(create_scope_stack())
        ...     del handle
        ...     default_runtime.runtime_flush()
        >>> events.names()
        ['start forgotten', 'end forgotten']
        """
        cdef scopeflow_task task
        cdef scopeflow_step step
        begin_runtime_flush(self.pointer, glue_emitter(), &task, &step)
        if step.kind != SCOPEFLOW_STEP_KIND_DONE:
            finish_task(self, None, &task, &step)

    def runtime_close(self):
        """Ends what is open, the latest opened first, as abandoned, and delivers what is owed
        (S6.1). From then on what would emit or register raises InvalidState; closing again does
        nothing.

        >>> runtime = Runtime()
        >>> with testing.capture(runtime) as events:
        ...     handle = runtime.scope_push("turn", ScopeType.Agent)
        ...     runtime.runtime_close()
        >>> events.find("turn", phase="end").metadata["error.type"]
        'abandoned'
        """
        cdef scopeflow_task task
        cdef scopeflow_step step
        begin_runtime_close(self.pointer, glue_emitter(), &task, &step)
        if step.kind != SCOPEFLOW_STEP_KIND_DONE:
            finish_task(self, None, &task, &step)

    def close(self):
        """As `runtime_close`.

        >>> runtime = Runtime()
        >>> runtime.close()
        >>> runtime.close()  # Nothing is left to be done.
        """
        self.runtime_close()

    def stats(self):
        """The counters of the runtime, a RuntimeStats.

        >>> with testing.capture():
        ...     scope.event("cache miss")
        >>> stats().mark_event_count
        1
        """
        return self.runtime_read_stats()

    def registrations(self, scope=None):
        """What is registered now, a list of RegistrationInfo in the order of registration.

        scope: A ScopeHandle, for what was registered on that scope itself. By default what was
            registered on the runtime.

        >>> subscribers.register("show", print)
        >>> default_runtime.registrations()
        [RegistrationInfo(kind='subscriber', name='show', priority=0)]
        """
        optional_handle_argument(scope, ScopeHandle, "scope")
        return list_registrations(
            self.pointer, NULL if scope is None else (<ScopeHandle>scope).pointer
        )

    def last_errors(self):
        """The last 8 messages that went to the logger `scopeflow`, the newest first.

        >>> def broken(event):
        ...     raise LookupError("nothing there")
        >>> with subscribers.subscriber("broken", broken):
        ...     scope.event("cache miss")
        >>> default_runtime.last_errors()
        ["subscriber 'broken' failed: LookupError: nothing there"]
        """
        cdef scopeflow_error failure
        cdef scopeflow_error error
        found = []
        while True:
            if scopeflow_runtime_last_error(
                self.pointer, <uint32_t>len(found), &failure, &error
            ) != SCOPEFLOW_STATUS_OK:
                raise_failure(&error)
            if failure.message_len_bytes == 0:
                return found
            found.append(message_of(&failure))


push_with_keywords = glue_replace_method(
    <PyTypeObject *>Runtime, b"scope_push", <method_function>push_plainly
)
pop_with_keywords = glue_replace_method(
    <PyTypeObject *>Runtime, b"scope_pop", <method_function>pop_plainly
)


# --- All runtimes of the process ---


cdef PyObject *first_runtime = NULL


cdef void link_runtime(Runtime self) noexcept:
    global first_runtime
    self.previous = NULL
    self.next = first_runtime
    if first_runtime != NULL:
        (<Runtime>first_runtime).previous = <PyObject *>self
    first_runtime = <PyObject *>self


cdef void unlink_runtime(Runtime self) noexcept:
    global first_runtime
    if self.previous != NULL:
        (<Runtime>self.previous).next = self.next
    else:
        first_runtime = self.next
    if self.next != NULL:
        (<Runtime>self.next).previous = self.previous


cdef list live_runtimes():
    cdef PyObject *runtime = first_runtime
    found = []
    while runtime != NULL:
        found.append(<object>runtime)
        runtime = (<Runtime>runtime).next
    return found


def after_fork():
    """S1.13: in the child, what was open in the parent is the parent's."""
    for runtime in live_runtimes():
        runtime.runtime_after_fork()


def at_exit():
    """Delivers what is owed while subscribers can still run."""
    for runtime in live_runtimes():
        try:
            runtime.runtime_flush()
        except BaseException as error:
            log_message(SCOPEFLOW_LOG_LEVEL_ERROR, f"flush at exit failed: {error!r}", error)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=after_fork)
atexit.register(at_exit)

default_runtime = Runtime()


# --- Garbage collection ---


cdef traverseproc traverse_runtime_attributes = NULL


cdef int traverse_runtime(PyObject *self, visitproc visit, void *argument) noexcept:
    """Shows the collector what was registered on the runtime itself, which may refer to it."""
    cdef int stop = traverse_runtime_attributes(self, visit, argument)
    cdef scopeflow_runtime *pointer = (<Runtime>self).pointer
    cdef scopeflow_ref callable = 0
    cdef uint32_t index = 0
    while stop == 0 and pointer != NULL:
        if scopeflow_runtime_callable_at(pointer, index, &callable, NULL) != SCOPEFLOW_STATUS_OK:
            break
        if callable == 0:
            break
        stop = visit(<PyObject *>callable, argument)
        index += 1
    return stop


traverse_runtime_attributes = (<PyTypeObject *>Runtime).tp_traverse
(<PyTypeObject *>Runtime).tp_traverse = traverse_runtime
