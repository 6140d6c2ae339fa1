"""Scope stacks: what is current, handed to threads, workers and other processes (S1.3, S1.10)."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import gc
import json
import multiprocessing
import threading
import weakref

import pytest

import scopeflow
from scopeflow import PropagationContext, ScopeType

FUNCTION = ScopeType.Function
ROOT = "01900000-0000-7000-8000-0000000000ab"
PARENT = "01900000-0000-7000-8000-0000000000cd"
TRACEPARENT = "00-0190000000007000800000000000abcd-80000000000000cd-01"


@pytest.fixture
def log():
    """What the default runtime emits."""
    events = []
    scopeflow.subscribers.register("log", events.append)
    yield events
    scopeflow.subscribers.deregister("log")


@pytest.fixture(autouse=True)
def apart():
    """Each test in a context of its own."""
    token = scopeflow._scope_stack_var.set(None)
    yield
    scopeflow._scope_stack_var.reset(token)


def in_thread(function, *arguments):
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *arguments).result()


def starts(events):
    return {e.name: e.parent_uuid for e in events if e.scope_category == "start"}


def test_the_same_object_until_another_scope_becomes_current():
    stack = scopeflow.get_scope_stack()
    assert scopeflow.get_scope_stack() is stack
    with scopeflow.scope.scope("a", FUNCTION) as handle:
        inner = scopeflow.get_scope_stack()
        assert inner is not stack
        assert scopeflow.get_scope_stack() is inner
        assert scopeflow.get_handle() is handle
    assert scopeflow.get_scope_stack() is stack
    assert repr(stack) == "<ScopeStack>"


def test_what_is_active():
    assert not scopeflow.scope_stack_active()
    with pytest.raises(scopeflow.InvalidState, match="no scope is open"):
        scopeflow.propagate_scope_to_thread()
    with scopeflow.scope.scope("a", FUNCTION):
        assert scopeflow.scope_stack_active()
    assert not scopeflow.scope_stack_active()
    scopeflow.set_thread_scope_stack(scopeflow.create_scope_stack())
    assert scopeflow.scope_stack_active()
    assert scopeflow.propagate_scope_to_thread() is scopeflow.get_scope_stack()


def test_a_stack_has_a_root_of_its_own(log):
    shared = scopeflow.get_handle()
    with scopeflow.use_scope_stack(scopeflow.create_scope_stack()) as stack:
        assert scopeflow.get_scope_stack() is stack
        root = scopeflow.get_handle()
        assert (root.name, root.parent_uuid) == ("root", None)
        assert root.uuid != shared.uuid
        with scopeflow.scope.scope("a", FUNCTION):
            pass
        assert scopeflow.get_handle() is root
    assert scopeflow.get_handle() is shared
    assert starts(log) == {"a": root.uuid}
    with pytest.raises(scopeflow.InvalidArgument):
        scopeflow.scope.pop(root)


def test_what_a_root_has_registered_is_its_own(log):
    with scopeflow.use_scope_stack(scopeflow.create_scope_stack()):
        root, seen = scopeflow.get_handle(), []
        scopeflow.scope_local.register_subscriber(root, "mine", seen.append)
        scopeflow.scope.event("inside")
    scopeflow.scope.event("outside")
    assert [event.name for event in seen] == ["inside"]


def test_a_thread_goes_on_under_what_it_is_given(log):
    def work(stack):
        assert not scopeflow.scope_stack_active()
        scopeflow.set_thread_scope_stack(stack)
        with scopeflow.scope.scope("in thread", FUNCTION):
            scopeflow.scope.event("mark")

    with scopeflow.scope.scope("outer", FUNCTION) as outer:
        in_thread(work, scopeflow.propagate_scope_to_thread())
        assert scopeflow.get_handle() is outer
    assert starts(log)["in thread"] == outer.uuid


def test_many_threads_share_one_stack(log):
    barrier = threading.Barrier(8)

    def work(stack, number):
        barrier.wait()
        with scopeflow.use_scope_stack(stack):
            for at in range(50):
                with scopeflow.scope.scope(f"{number}.{at}", FUNCTION):
                    pass

    with scopeflow.scope.scope("outer", FUNCTION) as outer:
        stack = scopeflow.propagate_scope_to_thread()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(work, stack, n) for n in range(8)]:
                done.result()
    del outer.output
    parents = starts(log)
    assert parents.pop("outer") != outer.uuid
    assert set(parents.values()) == {outer.uuid}
    assert len(parents) == 400


def test_a_task_in_a_forked_context_changes_nothing_here():
    async def main():
        with scopeflow.scope.scope("outer", FUNCTION) as outer:
            context = scopeflow.fork_asyncio_context()
            inner = context.run(scopeflow.scope.push, "inner", FUNCTION)
            assert scopeflow.get_handle() is outer
            assert context.run(scopeflow.get_handle) is inner
            context.run(scopeflow.scope.pop, inner)

    asyncio.run(main())


def test_use_ends_with_what_was_before_also_after_an_error():
    with scopeflow.scope.scope("outer", FUNCTION) as outer:
        with pytest.raises(KeyError), scopeflow.use_scope_stack(scopeflow.create_scope_stack()):
            scopeflow.scope.push("left open", FUNCTION).close()
            raise KeyError("x")
        assert scopeflow.get_handle() is outer


def test_use_may_be_left_in_another_context():
    """As by a generator that another task closes."""
    use = scopeflow.use_scope_stack(scopeflow.create_scope_stack())
    contextvars.copy_context().run(use.__enter__)
    use.__exit__(None, None, None)
    assert not scopeflow.scope_stack_active()


def test_a_stack_keeps_its_scope_from_being_abandoned(log):
    def opened():
        handle = scopeflow.scope.push("a", FUNCTION)
        stack = scopeflow.get_scope_stack()
        return stack, weakref.ref(handle) if hasattr(handle, "__weakref__") else None

    stack, _ = contextvars.Context().run(opened)
    gc.collect()
    scopeflow.default_runtime.runtime_flush()
    assert [e.scope_category for e in log] == ["start"]
    del stack
    gc.collect()
    scopeflow.default_runtime.runtime_flush()
    assert [e.scope_category for e in log] == ["start", "end"]
    assert log[-1].metadata["error.type"] == "abandoned"


@pytest.mark.parametrize("wrong", [None, "stack", 7, object()])
def test_what_is_no_stack_is_refused(wrong):
    with pytest.raises(TypeError, match="ScopeStack"):
        scopeflow.set_thread_scope_stack(wrong)
    with pytest.raises(TypeError, match="ScopeStack"), scopeflow.use_scope_stack(wrong):
        pass
    assert not scopeflow.scope_stack_active()


def test_a_stack_of_another_runtime_is_refused():
    other = scopeflow.Runtime().create_scope_stack()
    with pytest.raises(scopeflow.InvalidArgument, match="another runtime"):
        scopeflow.set_thread_scope_stack(other)


def test_what_somebody_puts_into_the_variable():
    """Its name is known to the peers' users."""
    scopeflow._scope_stack_var.set("nonsense")
    for operation in (
        lambda: scopeflow.scope.push("a", FUNCTION),
        lambda: scopeflow.scope.event("a"),
        scopeflow.get_handle,
        lambda: scopeflow.tools.execute_sync("a", {}, dict),
        lambda: asyncio.run(scopeflow.tools.execute("a", {}, dict)),
        lambda: scopeflow.tools.call("a", {}),
        scopeflow.capture_traceparent,
    ):
        with pytest.raises(TypeError, match="ScopeStack"):
            operation()
    scopeflow._scope_stack_var.set(scopeflow.create_scope_stack())
    assert scopeflow.get_handle().name == "root"


