"""Functions under management by decoration: `tool`, `agent`, `llm` (S1.11, S3, S4)."""

from __future__ import annotations

import asyncio
import functools
import inspect

import pytest
from decorated import KINDS, PASSED_ON, arguments, drain, drive, error_type

import scopeflow
from scopeflow import (
    GuardrailRejected,
    InvalidArgument,
    LLMRequest,
    ScopeAttributes,
    ToolAttributes,
)

# --- Plain functions and coroutines ---


def test_a_plain_call(decorate, log):
    @decorate()
    def work(a, b=2):
        return {"sum": a + b}

    assert work(1) == {"sum": 3}
    assert log.story() == ["start work", "end work"]
    assert arguments(log, "work") == {"a": 1, "b": 2}
    assert log.end("work").data == {"sum": 3}
    assert log.end("work").metadata["otel.status_code"] == "OK"


def test_a_coroutine(decorate, log):
    @decorate()
    async def work(a, *, b=2):
        await asyncio.sleep(0)
        return a + b

    assert inspect.iscoroutinefunction(work)
    assert asyncio.run(work(1)) == 3
    assert log.story() == ["start work", "end work"]
    assert arguments(log, "work") == {"a": 1, "b": 2}
    assert log.end("work").data == 3


def test_the_kind_of_scope(decorate, kind, log):
    decorate(name="n", metadata={"m": 1})(lambda: None)()
    assert log.start("n").category == kind
    assert log.start("n").metadata == {"m": 1}


def test_bare_decorators_use_the_default_runtime(kind):
    seen = []

    @KINDS[kind]
    def bare():
        return 1

    with scopeflow.subscribers.subscriber("decorators", seen.append):
        assert bare() == 1
    assert [event.name for event in seen] == ["bare", "bare"]


def test_attributes(tool, agent, log):
    tool(attributes=ToolAttributes.REMOTE)(lambda: None)()
    agent(name="a", attributes=ScopeAttributes.PARALLEL)(lambda: None)()
    assert log.start("<lambda>").attributes == ["remote"]
    assert log.start("a").attributes == ["parallel"]


@pytest.mark.parametrize("error", PASSED_ON, ids=lambda error: type(error).__name__)
def test_the_own_exception_comes_out(decorate, log, error):
    @decorate(name="plain")
    def plain():
        raise error

    @decorate(name="later")
    async def later():
        raise error

    for call in (plain, lambda: drive(later())):
        with pytest.raises(type(error)) as caught:
            call()
        assert caught.value is error
    expected = "exception" if isinstance(error, Exception) else "cancelled"
    assert error_type(log, "plain") == error_type(log, "later") == expected


def test_what_is_done_inside_is_a_child(decorate, runtime, log):
    @decorate()
    def outer():
        return inner()

    @scopeflow.tool(runtime=runtime)
    def inner():
        return runtime.get_handle().name

    assert outer() == "inner"
    assert log.start("inner").parent_uuid == log.start("outer").uuid
    assert runtime.get_handle() is runtime.runtime_root()


def test_tasks_keep_apart(decorate, runtime, log):
    @decorate()
    async def outer(number):
        await asyncio.sleep(0)
        await inner(number)

    @scopeflow.tool(runtime=runtime)
    async def inner(number):
        await asyncio.sleep(0)

    async def main():
        await asyncio.gather(*(outer(n) for n in range(5)))

    asyncio.run(main())
    parents = {e.uuid: e for e in log.events if e.name == "outer" and e.scope_category == "start"}
    starts = [e for e in log.events if e.name == "inner" and e.scope_category == "start"]
    assert len(parents) == 5
    for start in starts:
        parent = parents.pop(start.parent_uuid).data
        assert parent.get("content", parent)["number"] == start.data["number"]


def test_cancelling_a_task(decorate, log):
    @decorate()
    async def work():
        await asyncio.sleep(60)

    async def main():
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert error_type(log, "work") == "cancelled"


# --- What a function is ---


