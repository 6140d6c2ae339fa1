"""Does a program of trees.py with a host: the package (tree_package.py) or the model
(tree_model.py). What came out of each action stands in the trace of its task."""

from __future__ import annotations

import copy
import json

import trees

MOST_TURNS = 2  # A callable does its body so often in a task; else one could call itself for ever.


class TaskState:
    """One task of a program as it runs: a row of actions with one history."""

    def __init__(self, name, is_cancelled=False, scopes=(), counts=()):
        self.name = name
        self.trace = []
        self.counts = dict(counts)  # Of what was named or called, by its id.
        self.scopes = list(scopes)  # Handles of the scopes around the present action.
        self.is_to_hang = is_cancelled
        self.hung = None  # What to call when it hangs.

    def turn(self, key):
        self.counts[key] = self.counts.get(key, 0) + 1
        return self.counts[key]


class Performer:
    def __init__(self, program, host):
        self.program = program
        self.host = host
        self.tasks = {}  # By name, in the order in which they began.

    async def run(self):
        state = self.begin_task("main")
        self.host.observe(self)
        if self.program.is_guarded:
            for registry in (*trees.SANITIZERS, *trees.EVENT_SANITIZERS):
                self.host.register(None, registry, "last", self.take_secrets_out, 100)
        await self.whole(state, self.program.body)

    def begin_task(self, name, *given):
        state = self.tasks[name] = TaskState(name, *given)
        self.host.enter_task(state)
        return state

    async def whole(self, state, body):
        """A task to its end, which is an outcome too."""
        state.trace.append(("began under", self.host.current_name()))
        outcome = await self.outcome(self.body(body), self.host.is_failure)
        state.trace.append(("ended under", self.host.current_name(), outcome))
        return outcome

    async def outcome(self, doing, catches=None):
        """What came of it. A mistake is told in the trace and goes no further, and so does what
        else is to be caught."""
        try:
            return ("returned", self.shown(await doing))
        except BaseException as error:
            if self.host.is_mistake(error) or (catches is not None and catches(error)):
                return self.host.told(error)
            raise

    async def caught(self, doing, catches):
        """The outcome of a call, with an ordinary error or without."""
        return await self.outcome(doing, self.host.is_ordinary if catches else None)

    def shown(self, value):
        return json.dumps(value, sort_keys=True, default=lambda other: type(other).__name__)

    async def body(self, actions):
        for action in actions:
            await getattr(self, f"do_{type(action).__name__.lower()}")(action)

    # --- Small things ---

    @property
    def state(self):
        return self.host.state()

    def name(self, action, stem):
        """One for each time that something is done in a task, the same for both hosts."""
        state = self.state
        return f"{stem}{action.id}.{state.turn(action.id)}@{state.name}"

    def note(self, *what):
        self.state.trace.append(what)

    async def do_mark(self, action):
        self.host.mark(self.name(action, "m"), self.fresh(action.data), action.metadata)

    async def do_pause(self, action):
        await self.host.pause(action.turns)

    async def do_raise(self, action):
        raise self.host.error(f"{self.name(action, 'boom')} {trees.SECRET}")

    async def do_hang(self, action):
        state = self.state
        if state.is_to_hang:
            state.is_to_hang = False
            await self.host.hang(state)

    async def do_close(self, action):
        handle = self.state.scopes[-1 - action.depth]
        end = self.host.pop if action.is_pop else self.host.close
        for _ in range(1 + action.twice):
            self.note("close", await self.outcome_of(end, handle))

    def fresh(self, value):
        return self.host.payload(copy.deepcopy(value))

    def request(self, action):
        return self.host.request(dict(action.headers), {"content": self.fresh(action.request)})

    # --- Scopes ---

    async def do_scope(self, action):
        late, name = None, self.name(action, "s")
        entered = self.host.enter(
            name, action.kind, action.is_with, self.fresh(action.input), action.metadata
        )
        self.state.scopes.append(entered.handle)
        try:
            if action.late is not None:
                late = self.host.prepare_late(action.late, self.child(action.late))
            await self.body(action.body)
        except BaseException as error:
            self.leave(action, entered, error)
            raise
        else:
            self.leave(action, entered, None)
        finally:
            if late is not None:
                self.note("late", await self.host.run_late(late))

    def leave(self, action, entered, error):
        self.state.scopes.pop()
        try:
            self.host.leave(entered, self.fresh(action.output), error)
        except BaseException as refusal:
            if not self.host.is_mistake(refusal):
                raise
            self.note("leave", self.host.told(refusal))

    # --- Calls ---

    async def do_call(self, action):
        name = self.name(action, "t")
        is_tool = action.kind == "tool"
        request = self.fresh(action.request) if is_tool else self.request(action)

        async def target(request):
            await self.body(action.body)
            return self.fresh(action.result)

        doing = self.host.execute(action, name, request, target)
        self.note("call", await self.caught(doing, action.catches))

    async def do_manualcall(self, action):
        name = self.name(action, "c")
        is_tool = action.kind == "tool"
        request = self.fresh(action.request) if is_tool else self.request(action)
        handle = self.host.begin_call(action.kind, name, request)
        try:
            await self.body(action.body)
        finally:
            error = self.host.error(f"failed {trees.SECRET}") if action.has_failed else None
            self.host.end_call(action.kind, handle, self.fresh(action.result), error)

    # --- Streams ---

    async def do_stream(self, action):
        name = self.name(action, "t")

        async def chunks():
            for chunk, body in action.chunks:
                await self.body(body)
                yield self.fresh(chunk)
            await self.body(action.after)

        async def collector(chunk):
            await self.body(action.collector)

        async def finalizer():
            body, result = action.finalizer
            await self.body(body)
            return self.fresh(result)

        opening = self.host.open_stream(
            action,
            name,
            self.request(action),
            chunks,
            None if action.collector is None else collector,
            None if action.finalizer is None else finalizer,
        )
        self.note("stream", await self.caught(self.consume(action, opening), action.catches))

    async def consume(self, action, opening):
        """Takes chunks until it has enough; whatever comes between, the stream is stopped."""
        stream = await opening
        taken = []
        try:
            while len(taken) != action.take:
                chunk = await self.host.next_chunk(stream)
                if chunk is self.host.END:
                    break
                taken.append(self.shown(chunk))
                await self.body(action.between)
        finally:
            if action.way == "drop":
                self.host.forget(stream)
                stream = None
                self.host.drop()
            else:
                await self.host.close_stream(stream)
        return taken

    # --- Middleware ---

    def owner(self, action):
        return None if action.depth is None else self.state.scopes[-1 - action.depth]

    async def do_register(self, action):
        registering = self.host.register
        breaks = {"breaks_chain": action.breaks_chain} if action.registry in trees.REQUEST else {}
        act = self.act(action)
        outcome = await self.outcome_of(
            registering,
            self.owner(action),
            action.registry,
            action.name,
            act,
            action.priority,
            is_async=action.is_async,
            **breaks,
        )
        self.note("register", outcome)

    async def do_deregister(self, action):
        outcome = await self.outcome_of(
            self.host.deregister, self.owner(action), action.registry, action.name
        )
        self.note("deregister", outcome)

    async def outcome_of(self, function, *arguments, **named):
        async def call():
            return function(*arguments, **named)

        return await self.outcome(call())

    def act(self, action):
        """What a callable does: `given` is what its registry is about."""

        async def act(given, next=None):
            if self.state.turn(("turn", action.id)) <= MOST_TURNS:
                await self.body(action.body)
            if action.registry in trees.EXECUTION:
                return await self.around(action, given, next)
            return self.answer(action, given)

        return act

    def answer(self, action, given):
        kind = action.answer
        if kind in ("refuse", "switch off"):
            return f"no {trees.SECRET}"
        if kind == "same":
            return given
        if kind == "redact":
            return self.without_secrets(given)
        if kind == "wrong":
            return self.host.WRONG
        if kind == "members":
            return {"injected": trees.SECRET}
        if kind in ("edit", "new", "marks"):
            return self.changed(action, given)
        return None

    def changed(self, action, given):
        kind, name = action.answer, self.name(action, "x")
        if self.host.is_request(given):
            given.headers["x-by"] = name
        elif kind == "edit" and isinstance(given, dict):
            given["edited"] = name
        else:
            given = {"edited" if kind == "edit" else "new": name}
        return self.host.outcome(given, [(name, trees.SECRET)]) if kind == "marks" else given

    async def around(self, action, given, next):
        kind, result = action.answer, None
        if kind != "none":
            request = self.changed_copy(action, given) if kind == "other" else given
            try:
                result = await next(request)
            except BaseException as error:
                if kind != "catch" or not self.host.is_ordinary(error):
                    raise
                result = self.instead(action, "caught")
            if kind == "twice":
                result = await next(given)
        else:
            result = self.instead(action, "no call")
        if kind == "marks":
            return self.host.outcome(result, [(self.name(action, "x"), trees.SECRET)])
        return result

    def instead(self, action, what):
        """A result that no target gave."""
        if action.registry != "llm_stream_execution_intercept":
            return {"instead": what}

        async def chunks():
            yield {"instead": what}

        return self.host.stream(chunks, action.is_async)

    def changed_copy(self, action, given):
        name = self.name(action, "x")
        if self.host.is_request(given):
            return self.host.request({**given.headers, "x-by": name}, given.content)
        return {"other": name}

    async def take_secrets_out(self, given, next=None):
        return self.without_secrets(given)

    def without_secrets(self, value):
        if self.host.is_request(value):
            headers, content = map(self.without_secrets, (value.headers, value.content))
            return self.host.request(headers, content)
        if isinstance(value, dict):
            return {key: self.without_secrets(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.without_secrets(item) for item in value]
        return value.replace(trees.SECRET, "***") if isinstance(value, str) else value

    # --- Tasks ---

    async def do_tasks(self, action):
        children = [(task, self.child(task)) for task in action.tasks]
        self.note(action.how, await self.host.run_tasks(action.how, children))

    def child(self, task):
        """What a task does, to be called where it runs."""
        parent = self.state
        name = f"{parent.name}/{task.id}.{parent.turn(task.id)}"
        # A callable that runs a task which calls it again must come to an end, too.
        given = (task.is_cancelled, tuple(parent.scopes), dict(parent.counts))

        async def run(on_hang=None):
            state = self.begin_task(name, *given)
            state.hung = on_hang
            return await self.whole(state, task.body)

        return run