# --- Other processes ---


def test_the_portable_form_of_a_scope():
    with pytest.raises(scopeflow.InvalidState, match="no scope is open"):
        scopeflow.capture_propagation_context()
    with scopeflow.scope.scope("outer", FUNCTION) as outer:
        with scopeflow.scope.scope("inner", FUNCTION) as inner:
            captured = scopeflow.capture_propagation_context()
            assert (captured.root_uuid, captured.parent_uuid) == (outer.uuid, inner.uuid)
            members = {"version": 1, "root_uuid": outer.uuid, "parent_uuid": inner.uuid}
            assert captured.to_json() == json.dumps(members, separators=(",", ":"))
            expected = f"00-{outer.uuid.replace('-', '')}-{inner.uuid.replace('-', '')[16:]}-01"
            assert captured.to_traceparent() == scopeflow.capture_traceparent() == expected
            rootless = scopeflow.capture_rootless_propagation_context()
            assert json.loads(rootless.to_json()) == {"version": 1, "parent_uuid": inner.uuid}
            other = scopeflow.capture_propagation_context_with_root(ROOT)
            assert (other.root_uuid, other.parent_uuid) == (ROOT, inner.uuid)


def test_a_call_is_what_its_target_captures():
    def target(args):
        captured = scopeflow.capture_propagation_context()
        assert captured.parent_uuid == scopeflow.get_handle().uuid
        return captured.root_uuid

    with scopeflow.scope.scope("outer", FUNCTION) as outer:
        assert scopeflow.tools.execute_sync("t", {}, target) == outer.uuid


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"version": 1, "root_uuid": ROOT, "parent_uuid": PARENT}),
        "00-" + ROOT.replace("-", "") + "-" + PARENT.replace("-", "")[16:] + "-01",
        PropagationContext(PARENT, ROOT),
    ],
)
def test_work_goes_on_under_another_process(log, text):
    with scopeflow.use_scope_stack(scopeflow.create_scope_stack_from_propagation(text)):
        parent = scopeflow.get_handle().uuid
        assert parent.replace("-", "")[16:] == PARENT.replace("-", "")[16:]
        with scopeflow.scope.scope("a", FUNCTION) as handle:
            again = scopeflow.capture_propagation_context()
            assert (again.root_uuid, again.parent_uuid) == (ROOT, handle.uuid)
    assert starts(log) == {"a": parent}


