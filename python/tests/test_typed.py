"""Typed calls: objects of the application's own types, JSON for middleware, the same object where
nobody changed it."""

from __future__ import annotations

import asyncio
import dataclasses
import datetime
import gc
import sys
import weakref
from typing import Optional

import pytest

import scopeflow
from scopeflow import InterceptOutcome, LLMRequest, intercepts, subscribers, typed
from scopeflow.typed import (
    BestEffortAnyCodec,
    Codec,
    DataclassCodec,
    JsonPassthrough,
    PydanticCodec,
)

pydantic = pytest.importorskip("pydantic", reason="the codec of its models needs pydantic")

REQUEST = LLMRequest({}, {"messages": []})


@dataclasses.dataclass
class Args:
    query: str
    limit: int = 10


@dataclasses.dataclass
class Nested:
    one: Args
    many: list[Args]
    named: dict[str, Args]
    maybe: Optional[Args] = None  # noqa: UP045 - Python 3.9's spelling is still written.
    pair: tuple[int, Args] = (0, None)
    rest: tuple[Args, ...] = ()


class Model(pydantic.BaseModel):
    query: str
    limit: int = 10
    note: str | None = None


ARGS, MODEL = DataclassCodec(Args), PydanticCodec(Model)


@pytest.fixture(params=["async", "sync"])
def run(request):
    """`run("tool_execute", …)` in both forms."""

    def call(name, *arguments, **named):
        if request.param == "sync":
            return getattr(typed, f"{name}_sync")(*arguments, **named)
        return asyncio.run(getattr(typed, name)(*arguments, **named))

    return call


@pytest.fixture
def log():
    events = []
    with subscribers.subscriber("log", events.append):
        yield events


# --- The same objects ---


@pytest.mark.parametrize(("codec", "of_class"), [(ARGS, Args), (MODEL, Model)])
def test_nothing_changed_is_the_very_object(run, log, codec, of_class):
    given, seen, made = of_class(query="x"), [], of_class(query="y")

    def tool(args):
        seen.append(args)
        return made

    assert run("tool_execute", "t", given, tool, codec, codec, tool_call_id="c") is made
    assert seen[0] is given
    start, end = log
    assert start.data["query"] == "x" and end.data["query"] == "y"
    assert start.category_profile == {"tool_call_id": "c"}


def test_a_nested_object_too(run):
    codec, nested = DataclassCodec(Nested), Nested(Args("x"), [Args("y")], {"k": Args("z")})
    assert run("tool_execute", "t", nested, lambda args: args, codec, codec) is nested


def test_json_passes_through_as_it_is(run):
    codec, given = JsonPassthrough(), {"a": [1]}
    assert run("tool_execute", "t", given, lambda args: args, codec, codec) is given


def test_json_that_an_intercept_changes_passes_too(run):
    codec = JsonPassthrough()
    with intercepts.tool_request("i", 1, False, lambda name, args: [*args, 1]):
        assert run("tool_execute", "t", [0], list, codec, codec) == [0, 1]


def test_what_an_intercept_changes_comes_through(run):
    def request(name, args):
        assert args == {"query": "x", "limit": 10}
        args["limit"] = 99
        return args

    def execution(name, args, next):
        given = next(args)
        if hasattr(given, "__await__"):
            return awaited(given)
        return edited(given)

    async def awaited(given):
        return edited(await given)

    def edited(result):
        result["query"] += "!"  # In place: the same object, but not as it was.
        return result

    seen = []
    with (
        intercepts.tool_request("r", 1, False, request),
        intercepts.tool_execution("e", 1, execution),
    ):
        result = run("tool_execute", "t", Args("x"), lambda a: seen.append(a) or a, ARGS, ARGS)
    assert seen == [Args("x", 99)]
    assert result == Args("x!", 99)


def test_a_change_deep_inside_is_seen(run):
    codec = DataclassCodec(Nested)

    def execution(name, args, next):
        args["many"][0]["query"] = "changed"
        return next(args)

    seen = []
    given = Nested(Args("x"), [Args("y")], {})
    with intercepts.tool_execution("e", 1, execution):
        run("tool_execute", "t", given, lambda a: seen.append(a) or a, codec, codec)
    assert seen[0].many == [Args("changed")] and given.many == [Args("y")]


