"""A runtime for each test, and what it emitted."""

from __future__ import annotations

import functools
import gc
import logging

import hypothesis
import pytest

import scopeflow

pytest.register_assert_rewrite("scripts", "vectors")

# A machine under load is no failure.
hypothesis.settings.register_profile("scopeflow", deadline=None)
hypothesis.settings.load_profile("scopeflow")


class Recorder:
    """A subscriber that keeps what it is given."""

    def __init__(self):
        self.events = []

    def __call__(self, event):
        self.events.append(event)

    def story(self):
        """What happened, in words: `start a`, `mark m`, `end a`."""
        return [f"{event.scope_category or 'mark'} {event.name}" for event in self.events]

    def named(self, name, category=None):
        """The one event of this name and scope category."""
        (event,) = (
            event
            for event in self.events
            if event.name == name and event.scope_category == category
        )
        return event

    def end(self, name):
        return self.named(name, "end")

    def start(self, name):
        return self.named(name, "start")


@pytest.fixture
def runtime():
    """A runtime that nobody else registers on."""
    return scopeflow.Runtime()


@pytest.fixture
def quiet_and_unencumbered():
    """No log of what fails on purpose, which would keep handles alive, and an abandonment would not
    be one; and the garbage collector, which is asked often, looks at new things only."""
    logging.disable(logging.CRITICAL)
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
    logging.disable(logging.NOTSET)


@pytest.fixture
def log(runtime):
    """What the runtime emits."""
    recorder = Recorder()
    runtime.register_subscriber("log", recorder)
    return recorder


# --- Decorators, on the test's runtime ---


@pytest.fixture(params=["tool", "agent", "llm"])
def kind(request):
    return request.param


@pytest.fixture
def decorate(kind, runtime):
    """Each of the decorators in turn."""
    return functools.partial(getattr(scopeflow, kind), runtime=runtime)


@pytest.fixture
def tool(runtime):
    return functools.partial(scopeflow.tool, runtime=runtime)


@pytest.fixture
def llm(runtime):
    return functools.partial(scopeflow.llm, runtime=runtime)


@pytest.fixture
def agent(runtime):
    return functools.partial(scopeflow.agent, runtime=runtime)
