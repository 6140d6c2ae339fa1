"""`scopeflow tree`: event files of scopeflow and its peers, broken ones and endless ones."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import re
import resource
import shlex
import subprocess
import sys
import threading
import types
import uuid
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scopeflow
from scopeflow import _cli
from scopeflow._cli import reader, render, text
from scopeflow._cli.forest import Forest, Limits

REPOSITORY = Path(__file__).parents[2]
PACKAGE = Path(scopeflow.__file__).parent
# Without the modules that a site may load, which would count as memory of the command.
COMMAND = [
    sys.executable,
    "-S",
    "-c",
    f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n"
    "from scopeflow import _cli; sys.exit(_cli.main())",
]
PEER_FILES = REPOSITORY.parent / "shared" / "corpora" / "atof"

# The full tier reads a million events with the default limits; the normal one fewer with narrower
# limits and a narrower cap. An interpreter alone takes about 40 MiB of address space.
if os.environ.get("SCOPEFLOW_TEST_TIER") == "full":
    EVENT_COUNT, MEMORY_CAP_BYTES, NARROW = 1_000_000, 112 * 1024 * 1024, ()
else:
    EVENT_COUNT, MEMORY_CAP_BYTES = 100_000, 56 * 1024 * 1024
    NARROW = ("--nodes", "5000", "--open", "10000")

START_NS = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z


def uuid_of(label: object) -> str:
    """Return the id of what is called `label` in a test."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, str(label)))


def scope(which: str, label: str, parent: str = "root", at_us: int = 0, **fields: object) -> dict:
    """Return a scope event; `at_us` is microseconds after the start of 2026."""
    return {
        "kind": "scope",
        "atof_version": "0.1",
        "parent_uuid": uuid_of(parent),
        "uuid": uuid_of(label),
        "timestamp": START_NS // 1_000 + at_us,
        "name": label,
        "data": None,
        "data_schema": None,
        "metadata": None,
        "scope_category": which,
        "attributes": [],
        "category": "function",
        "category_profile": None,
        **fields,
    }


def mark(name: str, parent: str = "root", at_us: int = 0, data: object = None) -> dict:
    event = scope("", f"mark-{name}", parent, at_us, name=name, data=data)
    return {**event, "kind": "mark", "category": None}


def run(
    *arguments: str, stdin: bytes | None = None, **options: object
) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [*COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        env=environment,
        **options,
    )


def print_tree(
    *events: dict | bytes, options: tuple[str, ...] = (), code: int = 0
) -> tuple[str, str]:
    """Run the command over events or raw lines; return stdout and stderr."""
    lines = [e if isinstance(e, bytes) else json.dumps(e).encode() for e in events]
    done = run("tree", "-", *options, stdin=b"\n".join(lines) + b"\n")
    assert done.returncode == code, done.stderr.decode()
    return done.stdout.decode(), done.stderr.decode()


def test_a_run_is_shown_with_durations_and_statuses() -> None:
    ok = {"otel.status_code": "OK"}
    failed = {
        "otel.status_code": "ERROR",
        "otel.status_description": "boom",
        "error.type": "exception",
        "exception.type": "ValueError",
    }
    refused = {"rejected": True, "rejection_reason": "only SELECT", "guardrail": "policy"}
    out, err = print_tree(
        scope("start", "agent", category="agent"),
        scope("start", "call", "agent", 1_000, category="tool"),
        mark("note", "call", 1_500, {"n": 1}),
        scope("end", "call", "agent", 3_500, category="tool", metadata=failed),
        {**mark("sql", "agent", 4_000, refused), "category": "guardrail"},
        scope(
            "start", "own", "agent", 5_000, category="custom", category_profile={"subtype": "step"}
        ),
        scope(
            "end", "own", "agent", 5_007, category="custom", category_profile={"subtype": "step"}
        ),
        scope("end", "agent", at_us=61_000_000, category="agent", metadata=ok),
    )
    assert err == ""
    assert out.splitlines() == [
        "agent agent          1 m 01 s  OK",
        "├─ tool call           2.5 ms  ERROR: ValueError: boom",
        '│  └─ ◆ note          +500 µs  {"n": 1}',
        "├─ ◆ sql              +4.0 ms  refused: only SELECT",
        "└─ custom:step own     7.0 µs  -",
    ]