def test_an_intercept_may_answer_by_itself(run):
    with intercepts.tool_execution("e", 1, lambda name, args, next: {"query": "mine"}):
        assert run("tool_execute", "t", Args("x"), print, ARGS, ARGS) == Args("mine")
    with intercepts.tool_execution(
        "e", 1, lambda name, args, next: InterceptOutcome({"query": "outcome"})
    ):
        assert run("tool_execute", "t", Args("x"), print, ARGS, ARGS) == Args("outcome")


def test_async_tools_and_models():
    async def tool(args):
        await asyncio.sleep(0)
        return args

    async def model(request):
        await asyncio.sleep(0)
        return given

    async def main():
        assert await typed.tool_execute("t", given, tool, ARGS, ARGS) is given
        assert await typed.llm_execute("m", REQUEST, model, ARGS) is given

    given = Args("x")
    asyncio.run(main())


def test_models(run, log):
    made = Model(query="x")
    assert run("llm_execute", "m", REQUEST, lambda r: made, MODEL, model_name="gpt") is made
    assert log[-1].data == {"query": "x", "limit": 10, "note": None}
    assert log[0].category_profile["model_name"] == "gpt"


# --- Errors ---


class Broken(Codec):
    def __init__(self, error, *, reads=False):
        self.error, self.reads = error, reads

    def to_json(self, value):
        if not self.reads:
            raise self.error
        return {"value": 1}

    def from_json(self, data):
        raise self.error


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_a_codec_that_fails_is_named(run, kind):
    error = kind("bad")
    what = "the arguments of 't'"
    with pytest.raises(kind) as caught:
        run("tool_execute", "t", 1, print, Broken(error), ARGS)
    assert caught.value is error
    assert caught.value.__notes__ == [f"to_json of the codec of {what} failed"]


def test_a_codec_that_fails_later_is_named(run, log):
    with intercepts.tool_request("r", 1, False, lambda name, args: {"other": 1}):
        with pytest.raises(ValueError, match="bad") as caught:
            run("tool_execute", "t", 1, print, Broken(ValueError("bad"), reads=True), ARGS)
    assert "from_json of the codec of the arguments of 't' failed" in caught.value.__notes__
    with pytest.raises(ValueError, match="bad") as caught:
        run("tool_execute", "t", 1, str, JsonPassthrough(), Broken(ValueError("bad")))
    assert "to_json of the codec of the result of 't' failed" in caught.value.__notes__
    assert [event.metadata["otel.status_code"] for event in log if event.metadata] == ["ERROR"] * 2


def test_the_functions_own_error_comes_out(run):
    error = LookupError("mine")

    def tool(args):
        raise error

    with pytest.raises(LookupError) as caught:
        run("tool_execute", "t", Args("x"), tool, ARGS, ARGS)
    assert caught.value is error and not hasattr(error, "__notes__")


def test_a_sync_call_refuses_what_has_to_be_awaited():
    async def tool(args):
        return args

    class Tools:
        async def method(self, args):
            return args

    for one in (tool, Tools().method):
        with pytest.raises(scopeflow.InvalidState):
            typed.tool_execute_sync("t", Args("x"), one, ARGS, ARGS)


# --- Streams ---


async def chunks_async(request):
    for query in "abc":
        yield Args(query)


def chunks_sync(request):
    yield from (Args(query) for query in "abc")


async def awaited_chunks(request):
    return chunks_async(request)


@pytest.mark.parametrize("producer", [chunks_async, chunks_sync, awaited_chunks])
def test_streams(log, producer):
    async def main():
        stream = await typed.llm_stream_execute(
            "m", REQUEST, producer, got.append, lambda: Args(f"{len(got)}"), ARGS, ARGS
        )
        return [chunk async for chunk in stream]

    got = []
    given = asyncio.run(main())
    assert given == [{"query": query, "limit": 10} for query in "abc"]
    assert got == [Args(query) for query in "abc"]
    assert log[-1].data == {"query": "3", "limit": 10}


def test_streams_at_once_and_without_collector(log):
    stream = typed.llm_stream_execute_sync("m", REQUEST, chunks_sync, None, None, ARGS, ARGS)
    assert next(stream) == {"query": "a", "limit": 10}
    stream.close()
    assert log[-1].metadata["error.type"] == "cancelled"


def test_a_stream_stops_its_producer_at_once():
    ended = []

    async def producer(request):
        try:
            while True:
                yield Args("x")
        finally:
            ended.append(True)

    async def main():
        stream = await typed.llm_stream_execute("m", REQUEST, producer, None, None, ARGS, ARGS)
        await anext(stream)
        await stream.aclose()
        assert ended == [True]

    asyncio.run(main())


