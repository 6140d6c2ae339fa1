"""Forked children, and exits of the interpreter whatever is open then (S1.13, S5.6).

Exits are tried a few times each, with SCOPEFLOW_TEST_DEPTH=deep in the environment 100 times.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap

import pytest

EXIT_COUNT = 100 if os.environ.get("SCOPEFLOW_TEST_DEPTH") == "deep" else 8
AT_A_TIME = 4


def run(program, *, code=0):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (code, "")
    return done.stdout


# --- Forked children ---


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_forked_child_leaves_its_parents_scopes_alone():
    """S1.13: no end for them, no ending them, no registering on them; they serve as parents."""
    printed = run(
        """
        import os, sys
        from scopeflow import InvalidState, ScopeType, scope, scope_local, subscribers

        log = []
        subscribers.register("log", lambda e: log.append(f"{e.scope_category} {e.name}"))
        ids = []
        with scope.scope("parent", ScopeType.Agent) as handle:
            reading, writing = os.pipe()
            child = os.fork()
            if child == 0:
                del log[:]
                for refused in (
                    lambda: scope.pop(handle),
                    lambda: scope_local.register_subscriber(handle, "x", print),
                ):
                    try:
                        refused()
                    except InvalidState:
                        pass
                    else:
                        os._exit(3)
            with scope.scope("both", ScopeType.Agent) as inner:
                assert inner.parent_uuid == handle.uuid
                os.write(writing, inner.uuid.encode())
        if child == 0:
            print(log, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
        print(log)
        ids = os.read(reading, 100)
        assert ids[:36] != ids[36:], "entropy is seeded anew"
        """
    )
    assert printed.splitlines() == [
        "['start both', 'end both']",
        "['start parent', 'start both', 'end both', 'end parent']",
    ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_forked_child_is_told_whose_its_parents_handles_are():
    printed = run(
        """
        import os
        from scopeflow import InvalidState, LLMRequest, ScopeType
        from scopeflow import guardrails, llm, scope, scope_local, subscribers, tools

        log = []
        scope_handle = scope.push("scope", ScopeType.Agent)
        tool_handle = tools.call("tool", 1)
        llm_handle = llm.call("llm", LLMRequest({}, {}))
        everywhere = guardrails.tool_conditional_execution("everywhere", 1, print)
        there = scope_local.tool_conditional_execution(scope_handle, "there", 1, print)
        subscribers.register("log", lambda event: log.append(event.name))

        child = os.fork()
        if child == 0:
            for operation in (
                lambda: scope.pop(scope_handle),
                lambda: tools.call_end(tool_handle, 1),
                lambda: llm.call_end(llm_handle, 1),
                lambda: scope_local.register_subscriber(scope_handle, "own", print),
                there.__enter__,
            ):
                try:
                    operation()
                except InvalidState as error:
                    print(error)
            for handle in (scope_handle, tool_handle, llm_handle):
                handle.close()
            with everywhere:
                pass
            assert log == []
            scope.event("child's own")
            assert log == ["child's own"]
            print("done", flush=True)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        for handle in (llm_handle, tool_handle, scope_handle):
            handle.close()
        assert log == ["llm", "tool", "scope"]
        """
    )
    assert printed.splitlines() == [
        "invalid state: scope 'scope' was opened by the parent process",
        "invalid state: call 'tool' was begun by the parent process",
        "invalid state: call 'llm' was begun by the parent process",
        "invalid state: scope 'scope' was opened by the parent process",
        "invalid state: scope 'scope' was opened by the parent process",
        "done",
    ]


# --- Exits ---

PRELUDE = """
import sys
from scopeflow import AtofExporter, AtofExporterConfig, LLMRequest, ScopeType
from scopeflow import llm, scope, subscribers, tools

def write_file():
    config = AtofExporterConfig()
    config.output_directory, config.filename = sys.argv[1], "events.jsonl"
    exporter = AtofExporter(config)
    exporter.register("file")
    return exporter

def suspend_calls(count):
    import asyncio
    async def main():
        async def tool(args):
            await asyncio.Event().wait()
        calls = [tools.execute("suspended", i, tool) for i in range(count)]
        tasks = [asyncio.ensure_future(call) for call in calls]
        await asyncio.sleep(0)
        return tasks
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda loop, context: None)  # asyncio's own complaint about them.
    return loop, loop.run_until_complete(main())

def begin_stream():
    stream = llm.stream_execute_sync("stream", LLMRequest({}, {}), lambda request: iter("abc"))
    next(stream)
    return stream

def keep_busy(count):
    import threading, time
    def work():
        while True:
            with scope.scope("busy", ScopeType.Agent):
                tools.execute_sync("t", [1], str)
    for _ in range(count):
        threading.Thread(target=work, daemon=True).start()
    time.sleep(0.01)