def llm_end(uuid: str, parent: str, usage: object = None, **fields: object) -> dict:
    data = {"choices": [], "usage": usage}
    return scope("end", uuid, parent, category="llm", **{"data": data, **fields})


def call(uuid: str, parent: str, usage: object) -> tuple[dict, dict]:
    """Return start and end of a model's call, whose response has the usage."""
    return scope("start", uuid, parent, category="llm"), llm_end(uuid, parent, usage)


def tokens_by_name(out: str) -> dict[str, str]:
    return dict(re.findall(r"(?:agent|llm|tool) (\S+) .*?([\d,]+ \+ [\d,]+ tokens)", out))


def test_what_a_codec_says_of_a_response_goes_before_its_own_words() -> None:
    annotated = {"usage": {"prompt_tokens": 4321, "completion_tokens": 55, "total_tokens": 4376}}
    events = (
        scope("start", "a", category="llm"),
        llm_end(
            "a", "root", {"input_tokens": 21, "cache_read_input_tokens": 4300, "output_tokens": 55},
            category_profile={"annotated_response": annotated},
        ),
        scope("start", "b", category="llm"),
        llm_end("b", "root", {"input_tokens": 5}, category_profile={"annotated_response": "odd"}),
    )  # fmt: skip
    assert tokens_by_name(print_tree(*events)[0]) == {
        "a": "4,321 + 55 tokens",
        "b": "5 + 0 tokens",
    }


def priced(uuid: str, parent: str, cost: object) -> tuple[dict, dict]:
    """Return a call whose response has a cost, as a codec says it."""
    usage = {"prompt_tokens": 10, "completion_tokens": 1, "cost": cost}
    annotated = {"annotated_response": {"usage": usage}}
    end = llm_end(uuid, parent, category_profile=annotated)
    return scope("start", uuid, parent, category="llm"), end


def test_costs_are_shown_and_summed_where_all_are_known() -> None:
    dollars, euros = ({"total": 0.00125, "currency": c} for c in ("USD", "EUR"))
    agents = {
        "all": (dollars, {"total": 2, "currency": "USD"}),
        "some": (dollars, {"input": 0.5, "currency": "USD"}),
        "none": (None, 0.5),
        "mixed": (dollars, euros),
        "odd": ({"total": "1", "currency": "USD"}, {"total": True}, {"total": -1}),
    }
    events = []
    for agent, costs in agents.items():
        events.append(scope("start", agent, category="agent"))
        for at, cost in enumerate(costs):
            events += priced(f"{agent}{at}", agent, cost)
        events.append(scope("end", agent, category="agent"))
    out, _ = print_tree(*events)
    shown = dict(re.findall(r"(?:agent|llm) (\S+) .* tokens(.*)", out))
    assert {name: text for name, text in shown.items() if text} == {
        "all": ", 2.00125 USD",
        "all0": ", 0.00125 USD",
        "all1": ", 2 USD",
        "some0": ", 0.00125 USD",
        "mixed0": ", 0.00125 USD",
        "mixed1": ", 0.00125 EUR",
    }
    assert set(agents) <= set(shown)


def test_calls_show_their_tokens_and_agents_those_of_all_their_calls() -> None:
    out, _ = print_tree(
        scope("start", "outer", category="agent"),
        *call("a", "outer", {"prompt_tokens": 1200, "completion_tokens": 30}),
        scope("start", "tool", "outer", category="tool"),
        scope("start", "inner", "tool", category="agent"),
        *call("b", "inner", {"input_tokens": 5, "output_tokens": 7, "total_tokens": 12}),
        *call("c", "inner", {"prompt_tokens": 4}),
        *call("none", "inner", None),
        scope("end", "inner", "tool", category="agent"),
        scope("end", "tool", "outer", category="tool", data={"usage": {"prompt_tokens": 9}}),
        llm_end("late", "outer", {"prompt_tokens": 1, "completion_tokens": 1}),
        scope("end", "outer", category="agent", metadata={"otel.status_code": "OK"}),
    )
    assert tokens_by_name(out) == {
        "outer": "1,210 + 38 tokens",
        "a": "1,200 + 30 tokens",
        "inner": "9 + 7 tokens",
        "b": "5 + 7 tokens",
        "c": "4 + 0 tokens",
        "late": "1 + 1 tokens",
    }
    assert out.splitlines()[0].endswith("OK  1,210 + 38 tokens")


