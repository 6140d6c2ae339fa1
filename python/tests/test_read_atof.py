"""`scopeflow.read_atof`: events of a file are those that a subscriber had, whatever stands beside
them, and no more is held than a line."""

from __future__ import annotations

import gc
import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scopeflow
from scopeflow import AtofExporter, AtofExporterConfig, LLMRequest, LogSeverity, ScopeType, atof

CORPORA = Path(__file__).parents[2].parent / "shared" / "corpora" / "atof"
FILES = sorted(CORPORA.glob("*.jsonl"))
UUID = "01900000-0000-7000-8000-00000000000a"
ATTRIBUTES = (
    "kind", "scope_category", "atof_version", "uuid", "parent_uuid", "timestamp", "timestamp_ns",
    "time", "name", "category", "category_profile", "data", "data_schema", "metadata",
    "annotated_request", "annotated_response", "attributes", "severity",
)  # fmt: skip


def line(**fields):
    common = {"kind": "mark", "uuid": UUID, "timestamp": 0, "name": "n"}
    return json.dumps({**common, **fields}).encode()


def names(source, **options):
    return [event.name for event in scopeflow.read_atof(source, **options)]


def facts(event):
    """What there is to see of an event."""
    found = {name: getattr(event, name, "nothing") for name in ATTRIBUTES}
    for key in ("annotated_request", "annotated_response"):
        found[key] = found[key] and found[key].to_dict()
    return {**found, "repr": repr(event), "dict": event.to_dict(), "json": event.to_json()}


def annotate(request):
    return scopeflow.AnnotatedLLMRequest.from_dict({"model": "m", "messages": []})


class Codec:
    def decode(self, request):
        return annotate(request)

    def encode(self, annotated, original):
        return original


def emit_all_kinds(runtime):
    with runtime.scope('ä "quoted"\n', ScopeType.Custom, input={"k": [1, None]}, subtype="s"):
        runtime.scope_event("m", data=[1.5, b"x"], metadata={"u": 1}, severity=LogSeverity.Warn)
        runtime.scope_event("c", category="tool", data_schema={"name": "x", "version": "1"})
        runtime.tool_execute_sync("t", 2**70, str, attributes=scopeflow.ToolAttributes.REMOTE)
        runtime.llm_execute_sync("l", LLMRequest({}, {"a": 1}), len_of_content, codec=Codec())
        with pytest.raises(KeyError):
            runtime.tool_execute_sync("t", 1, lambda request: {}[request])


def len_of_content(request):
    return len(request.content)


# --- The events ---


def test_events_are_those_that_a_subscriber_had(runtime, log, tmp_path):
    config = AtofExporterConfig()
    config.output_directory, config.filename = tmp_path, "events.jsonl"
    exporter = AtofExporter(config, runtime=runtime)
    exporter.register("file")
    emit_all_kinds(runtime)
    exporter.shutdown()
    read = list(scopeflow.read_atof(tmp_path / "events.jsonl"))
    assert [type(event) for event in read] == [type(event) for event in log.events]
    for mine, theirs in zip(read, log.events, strict=True):
        assert facts(mine) == facts(theirs)
    assert log.named("m").severity is LogSeverity.Warn
    assert [event.line_number for event in read] == list(range(1, len(read) + 1))
    assert log.named("m").line_number is None
    assert read[0].data == {"k": [1, None]} and read[0].data is read[0].data
    assert any(event.annotated_request is not None for event in read)


@pytest.mark.skipif(not FILES, reason="the corpora are not here, in ../shared/corpora beside it")
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_files_of_the_peers(file):
    lines = file.read_text("utf-8").splitlines()
    events = list(scopeflow.read_atof(file))
    assert [event.to_json() for event in events] == lines
    for event, told in zip(events, map(json.loads, lines), strict=True):
        assert event.to_dict() == told
        for key in told.keys() & set(ATTRIBUTES) - {"timestamp"}:
            assert getattr(event, key) == told[key], key
        assert event.timestamp_ns // 1_000 == event.time.timestamp() * 1_000_000


def test_what_a_line_leaves_out():
    (mark,) = scopeflow.read_atof([line()])
    assert isinstance(mark, scopeflow.MarkEvent)
    for name in ATTRIBUTES:
        wanted = {"kind": "mark", "uuid": UUID, "name": "n", "timestamp_ns": 0}
        if name not in ("timestamp", "time"):
            assert getattr(mark, name, None) == wanted.get(name), name
    (scope,) = scopeflow.read_atof([line(kind="scope", scope_category="end", attributes=None)])
    assert isinstance(scope, scopeflow.ScopeEvent)
    assert (scope.category, scope.attributes, scope.metadata) == ("unknown", [], None)