"""
EXITS = {
    "a subscriber": """
        subscribers.register("s", lambda event: print(event.name, flush=True))
        held = scope.push("held", ScopeType.Agent)
    """,
    "an exporter": """
        write_file()
        scope.event("written")
    """,
    "open scopes": """
        subscribers.register("s", lambda event: event.data)
        handles = [scope.push(f"s{i}", ScopeType.Agent, metadata={"i": i}) for i in range(50)]
    """,
    "suspended calls": """
        subscribers.register("s", lambda event: event.data)
        kept = suspend_calls(10)
    """,
    "an unfinished stream": """
        subscribers.register("s", lambda event: event.data)
        kept = begin_stream()
    """,
    "threads at work": """
        subscribers.register("s", lambda event: event.data)
        keep_busy(3)
    """,
    "everything in modules that are torn down": """
        class Late:
            def __init__(self):
                self.scope, self.handle = scope, scope.push("late", ScopeType.Agent)
            def __del__(self):
                self.scope.event("finalised")
                self.handle.close()
        late = Late()
        late.me = late
        call = tools.execute("t", 1, lambda args: Suspend())
        class Suspend:
            def __await__(self):
                yield
        call.send(None)
        sys.late = late
    """,
    "all of it at once": """
        subscribers.register("s", lambda event: event.data)
        exporter = write_file()
        held = scope.push("held", ScopeType.Agent)
        kept = suspend_calls(3), begin_stream()
        keep_busy(2)
        scope.event("written")
    """,
    "an error, and all of it at once": """
        subscribers.register("s", lambda event: event.data)
        exporter = write_file()
        kept = suspend_calls(3), begin_stream()
        keep_busy(2)
        scope.event("written")
        with scope.scope("failing", ScopeType.Agent):
            sys.exit(0)
    """,
}


@pytest.mark.parametrize("case", EXITS)
def test_exit_without_flush_is_clean(case, tmp_path):
    """Each child ends with 0 and says nothing, and what it wrote are whole lines."""
    if "keep_busy" in EXITS[case] and sys.version_info < (3, 11):
        pytest.skip("CPython 3.10 itself crashes now and then when a daemon thread waits at exit")
    program = tmp_path / "program.py"
    program.write_text(PRELUDE + textwrap.dedent(EXITS[case]))
    command = [sys.executable, "-W", "error", program, tmp_path]
    for _ in range(EXIT_COUNT // AT_A_TIME):
        children = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(AT_A_TIME)
        ]
        for child in children:
            _, complaints = child.communicate(timeout=60)
            assert (child.returncode, complaints.decode()) == (0, "")
    if "write_file" in EXITS[case]:
        names = names_in(tmp_path / "events.jsonl")
        assert names.count("written") == EXIT_COUNT


def names_in(path):
    """Of the events of a file whose lines all are whole."""
    text = path.read_text("utf-8")
    assert text.endswith("\n")
    return [json.loads(line)["name"] for line in text.splitlines()]


def test_a_subscriber_that_stops_the_flush_at_exit_is_logged():
    """An exit raised by a subscriber reaches at_exit, which has nobody to raise it to."""
    printed = run(
        """
        import contextvars, logging, sys
        from scopeflow import ScopeType, scope, subscribers

        logging.basicConfig(stream=sys.stdout, format="%(name)s: %(message)s")
        with scope.scope("outer", ScopeType.Agent):
            context = contextvars.copy_context()
            context.run(scope.push, "forgotten", ScopeType.Agent)
        del context
        def leave(event):
            raise SystemExit(3)
        subscribers.register("s", leave)
        """
    )
    assert printed.splitlines()[0] == "scopeflow: flush at exit failed: SystemExit(3)"


def test_what_was_abandoned_is_delivered_at_exit():
    printed = run(
        """
        import contextvars
        from scopeflow import ScopeType, scope, subscribers

        subscribers.register("s", lambda event: print(event.scope_category, event.name))
        with scope.scope("outer", ScopeType.Agent):
            context = contextvars.copy_context()
            context.run(scope.push, "forgotten", ScopeType.Agent)
        del context
        """
    )
    assert printed.splitlines() == ["start outer", "start forgotten", "end outer", "end forgotten"]


def test_everything_still_works_after_the_packages_own_exit_handler(tmp_path):
    """What was registered with atexit before the import runs after it."""
    printed = run(
        """
        import atexit

        def late():
            held.close()
            tools.call_end(call, 1)
            assert next(stream) == "b"
            stream.close()
            assert tools.execute_sync("late", 1, str) == "1"
            subscribers.flush()
            exporter.shutdown()
            default_runtime.close()
            try:
                scope.push("too late", ScopeType.Agent)
            except InvalidState as error:
                print(error)

        atexit.register(late)

        from scopeflow import AtofExporter, AtofExporterConfig, InvalidState, LLMRequest, ScopeType
        from scopeflow import default_runtime, llm, scope, subscribers, tools

        config = AtofExporterConfig()
        config.output_directory, config.filename = FOLDER, "events.jsonl"
        exporter = AtofExporter(config)
        exporter.register("file")
        held = scope.push("held", ScopeType.Agent)
        call = tools.call("call", 1)
        stream = llm.stream_execute_sync("stream", LLMRequest({}, {}), lambda request: iter("abc"))
        next(stream)
        """.replace("FOLDER", repr(str(tmp_path)))
    )
    assert printed == "invalid state: the runtime is closed\n"
    names = names_in(tmp_path / "events.jsonl")
    assert sorted(names) == sorted(2 * ["held", "call", "stream", "late"])