def test_a_call_that_makes_others_is_counted_once() -> None:
    out, _ = print_tree(
        scope("start", "agent", category="agent"),
        scope("start", "tells", "agent", category="llm"),
        *call("a", "tells", {"prompt_tokens": 10, "completion_tokens": 1}),
        llm_end("tells", "agent", {"prompt_tokens": 12, "completion_tokens": 1}),
        scope("start", "silent", "agent", category="llm"),
        *call("b", "silent", {"prompt_tokens": 20, "completion_tokens": 2}),
        llm_end("silent", "agent"),
        scope("end", "agent", category="agent"),
    )
    assert tokens_by_name(out) == {
        "agent": "32 + 3 tokens",
        "tells": "12 + 1 tokens",
        "a": "10 + 1 tokens",
        "silent": "20 + 2 tokens",
        "b": "20 + 2 tokens",
    }


def test_tokens_of_what_is_not_shown_are_counted() -> None:
    events = [scope("start", "agent", category="agent")]
    for number in range(4):
        usage = {"prompt_tokens": 10**number, "completion_tokens": 1}
        events += call(f"call{number}", "agent", usage)
    events.append(scope("end", "agent", category="agent"))
    out, _ = print_tree(*events, options=("--children", "2"))
    assert tokens_by_name(out)["agent"] == "1,111 + 4 tokens"
    assert "2 scopes" in out and "1,100 + 2 tokens" in out.splitlines()[-1]


@pytest.mark.parametrize(
    "usage",
    [7, "x", [], {"prompt_tokens": True}, {"prompt_tokens": -1}, {"prompt_tokens": 1.5},
     {"prompt_tokens": None}, {"prompt_tokens": 1 << 63}, {"prompt_tokens": 0}],
)  # fmt: skip
def test_a_usage_that_is_none_is_passed_over(usage: object) -> None:
    out, _ = print_tree(*call("a", "root", usage), llm_end("b", "root", data=[usage]))
    assert "tokens" not in out


def test_siblings_that_overlap_stand_in_order_of_their_starts() -> None:
    out, _ = print_tree(
        scope("start", "a"),
        scope("start", "b", "a"),
        scope("start", "c", "a"),
        scope("start", "b1", "b"),
        scope("end", "c", "a"),
        scope("end", "b1", "b"),
        scope("end", "b", "a"),
        scope("end", "a"),
    )
    assert [line.split()[-4] for line in out.splitlines()] == ["a", "b", "b1", "c"]


def test_missing_ends_and_starts_are_named() -> None:
    out, _ = print_tree(scope("start", "a"), scope("start", "b", "a"), scope("end", "c", "a"))
    assert out.splitlines() == [
        "function a             -  no end",
        "├─ function b          -  no end",
        "└─ function c          -  - (no start)",
    ]


def test_a_mark_that_follows_an_end_still_finds_its_scope() -> None:
    out, _ = print_tree(scope("start", "a"), scope("end", "a"), mark("late", "a"))
    assert out.splitlines()[1].startswith("└─ ◆ late")


def test_control_and_bidirectional_characters_are_escaped() -> None:
    out, _ = print_tree(
        scope("start", "a", name="\x1b[2Jred\u202eevil\n\ud800", category="to\x07ol"),
        scope(
            "end", "a", metadata={"otel.status_code": "ERROR", "otel.status_description": "\r\x9b"}
        ),
    )
    assert out.count("\n") == 1
    assert "to\\x07ol \\x1b[2Jred\\u202eevil\\x0a\ufffd " in out
    assert "\\x0d\\x9b" in out
    assert out.replace("\n", "").isprintable()