def test_an_intercept_of_a_stream_changes_chunks():
    async def changing(request, next):
        source = await next(request)

        async def chunks():
            async for chunk in source:
                yield {**chunk, "limit": 1}

        return chunks()

    async def main():
        stream = await typed.llm_stream_execute(
            "m", REQUEST, chunks_async, got.append, None, ARGS, ARGS
        )
        return [chunk async for chunk in stream]

    got = []
    with intercepts.llm_stream_execution("i", 1, changing):
        asyncio.run(main())
    assert got == [Args(query, 1) for query in "abc"]


def test_what_is_no_producer_shows_at_the_first_step():
    async def main():
        stream = await typed.llm_stream_execute("m", REQUEST, lambda r: 7, None, None, ARGS, ARGS)
        with pytest.raises(scopeflow.InvalidArgument, match="__anext__"):
            await anext(stream)

    asyncio.run(main())


def test_a_producer_that_cannot_be_closed():
    """An iterator need not be a generator."""

    class Plain:
        def __init__(self):
            self.left = ["b", "a"]

        def __iter__(self):
            return self

        def __next__(self):
            if not self.left:
                raise StopIteration
            return Args(self.left.pop())

    class Async(Plain):
        __iter__ = None
        __next__ = None

        def __aiter__(self):
            return self

        async def __anext__(self):
            if not self.left:
                raise StopAsyncIteration
            return Args(self.left.pop())

    async def main():
        stream = await typed.llm_stream_execute(
            "m", REQUEST, lambda request: Async(), None, None, ARGS, ARGS
        )
        return [chunk["query"] async for chunk in stream]

    stream = typed.llm_stream_execute_sync(
        "m", REQUEST, lambda request: Plain(), None, None, ARGS, ARGS
    )
    assert [chunk["query"] for chunk in stream] == ["a", "b"]
    assert asyncio.run(main()) == ["a", "b"]


def test_a_plain_function_may_return_an_awaitable():
    async def later(args):
        await asyncio.sleep(0)
        return Args(f"{args.query}!")

    result = asyncio.run(typed.tool_execute("t", Args("x"), lambda args: later(args), ARGS, ARGS))
    assert result == Args("x!")


# --- Codecs ---


def test_a_dataclass_in_all_places():
    codec = DataclassCodec(Nested)
    nested = Nested(
        Args("a"), [Args("b")], {"k": Args("c")}, Args("d"), (1, Args("e")), (Args("f"), Args("g"))
    )
    data = codec.to_json(nested)
    assert data["pair"] == [1, {"query": "e", "limit": 10}]
    assert codec.from_json(data) == nested
    assert codec.from_json({**data, "maybe": None}).maybe is None


def test_what_no_dataclass_can_be_made_of():
    with pytest.raises(TypeError, match="Args is made of an object, not list"):
        ARGS.from_json([1])
    with pytest.raises(TypeError, match="nonsense"):
        ARGS.from_json({"query": "x", "nonsense": 1})
    with pytest.raises(TypeError, match="dc_cls must be a dataclass"):
        DataclassCodec(dict)
    with pytest.raises(TypeError, match="model_cls must be a pydantic model"):
        PydanticCodec(Args)


def test_a_hint_that_only_a_checker_sees():
    of_class = dataclasses.make_dataclass("Odd", [("value", "OnlyForCheckers")])
    assert DataclassCodec(of_class).from_json({"value": {"a": 1}}).value == {"a": 1}


def test_a_model_inside_a_dataclass():
    of_class = dataclasses.make_dataclass("Holder", [("model", Model)])
    codec = DataclassCodec(of_class)
    held = of_class(Model(query="x"))
    assert codec.from_json(codec.to_json(held)) == held


def test_a_model_is_dumped_as_json():
    class Dated(pydantic.BaseModel):
        when: datetime.date

    dated = Dated(when=datetime.date(2026, 1, 2))
    data = {"when": "2026-01-02"}
    assert PydanticCodec(Dated).to_json(dated) == data
    assert PydanticCodec(Dated).from_json(data) == dated
    assert ANY.to_json(dated)["data"] == data
    assert typed._serialize_value([dated]) == [data]


def test_an_object_in_the_place_of_a_list_stays_one():
    of_class = dataclasses.make_dataclass("Lists", [("many", list[Args]), ("either", Args | Model)])
    made = DataclassCodec(of_class).from_json({"many": {"query": "x"}, "either": {"query": "x"}})
    assert (made.many, made.either) == ({"query": "x"}, {"query": "x"})