def test_what_writers_may_do_otherwise():
    told = line(atof_version="0.7", new={"x": 1}, category="planning", name='"\\\n')
    text = b"\xef\xbb\xbf\r\n" + told + b"\r\n\n  \n" + line(timestamp="2026-01-01T01:00:00+01:00")
    events = list(scopeflow.read_atof([text]))
    assert [event.line_number for event in events] == [2, 5]
    assert [event.name for event in events] == ['"\\\n', "n"]
    assert (events[0].category, events[0].to_dict()["new"]) == ("planning", {"x": 1})
    assert events[0].to_json() == told.decode()
    assert events[1].timestamp == "2026-01-01T00:00:00.000000000Z"
    assert events[1].to_dict()["timestamp"] == "2026-01-01T01:00:00+01:00"


def test_an_integer_of_any_length():
    digits = "-" + "9" * 6_000
    text = line(data=[1, 2**80]).replace(b"[1,", b"[%s, 1," % digits.encode())
    (event,) = scopeflow.read_atof([text])
    assert event.data == [{"$integer": digits}, 1, 2**80]


def test_events_outlive_the_reading_and_belong_to_nobody():
    source = [line(name=str(n), data=[n]) + b"\n" for n in range(99)]
    events = list(scopeflow.read_atof(source))
    del source
    gc.collect()
    assert [(event.name, event.data) for event in events] == [(str(n), [n]) for n in range(99)]
    events[0].data.append("mine")
    assert events[0].to_dict()["data"] == [0]


@given(st.lists(st.text(), min_size=1), st.booleans(), st.integers(1, 50))
def test_any_names_in_chunks_of_any_size(texts, is_ascii, size):
    lines = [json.dumps({**json.loads(line()), "name": t}, ensure_ascii=is_ascii) for t in texts]
    data = "\n".join(lines).encode()
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    assert names(chunks) == texts


# --- Sources ---


class PathLike:
    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


def test_every_kind_of_source(tmp_path):
    data = b"".join(line(name=f"ä{n}") + b"\n" for n in range(3_000))
    wanted = [f"ä{n}" for n in range(3_000)]
    path = tmp_path / "events.jsonl"
    path.write_bytes(data)
    assert names(str(path)) == names(path) == names(PathLike(os.fsencode(path))) == wanted
    assert names(io.BytesIO(data)) == names(io.StringIO(data.decode())) == wanted
    with path.open("rb") as file, path.open("rb", buffering=0) as raw, path.open() as text:
        assert names(file) == names(raw) == names(text) == wanted
        assert not (file.closed or raw.closed or text.closed)
    assert names(data[at : at + 1] for at in range(len(data))) == wanted
    assert names([bytearray(data)]) == names([memoryview(data)]) == names([data.decode()]) == wanted
    assert names([]) == names(io.BytesIO()) == []


def test_what_is_no_source(tmp_path):
    for wrong in (7, None, line(), bytearray(line())):
        with pytest.raises(TypeError, match="source must be a path, a file or an iterable"):
            scopeflow.read_atof(wrong)
    with pytest.raises(FileNotFoundError, match=r"absent\.jsonl"):
        scopeflow.read_atof(tmp_path / "absent.jsonl")
    with pytest.raises(TypeError, match="source must give bytes or str, not int"):
        list(scopeflow.read_atof([7]))
    with pytest.raises(TypeError, match="on_bad_line must be"):
        scopeflow.read_atof([], on_bad_line="ignore")
    for limit in (63, 2**30 + 1):
        with pytest.raises(scopeflow.InvalidArgument, match="line_limit"):
            scopeflow.read_atof([], line_limit_bytes=limit)


def test_what_a_source_raises_comes_out():
    def breaks():
        yield line() + b"\n"
        raise ConnectionError("gone")

    events = scopeflow.read_atof(breaks())
    assert next(events).name == "n"
    with pytest.raises(ConnectionError):
        next(events)

    class Empty:
        def read(self, size):
            return None

    with pytest.raises(BlockingIOError, match="nothing to read now"):
        list(scopeflow.read_atof(Empty()))