def test_broken_lines_are_named_and_skipped() -> None:
    out, err = print_tree(
        b"\xef\xbb\xbf" + json.dumps(scope("start", "a")).encode(),
        b"{oops",
        b"",
        b"[1]",
        b'"\xff"',
        b"[" * 100_000,
        b'{"kind":"other"}',
        b'{"kind":"scope","scope_category":"middle"}',
        b'{"kind":"mark"}',
        scope("start", "a"),
        {**scope("end", "a"), "timestamp": "yesterday"},
        scope("end", "a"),
        scope("end", "a"),
        json.dumps(scope("end", "b")).encode()[:-9],
        code=1,
    )
    assert out.splitlines()[0] == "function a     0.0 µs  -"
    assert re.findall(r"line (\d+)(?:, offset \d+)?: (.*), skipped", err) == [
        ("2", "a key must stand here"),
        ("4", "a line holds one object"),
        ("5", "a line holds one object"),
        ("6", "a line holds one object"),
        ("7", "kind is neither scope nor mark"),
        ("8", "scope_category is neither start nor end"),
        ("9", "uuid is missing"),
        ("10", "a second start of an open scope"),
        ("11", "timestamp is neither an RFC 3339 time of the years 1677 to 2262 nor microseconds"),
        ("13", "a second end of a scope"),
        ("14", "the text ends too early"),
    ]
    assert err.startswith("scopeflow: standard input: invalid JSON: line 2, offset ")
    assert len(err.splitlines()) == 11


def test_only_the_first_problems_are_printed() -> None:
    _, err = print_tree(*[b"x"] * 50, code=1)
    assert err.count("invalid JSON") == 20
    assert err.endswith("30 more lines with problems\n")


def test_an_integer_of_any_length_is_read() -> None:
    line = (
        json.dumps(scope("start", "a"))
        .encode()
        .replace(b'"data": null', b'"data": ' + b"9" * 9_000)
    )
    out, err = print_tree(line)
    assert (out, err) == ("function a          -  no end\n", "")


def test_a_line_that_is_too_long_is_not_read_into_memory() -> None:
    long = b'{"data":"' + b"x" * 9_000_000 + b'"}'
    out, err = print_tree(long, scope("start", "a"), code=1)
    assert "line 1, offset 0: the line is longer than line_limit_bytes, skipped" in err
    assert "function a" in out


def test_exit_codes_of_wrong_use(tmp_path: Path) -> None:
    assert run("tree", str(tmp_path / "absent.jsonl")).returncode == 2
    assert run("tree", str(tmp_path)).returncode == 2
    assert run("tree").returncode == 2
    assert run("tree", "-", "--children", "0", stdin=b"").returncode == 2
    empty = run("tree", "-", stdin=b"")
    assert (empty.returncode, empty.stdout, empty.stderr) == (0, b"", b"")


def test_the_package_is_the_command_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scopeflow", "tree", "-"],
        input=json.dumps(mark("m")).encode(),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent), "PYTHONIOENCODING": "utf-8"},
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == "◆ m\n"


def test_an_interrupt_is_told_by_the_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        def read(self, limit: int) -> bytes:
            raise KeyboardInterrupt

    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=Interrupted()))
    assert _cli.main(["tree", "-"]) == 130


def test_what_failed_before_a_call_began_is_shown_at_its_mark() -> None:
    error = {"type": "ValueError", "message": "bad"}
    failed = {"failed": True, "step": "guard", "registration": "guard", "error": error}
    out, _ = print_tree(
        mark("all", data=failed),
        mark("less", data={"failed": True, "registration": None, "error": 7}),
        mark("other", data={"failed": "no", "text": "ä"}),
        mark("rejected", data={"rejected": True, "rejection_reason": "too long"}),
    )
    assert [" ".join(line.split()) for line in out.splitlines()] == [
        "◆ all ERROR: guard: ValueError: bad",
        "◆ less ERROR",
        '◆ other {"failed": "no", "text": "ä"}',
        "◆ rejected refused: too long",
    ]