def test_the_metadata_of_the_function_is_kept(decorate):
    def work(a: int, /, b: str = "x", *rest: int, c: bool, **named: float) -> None:
        """Does it."""

    work.mark = 1
    wrapped = decorate()(work)
    assert wrapped.__name__ == "work"
    assert wrapped.__doc__ == "Does it."
    assert wrapped.__qualname__ == work.__qualname__
    assert wrapped.mark == 1
    assert wrapped.__wrapped__ is work
    assert inspect.signature(wrapped) == inspect.signature(work)


def test_methods(decorate, log):
    class Agent:
        def __init__(self, name):
            self.name = name

        @decorate(name="method")
        def method(self, a):
            return self.name, a

        @classmethod
        @decorate(name="of_class")
        def of_class(cls, a):
            return cls, a

        @staticmethod
        @decorate(name="static")
        def static(a):
            return a

        @decorate(name="steps")
        def steps(self, a):
            yield self.name
            yield a

    agent = Agent("x")
    assert agent.method(1) == ("x", 1)
    assert Agent.of_class(2) == (Agent, 2)
    assert Agent.static(3) == 3
    assert list(agent.steps(4)) == ["x", 4]
    for name, value in {"method": 1, "of_class": 2, "static": 3, "steps": 4}.items():
        assert arguments(log, name) == {"a": value}


def test_partials_and_objects_that_can_be_called(decorate, log):
    class Adder:
        def __call__(self, a, b):
            return a + b

    class Waiter:
        async def __call__(self, a):
            return a

    assert decorate()(Adder())(1, 2) == 3
    assert asyncio.run(decorate()(Waiter())(4)) == 4
    assert decorate()(functools.partial(Adder().__call__, 1))(b=5) == 6
    assert arguments(log, "Adder") == {"a": 1, "b": 2}
    assert arguments(log, "Waiter") == {"a": 4}
    assert arguments(log, "__call__") == {"b": 5}


def test_what_cannot_be_decorated(decorate, kind):
    with pytest.raises(TypeError, match=rf"@scopeflow.{kind} decorates a function, not str"):
        decorate("name")
    with pytest.raises(TypeError, match="goes below @classmethod, next to the function"):
        decorate(classmethod(print))
    with pytest.raises(TypeError, match="goes below @staticmethod"):
        decorate(staticmethod(print))
    with pytest.raises(TypeError, match="name must be str, not int"):
        decorate(name=3)(len)
    with pytest.raises(TypeError, match="'dict' has no signature"):
        decorate(dict)


def test_wrong_arguments_are_refused_before_anything(decorate, log):
    @decorate()
    def work(a):
        raise AssertionError("it must not run")

    @decorate()
    def steps(a):
        yield a

    for function in (work, steps):
        for args, named in (((), {}), ((1, 2), {}), ((1,), {"a": 1}), ((1,), {"z": 1})):
            with pytest.raises(TypeError, match=rf"^{function.__name__}\(\) "):
                function(*args, **named)
    with pytest.raises(TypeError, match=r"^work\(\) "):
        decorate(name="work")(lambda a, /: a)(a=1)
    assert log.events == []


def test_variable_arguments(decorate, log):
    @decorate()
    def work(a, /, *rest, b=1, **named):
        return a, rest, b, named

    assert work(1) == (1, (), 1, {})
    assert work(1, 2, 3, b=4, a=5) == (1, (2, 3), 4, {"a": 5})
    first, second = (e for e in log.events if e.scope_category == "start")
    contents = [e.data.get("content", e.data) for e in (first, second)]
    assert contents == [
        {"a": 1, "b": 1},
        {"a": 1, "rest": [2, 3], "b": 4, "named": {"a": 5}},
    ]


# --- Intercepts ---


class Opaque:
    pass


def test_nothing_changed_gives_the_very_same_objects(tool, runtime):
    seen = []

    @tool()
    def work(*args, **named):
        seen.append((args, named))

    given = ([1], {"a": [Opaque()]}, (1, [2]), Opaque())
    work(*given, key=given[0])
    runtime.register_tool_request_intercept("same", 1, False, lambda name, args: args)
    work(*given, key=given[0])
    for args, named in seen:
        assert args[0] is given[0] and args[1] is given[1]
        assert args[3] is given[3] and named["key"] is given[0]