def test_codecs_without_methods():
    for method in ("to_json", "from_json"):
        with pytest.raises(NotImplementedError, match=method):
            getattr(Codec(), method)(1)


ANY = BestEffortAnyCodec()


@pytest.mark.parametrize(
    "value",
    [None, True, 7, 1.5, "text", [1, [2]], {"a": {"b": None}}, {}, {"data": 1, "other": 2}]
    + [Args("x"), Model(query="x"), [Args("x"), {"k": Model(query="y")}]],
)
def test_anything_there_and_back(value):
    assert ANY.from_json(ANY.to_json(value)) == value


class Outer:
    @dataclasses.dataclass
    class Inner:
        x: int


@pytest.mark.parametrize(
    ("value", "tag", "data"),
    [
        (Args("x"), "__nv_dataclass__", {"query": "x", "limit": 10}),
        (Outer.Inner(1), "__nv_dataclass__", {"x": 1}),
        (Model(query="x"), "__nv_pydantic__", {"query": "x", "limit": 10, "note": None}),
    ],
)
def test_types_are_found_by_their_path(value, tag, data):
    """Another process reads it too."""
    path = f"{__name__}.{type(value).__qualname__}"
    assert ANY.to_json(value) == {tag: path, "data": data}
    assert ANY.from_json({tag: path, "data": data}) == value
    assert typed._resolve_importable_type(path) is type(value)
    assert typed._resolve_runtime_type(path) is None


def test_local_types_are_found_while_they_live():
    @dataclasses.dataclass
    class Local:
        x: int

    data = ANY.to_json(Local(1))
    assert ANY.from_json(data) == Local(1)
    assert data["__nv_dataclass__"] == ANY.to_json(Local(2))["__nv_dataclass__"]
    kept = weakref.ref(Local)
    del Local
    gc.collect()
    assert kept() is None
    assert ANY.from_json(data) == data


def test_nothing_is_unpickled_imported_or_called():
    """Security: a payload may name whatever it likes."""
    import pickle

    class Bomb:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    data = ANY.to_json(Bomb())
    assert ANY.from_json(data) == data
    assert pickle.PickleError  # What reads it is there, and is not used.
    for name in (
        "os.system",
        "subprocess.Popen",
        "builtins.eval",
        "antigravity.x",
        "os",
        "",
        7,
        "scopeflow.typed.Codec",
        f"{__name__}.Args.nothing",
        f"{__name__}.nothing.more",
        "runtime:0000:Args",
    ):
        for tag in ("__nv_dataclass__", "__nv_pydantic__", "__nv_pickle__"):
            data = {tag: name, "data": {"args": ["true"]}}
            assert ANY.from_json(data) == data
    assert "antigravity" not in sys.modules


def test_a_module_that_loads_lazily_runs_no_code(monkeypatch):
    class Lazy(type(sys)):
        def __getattr__(self, name):
            pytest.fail("code of a module ran")

    monkeypatch.setitem(sys.modules, "lazy_module", Lazy("lazy_module"))
    assert typed._resolve_importable_type("lazy_module.Type") is None


@pytest.mark.parametrize("path", ["scopeflow.typed.Codec", f"{__name__}.ARGS", "builtins.eval", ""])
def test_a_path_to_anything_else_leads_nowhere(path):
    assert typed._resolve_importable_type(path) is None


def test_what_cannot_be_made_again_stays_as_it_is():
    path = f"{__name__}.Args"
    for data in (
        {"__nv_dataclass__": path, "data": {"wrong": 1}},
        {"__nv_dataclass__": path, "data": 7},
        {"__nv_dataclass__": f"{__name__}.Model", "data": {"query": "x"}},
        {"__nv_pydantic__": f"{__name__}.Model", "data": {"limit": "x"}},
        {"__nv_pydantic__": path, "data": {"query": "x"}},
    ):
        assert ANY.from_json(data) == data
    assert ANY.from_json({"__nv_fallback_str__": "x", "data": "text"}) == "text"


def test_what_cannot_be_pickled_is_a_text():
    value = (n for n in ())
    assert ANY.to_json(value) == {"__nv_fallback_str__": "builtins.generator", "data": str(value)}
    assert ANY.to_json({1: "a"}).keys() == {"__nv_pickle__", "data"}


def test_values_with_objects_inside():
    value = {"a": (Args("x"), Model(query="y")), "b": {1}}
    expected = {"a": [{"query": "x", "limit": 10}, {"query": "y", "limit": 10, "note": None}]}
    assert typed._serialize_value(value) == {**expected, "b": {1}}