def test_a_reader_that_stops_early_is_no_error() -> None:
    events = (json.dumps(mark(f"m{n}")).encode() + b"\n" for n in range(50_000))
    command = f"{shlex.join(COMMAND)} tree - | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command],
        input=b"".join(events),
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_ascii_where_the_terminal_has_no_more() -> None:
    data = b"\n".join(json.dumps(e).encode() for e in (scope("start", "ä"), mark("m", "ä", 900)))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [*COMMAND, "tree", "-"],
        input=data,
        capture_output=True,
        env=environment,
    )
    assert done.stdout.decode("ascii").splitlines() == [
        "function \\xe4          -  no end",
        "`- * m           +900 us",
    ]


@pytest.mark.parametrize(
    ("value_ns", "expected"),
    [
        (0, "0.0 µs"),
        (1_500, "1.5 µs"),
        (999_999, "999 µs"),
        (1_000_000, "1.0 ms"),
        (1_500_000_000, "1.50 s"),
        (59_999_000_000, "60.00 s"),
        (61_000_000_000, "1 m 01 s"),
        (3_720_000_000_000, "1 h 02 m"),
        (-1_500, "-1.5 µs"),
    ],
)
def test_durations(value_ns: int, expected: str) -> None:
    assert text.duration(value_ns) == expected


def test_limits_fold_what_exceeds_them() -> None:
    failed = {"otel.status_code": "ERROR"}
    events = [scope("start", "a")]
    for n in range(5):
        events.append(scope("start", f"s{n}", "a", 10 * n))
        events.append(scope("start", f"t{n}", f"s{n}", 10 * n))
        events.append(mark(f"m{n}", f"t{n}", 10 * n))
        events.append(scope("end", f"t{n}", f"s{n}", 10 * n + 2, metadata=failed))
        events.append(scope("end", f"s{n}", "a", 10 * n + 3))
    events.append(scope("end", "a", at_us=60))
    out, _ = print_tree(*events, options=("--children", "2", "--depth", "2"))
    assert out.splitlines() == [
        "function a          60 µs  -",
        "├─ function s0     3.0 µs  -",
        "│  └─ … more               1 scope, together 2.0 µs, 1 mark, 1 error",
        "├─ function s1     3.0 µs  -",
        "│  └─ … more               1 scope, together 2.0 µs, 1 mark, 1 error",
        "└─ … more                  6 scopes, together 15 µs, 3 marks, 3 errors",
    ]


_operations = st.lists(
    st.tuples(st.sampled_from(["start", "end", "mark"]), st.integers(0, 12), st.integers(0, 14)),
    max_size=120,
)


@settings(max_examples=300, deadline=None)
@given(_operations, st.integers(1, 4), st.integers(1, 4), st.integers(1, 9), st.integers(1, 5))
def test_every_event_is_shown_or_counted(
    operations: list[tuple[str, int, int]], children: int, depth: int, nodes: int, open_limit: int
) -> None:
    """Whatever stands in a file: nothing is lost, nothing twice, and the limits hold."""
    forest = Forest(Limits(children, depth, nodes, open_limit))
    taken = {"start": 0, "end": 0, "mark": 0}
    trees = []
    for line, (kind, number, parent) in enumerate(operations, 1):
        # An unmatched end adds a scope too, unless its start was among those not followed.
        known = forest._nodes.get(f"{number}")
        passed_over = forest._pending_end_count > 0
        event = reader.Event(kind, f"{number}", f"{parent}", "x", "", line, reader.UNSET, "")
        ready, problem = forest.add(line, event)
        trees += ready
        if kind != "end":
            taken[kind] += not problem
        elif known is None and not passed_over:
            taken["end"] += 1
        assert forest._shown_count <= nodes
        assert forest._folded_open_count <= open_limit
    trees += forest.finish()
    assert forest._shown_count == 0

    shown, folded_scopes, folded_marks = 0, 0, 0
    pending = [tree.root for tree in trees]
    folds = [forest.overflow] if forest.overflow else []
    while pending:
        node = pending.pop()
        shown += 1
        assert len(node.children) <= children
        assert node.depth < depth
        pending += node.children
        folds += [node.folded] if node.folded else []
    folded_scopes = sum(fold.scopes for fold in folds)
    folded_marks = sum(fold.marks for fold in folds)
    assert shown + folded_scopes + folded_marks == sum(taken.values())
    for tree in trees:
        assert len(render.lines(tree, render.ASCII)) >= 1