def test_intercepts_see_a_list_of_what_else_was_given(tool, runtime):
    seen = []

    @tool()
    def work(first, *rest, **named):
        return rest, named

    def intercept(name, args):
        seen.append(args)
        return {**args, "rest": args.get("rest", []) + ["more"]}

    runtime.register_tool_request_intercept("i", 1, False, intercept)
    assert work(1, 2, 3, key=4) == ((2, 3, "more"), {"key": 4})
    assert work(1) == (("more",), {})
    assert seen == [{"first": 1, "rest": [2, 3], "named": {"key": 4}}, {"first": 1}]


def test_an_unchanged_argument_stays_the_very_object_beside_a_changed_one(tool, runtime):
    @tool()
    def work(a, b, c):
        return a, b, c

    def intercept(name, args):
        args["b"]["x"].append(2)
        args["c"] = "new"
        return args

    runtime.register_tool_request_intercept("i", 1, False, intercept)
    cycle = []
    cycle.append(cycle)
    b = {"x": [1]}
    a, changed, c = work(cycle, b, "old")
    assert a is cycle
    assert changed == {"x": [1, 2]} and b == {"x": [1]}
    assert c == "new"


@pytest.mark.parametrize(
    "change",
    [
        lambda args: {**args, "a": [1, 1]},
        lambda args: {**args, "a": {"k": 1}},
        lambda args: {**args, "a": (1, 2)},
    ],
)
def test_any_change_of_a_container_counts(tool, runtime, change):
    work = tool()(lambda a: a)
    runtime.register_tool_request_intercept("i", 1, False, lambda name, args: change(args))
    for given in ([1, 2], [1], {"z": 1}, {"k": 2}):
        assert work(given) == change({})["a"]


def test_an_intercept_may_leave_out_and_add(tool, runtime):
    answer = {}
    runtime.register_tool_request_intercept("i", 1, False, lambda name, args: answer)

    class Owner:
        @tool(name="method")
        def method(self, a, b=5, *rest, **named):
            return self, a, b, rest, named

    owner = Owner()
    answer.update({"a": 1, "rest": [7, 8], "named": {"x": 1}, "y": 2})
    assert owner.method(0) == (owner, 1, 5, (7, 8), {"x": 1, "y": 2})
    answer.clear()
    answer.update({"a": 1})
    assert Owner.method(self=owner, a=0, z=1) == (owner, 1, 5, (), {})
    answer["self"] = "another"
    with pytest.raises(InvalidArgument, match="for 'method' have a member 'self', which is not th"):
        owner.method(0)


@pytest.mark.parametrize(
    "answer, text",
    [
        ({"a": 1, "z": 2}, "for 'work' have a member 'z', which it does not take"),
        ({"b": 1}, "for 'work' have no member 'a'"),
        ([1], "for 'work' are list, no dict"),
    ],
)
def test_what_the_function_cannot_take_is_refused(tool, runtime, log, answer, text):
    @tool()
    def work(a, b=1):
        raise AssertionError("it must not run")

    runtime.register_tool_request_intercept("i", 1, False, lambda name, args: answer)
    with pytest.raises(InvalidArgument, match=text):
        work(1)
    assert error_type(log, "work") == "invalid_argument"


def test_guards_see_the_bound_arguments_and_refuse(decorate, kind, runtime, log):
    seen = []

    def guard(*given):
        seen.append(given[-1])
        return "no"

    if kind == "llm":
        runtime.register_llm_conditional_execution_guardrail("g", 1, guard)
    else:
        runtime.register_tool_conditional_execution_guardrail("g", 1, guard)

    @decorate()
    def work(a):
        return a

    @decorate()
    def steps(a):
        yield a

    @decorate()
    async def later(a):
        yield a

    calls = (lambda: work(1), lambda: list(steps(1)), lambda: asyncio.run(drain(later(1))))
    for call in calls:
        if kind == "agent":
            call()
            continue
        with pytest.raises(GuardrailRejected, match="no"):
            call()
    if kind != "agent":
        assert [getattr(one, "content", one) for one in seen] == [{"a": 1}] * 3
        assert log.story() == ["mark work", "mark steps", "mark later"]


def test_execution_intercepts_wrap_functions(tool, runtime):
    async def twice(name, args, next):
        return [await next(args), await next({"a": 5})]

    @tool()
    async def work(a):
        return a

    runtime.register_tool_execution_intercept("i", 1, twice)
    assert asyncio.run(work(1)) == [1, 5]