def test_a_pipe_gives_a_line_as_soon_as_it_is_written():
    for mode in ("rb", "r"):
        read_end, write_end = os.pipe()
        with open(read_end, mode) as source, open(write_end, "wb", buffering=0) as sink:
            events = scopeflow.read_atof(source)
            for name in ("a", "b"):
                sink.write(line(name=name) + b"\n")
                assert next(events).name == name
            sink.close()
            assert list(events) == []


# --- Bad lines ---

BAD = [
    (b"{oops", scopeflow.InvalidJson, 1),
    (b"[1]", scopeflow.InvalidJson, 0),
    (line()[:-1], scopeflow.InvalidJson, len(line()) - 1),
    (line(data="x").replace(b"x", b"\xff"), scopeflow.InvalidUtf8, None),
    (line(kind="other"), scopeflow.InvalidArgument, 9),
    (line(uuid="short"), scopeflow.InvalidArgument, None),
    (line(timestamp="yesterday"), scopeflow.InvalidArgument, None),
    (line(data=[]).replace(b"[]", b"[" * 600 + b"]" * 600), scopeflow.LimitExceeded, None),
    (line(data="x" * 5_000), scopeflow.LimitExceeded, 0),
]


@pytest.mark.parametrize(("bad", "error", "at"), BAD, ids=range(len(BAD)))
def test_a_bad_line_is_told_with_its_place_and_ends_the_reading(tmp_path, bad, error, at):
    path = tmp_path / "events.jsonl"
    path.write_bytes(line(name="a") + b"\n\n" + bad + b"\n" + line(name="b"))
    events = scopeflow.read_atof(path, line_limit_bytes=2_000)
    assert next(events).name == "a"
    with pytest.raises(error) as caught:
        next(events)
    offset = len(line(name="a")) + 2
    assert str(caught.value).startswith(f"{path}: ") and "line 3, offset " in str(caught.value)
    if at is not None:
        assert f"line 3, offset {offset + at}: " in str(caught.value)
    assert list(events) == []
    assert names(path, on_bad_line="skip", line_limit_bytes=2_000) == ["a", "b"]


def test_a_function_is_told_of_every_bad_line():
    told = []
    source = io.BytesIO(b"\n".join([b"{", line(name="a"), b'{"\xff"', line(data="x" * 99), line()]))
    source.name = "run.jsonl"
    assert names(source, on_bad_line=told.append, line_limit_bytes=99) == ["a", "n"]
    assert [(bad.line_number, bad.line) for bad in told] == [(1, "{"), (3, ""), (4, "")]
    assert all(isinstance(bad, atof.BadLine) for bad in told)
    assert [type(bad.error) for bad in told] == [
        scopeflow.InvalidJson,
        scopeflow.InvalidUtf8,
        scopeflow.LimitExceeded,
    ]
    assert told[0].offset_bytes == 1
    assert "line 1, offset 1: " in told[0].message
    assert str(told[0].error) == f"run.jsonl: {told[0].message}"
    assert repr(told[0]) == f"<BadLine {told[0].message}>"


def test_what_the_function_raises_ends_the_reading():
    def refuse(bad):
        raise LookupError(bad.line_number)

    events = scopeflow.read_atof([b"x\n", line()], on_bad_line=refuse)
    with pytest.raises(LookupError, match="1"):
        next(events)
    assert list(events) == []


def test_text_that_is_no_utf8_is_a_bad_line():
    told = []
    source = io.StringIO(line(name="a").decode() + "\n" + '{"\ud800": 1}\n' + line().decode())
    assert names(source, on_bad_line=told.append) == ["a", "n"]
    assert told[0].error.code == "invalid_utf8"


@given(st.binary(max_size=80), st.integers(1, 20))
def test_any_bytes_cost_no_other_line(junk, size):
    told = []
    data = line() + b"\n" + junk.replace(b"\n", b"") + b"\n" + line(name="last")
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    found = names(chunks, on_bad_line=told.append)
    assert (found[0], found[-1]) == ("n", "last")
    assert all(bad.line_number == 2 for bad in told)


# --- Files that grow, early ends, threads ---


def test_a_file_that_grows_is_read_as_far_as_it_goes_then(tmp_path):
    path = tmp_path / "events.jsonl"
    with path.open("wb", buffering=0) as file:
        file.write(line(name="a") + b"\n")
        events = scopeflow.read_atof(path)
        file.write(line(name="b") + b"\n")
        assert [next(events).name, next(events).name] == ["a", "b"]
        file.write(line(name="c") + b"\n" + line(name="d")[:9])
        assert next(events).name == "c"
        with pytest.raises(scopeflow.InvalidJson, match=r"line 4, offset .*ends too early"):
            next(events)
        file.write(line(name="d")[9:])
        assert list(events) == []
    assert names(path) == ["a", "b", "c", "d"]