ROOT = 10**12 - 1


def _id(digits: str) -> str:
    return f"00000000-0000-7000-8000-{digits}"


def _endless(shape: str, count: int):
    """Yield the lines of a file of `count` events."""
    event = {**scope("%s", ""), "uuid": _id("%012d"), "parent_uuid": _id("%012d"), "name": "%d"}
    template = json.dumps(event, separators=(",", ":"))
    half = count // 2
    if shape == "wide":
        yield template % (ROOT, 0, 0, "start")
        for n in range(1, half):
            yield template % (0, n, n, "start")
            yield template % (0, n, n, "end")
        yield template % (ROOT, 0, 0, "end")
    elif shape == "deep":
        for n in range(half):
            yield template % (n - 1 if n else ROOT, n, n, "start")
        for n in reversed(range(half)):
            yield template % (n - 1 if n else ROOT, n, n, "end")
    elif shape == "never ended":
        for n in range(count):
            yield template % (0 if n else ROOT, n, n, "start")
    elif shape == "many trees":
        for n in range(half):
            yield template % (ROOT, n, n, "start")
            yield template % (ROOT, n, n, "end")


def _run_capped(shape: str, *options: str) -> tuple[int, str]:
    limit = (MEMORY_CAP_BYTES, MEMORY_CAP_BYTES)
    process = subprocess.Popen(
        [*COMMAND, "tree", "-", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, limit),
        text=True,
        encoding="utf-8",
    )

    def feed() -> None:
        with contextlib.suppress(BrokenPipeError), process.stdin:
            for line in _endless(shape, EVENT_COUNT):
                process.stdin.write(line + "\n")

    with process:
        feeder = threading.Thread(target=feed)
        feeder.start()
        tail = collections.deque(process.stdout, maxlen=20)
        feeder.join()
    return process.returncode, "".join(tail)


@pytest.mark.parametrize("shape", ["wide", "deep", "never ended", "many trees"])
def test_a_file_larger_than_memory(shape: str) -> None:
    code, tail = _run_capped(shape, *NARROW)
    assert code == 0, tail
    if shape == "wide":
        assert f"{EVENT_COUNT // 2 - 101:,} scopes" in tail


def test_the_memory_cap_would_notice() -> None:
    """With the limits lifted the same file does not fit: the test above can fail."""
    huge = "100000000"
    code, tail = _run_capped("wide", "--children", huge, "--nodes", huge)
    assert code != 0
    assert "MemoryError" in tail


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "nemo-flow-0.2.0.jsonl",
            [
                "agent planner",
                "├─ ◆ checkpoint",
                "├─ tool search",
                "├─ function write",
                "│  ├─ llm openai",
            ]
            + ["│  └─ llm openai", "├─ tool fails", "├─ ◆ pay", "└─ tool manual"],
        ),
        (
            "nemo-relay-0.10.4.jsonl",
            [
                "agent planner",
                "├─ llm openai",
                "├─ ◆ checkpoint",
                "├─ tool get_weather",
                "├─ tool delegate",
            ]
            + ["├─ agent sub", "│  └─ llm openai", "└─ llm openai"],
        ),
    ],
)
def test_files_of_the_peers(name: str, expected: list[str]) -> None:
    if not PEER_FILES.is_dir():
        pytest.skip("the peers' event files (../shared/corpora/atof) are not here")
    done = run("tree", str(PEER_FILES / name))
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert [line[: len(start)] for line, start in zip(lines, expected, strict=True)] == expected
    if "flow" in name:
        assert "refused: too dear" in done.stdout.decode()