# --- LLM requests ---


def test_a_request_is_made_of_the_arguments(llm, log):
    @llm(name="openai", model_name="gpt")
    async def ask(prompt, *, temperature=0):
        return prompt

    assert asyncio.run(ask("hi")) == "hi"
    start = log.start("openai")
    assert start.data == {"headers": {}, "content": {"prompt": "hi", "temperature": 0}}
    assert start.category_profile["model_name"] == "gpt"


def test_an_argument_model_names_the_model(llm, log):
    llm(name="ask")(lambda prompt, model="m-1": None)("x")
    llm(name="other")(lambda prompt, model=3: None)("x")
    assert log.start("ask").category_profile["model_name"] == "m-1"
    assert "model_name" not in log.start("other").category_profile


def test_the_first_argument_may_be_the_request(llm, runtime, log):
    @llm()
    def ask(request, extra=None):
        return request, extra

    request = LLMRequest({"a": "b"}, {"messages": []})
    extra = [1]
    runtime.register_llm_request_intercept("same", 1, False, lambda name, request, a: request)
    assert ask(request, extra)[0] is request
    assert ask(request=request, extra=extra)[1] is extra
    assert log.events[0].data == {"headers": {"a": "b"}, "content": {"messages": []}}

    def change(name, request, annotated):
        request.content["messages"].append("m")
        return request

    runtime.register_llm_request_intercept("change", 1, False, change)
    changed, other = ask(request, extra)
    assert changed.content == {"messages": ["m"]} and request.content == {"messages": []}
    assert other is extra


def test_headers_are_those_of_the_request(llm, runtime, log):
    @llm()
    def ask(prompt, headers=None):
        return prompt, headers

    headers = {"authorization": "secret", "x-id": "1"}
    assert ask("a", headers)[1] is headers
    assert log.start("ask").data == {"headers": {"x-id": "1"}, "content": {"prompt": "a"}}
    runtime.register_llm_request_intercept("same", 1, False, lambda n, request, a: request)
    assert ask("a", headers)[1] is headers
    assert ask("a") == ("a", None)

    def add(name, request, annotated):
        return LLMRequest({**request.headers, "x-new": "2"}, request.content)

    runtime.register_llm_request_intercept("add", 1, False, add)
    assert ask("a") == ("a", {"x-new": "2"})
    assert ask("a", headers) == ("a", {**headers, "x-new": "2"})


def test_headers_that_nothing_takes_are_refused(llm, runtime):
    def add(name, request, annotated):
        request.headers["x-new"] = "2"
        return request

    runtime.register_llm_request_intercept("add", 1, False, add)
    with pytest.raises(InvalidArgument, match="have headers, for which it has no parameter"):
        llm(name="ask")(lambda prompt: None)("a")


def test_an_intercept_changes_the_arguments_of_a_model(llm, runtime):
    def change(name, request, annotated):
        request.content["prompt"] += "!"
        return request

    runtime.register_llm_request_intercept("change", 1, False, change)
    assert llm(name="ask")(lambda prompt, other: (prompt, other))("a", 1) == ("a!", 1)
    runtime.register_llm_request_intercept(
        "list", 2, False, lambda name, request, a: LLMRequest({}, [1])
    )
    with pytest.raises(InvalidArgument, match="for 'ask' are list, no dict"):
        llm(name="ask")(lambda prompt: None)("a")


def test_codecs_and_chunk_marks_are_passed_on(llm, log):
    class Codec:
        def decode(self, request):
            return {"annotated": True}

        def encode(self, annotated, original):
            return original

        def decode_response(self, response):
            return {"answer": response}

    codec = Codec()
    llm(name="ask", codec=codec, response_codec=codec)(lambda prompt: "x")("a")
    assert log.start("ask").category_profile["annotated_request"] == {"annotated": True}
    assert log.end("ask").category_profile["annotated_response"] == {"answer": "x"}

    @llm(chunk_marks=True)
    def stream():
        yield "chunk"

    assert list(stream()) == ["chunk"]
    assert "streaming" in log.start("stream").attributes
    assert [e.data["n"] for e in log.events if e.kind == "mark"] == [1]