def test_an_iterable_follows_a_file_that_grows(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"")
    seen = []

    def follow():
        with path.open("rb") as file:
            for name in "abc":
                half = line(name=name)[:9]
                for more in (half, line(name=name)[9:] + b"\n"):
                    with path.open("ab") as writer:
                        writer.write(more)
                    yield file.read()
                seen.append(name)

    for event in scopeflow.read_atof(follow()):
        assert seen == [] or seen[-1] < event.name
    assert seen == ["a", "b", "c"]


def open_files():
    return {os.readlink(f"/proc/self/fd/{n}") for n in os.listdir("/proc/self/fd") if is_open(n)}


def is_open(number):
    return os.path.lexists(f"/proc/self/fd/{number}")


def read_to_the_bad_line(events):
    with pytest.raises(scopeflow.InvalidJson):
        list(events)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks at /proc")
def test_the_file_is_closed_whenever_reading_ends(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(line() + b"\n" + line() + b"\nx\n")
    for consume in (
        lambda events: events.close(),
        lambda events: (next(events), events.close()),
        lambda events: next(events),
        read_to_the_bad_line,
        lambda events: None,
    ):
        events = scopeflow.read_atof(path)
        assert str(path) in open_files()
        consume(events)
        del events
        assert str(path) not in open_files()
    events = scopeflow.read_atof(path, on_bad_line="skip")
    assert len(list(events)) == 2
    assert str(path) not in open_files()
    for _ in scopeflow.read_atof(path):
        break
    assert str(path) not in open_files()


def test_threads_read_files_of_their_own():
    data = b"".join(line(name=str(n), data="x" * n) + b"\n" for n in range(2_000))
    results = []

    def work():
        events = scopeflow.read_atof(io.BytesIO(data))
        results.append([(event.name, len(event.data)) for event in events])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [[(str(n), n) for n in range(2_000)]] * 4


def test_a_second_thread_is_refused_and_the_first_reads_on():
    entered, leave = threading.Event(), threading.Event()

    def slow():
        yield line(name="a") + b"\n"
        entered.set()
        assert leave.wait(10)
        yield line(name="b") + b"\n"

    found = []
    events = scopeflow.read_atof(slow())
    thread = threading.Thread(target=lambda: found.extend(event.name for event in events))
    thread.start()
    assert entered.wait(10)
    with pytest.raises(ValueError, match="already executing"):
        next(events)
    leave.set()
    thread.join()
    assert found == ["a", "b"]


# --- Memory ---

PROGRAM = """
import json, resource, sys
import scopeflow
list(scopeflow.read_atof([]))
mark = {"kind": "mark", "uuid": "%s", "timestamp": 0, "name": "n", "data": "x" * 2_000}
many = (json.dumps(mark) + "\\n").encode() * 30
at_once = many * 1_000
size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = size + 24 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
kept = []
def source():
    yield at_once
    for _ in range(1_000):
        yield many
    yield b'{"data": "'
    for _ in range(1_000):
        yield b"y" * 65_536
    yield b'"}\\n' + many
told = []
for event in scopeflow.read_atof(source(), on_bad_line=told.append, line_limit_bytes=%d):
    assert len(event.data) == 2_000
    %s
assert [bad.line_number for bad in told] == [60_001] and "longer than" in told[0].message
"""


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="looks at /proc")
@pytest.mark.parametrize(
    ("limit", "action", "is_enough"),
    [(2**20, "pass", True), (2**20, "kept.append(event)", False), (2**30, "pass", False)],
    ids=["a line", "all events", "all of a long line"],
)
def test_no_more_is_held_than_a_line(limit, action, is_enough):
    """Of a chunk of sixty megabytes, as much in small ones and a line as long no more than
    twenty-four; the other two do not fit."""
    program = PROGRAM % (UUID, limit, action)
    flags = ["-c", f"import sys; sys.path[:] = {sys.path!r}\n{program}"]
    done = subprocess.run([sys.executable, *flags], capture_output=True, text=True)
    assert (done.returncode == 0) is is_enough, done.stderr
    assert ("MemoryError" in done.stderr or "NoMemory" in done.stderr) is not is_enough