def child(text, path):
    config = scopeflow.AtofExporterConfig()
    config.output_directory, config.filename = path.parent, path.name
    exporter = scopeflow.AtofExporter(config)
    exporter.register("file")
    with scopeflow.use_scope_stack(scopeflow.create_scope_stack_from_propagation(text)):
        scopeflow.scope.event("from the child")
    exporter.shutdown()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_worker_process(tmp_path, method):
    path = tmp_path / "child.jsonl"
    with scopeflow.scope.scope("outer", FUNCTION) as outer:
        arguments = (scopeflow.capture_propagation_context().to_json(), path)
        process = multiprocessing.get_context(method).Process(target=child, args=arguments)
        process.start()
        process.join(60)
    assert process.exitcode == 0
    event = json.loads(path.read_text("utf-8"))
    assert (event["name"], event["parent_uuid"]) == ("from the child", outer.uuid)


def test_contexts_there_and_back():
    made = PropagationContext(PARENT, ROOT)
    assert PropagationContext.from_json(made.to_json()) == made
    assert made != PropagationContext(PARENT)
    assert made != made.to_json()
    assert repr(made) == f"PropagationContext({PARENT!r}, {ROOT!r})"
    rootless = PropagationContext.from_json(PropagationContext(PARENT).to_json())
    assert (rootless.version, rootless.root_uuid, rootless.parent_uuid) == (1, None, PARENT)
    span = PARENT.replace("-", "")[16:]
    assert rootless.to_traceparent() == f"00-{PARENT.replace('-', '')}-{span}-01"
    given = PropagationContext(PARENT, ROOT, 1, TRACEPARENT, "vendor=1")
    assert (given.to_traceparent(), given.tracestate) == (TRACEPARENT, "vendor=1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nonsense",), "parent_uuid is no uuid"),
        ((PARENT, "nonsense"), "root_uuid is no uuid"),
        (("00000000-0000-0000-0000-000000000000",), "is all zeros"),
        ((PARENT, ROOT, 2), "version is not 1"),
        ((PARENT, ROOT, 1, "00-00"), "traceparent is shorter"),
    ],
)
def test_wrong_contexts(arguments, message):
    with pytest.raises(scopeflow.InvalidArgument, match=message):
        PropagationContext(*arguments)


def test_a_parent_that_is_no_span():
    made = PropagationContext("01900000-0000-7000-0000-000000000000", ROOT)
    with pytest.raises(
        scopeflow.InvalidArgument, match="invalid argument: parent_uuid ends in 8 zero bytes"
    ):
        made.to_traceparent()


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", scopeflow.InvalidJson),
        ("{", scopeflow.InvalidJson),
        ("[]", scopeflow.InvalidArgument),
        ("00-zz", scopeflow.InvalidArgument),
        (" " * 5_000, scopeflow.LimitExceeded),
        (7, TypeError),
    ],
)
def test_hostile_strings(text, error):
    with pytest.raises(error):
        scopeflow.create_scope_stack_from_propagation(text)
    with pytest.raises(error):
        PropagationContext.from_json(text)


def test_a_traceparent_is_no_json():
    text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    scopeflow.create_scope_stack_from_propagation(text)
    with pytest.raises(scopeflow.InvalidJson, match="traceparent"):
        PropagationContext.from_json(text)


def test_a_scope_is_found_by_its_id():
    runtime = scopeflow.default_runtime
    root = scopeflow.get_handle()
    with scopeflow.scope.scope("outer", FUNCTION) as outer, scopeflow.scope.scope("in", FUNCTION):
        assert runtime.find_scope(outer.uuid) is outer
        assert runtime.find_scope(root.uuid) is root
        with pytest.raises(scopeflow.NotFound, match=PARENT):
            runtime.find_scope(PARENT)
