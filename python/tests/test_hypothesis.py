"""Trees of scopes, calls, streams, tasks, threads and cancellations made at random (trees.py), done
with the package and with the model side by side: each task has the same history, each start one
end, and nothing is left behind.

A fixed row of examples; with SCOPEFLOW_TEST_DEPTH=deep in the environment very many of a new seed,
which is printed.
"""

from __future__ import annotations

import gc
import itertools
import json
import os
import random

import hypothesis
import pytest
import trees
from hypothesis import HealthCheck, Phase, given, settings
from tree_model import Model
from tree_package import Package
from tree_performer import Performer

IS_DEEP = os.environ.get("SCOPEFLOW_TEST_DEPTH") == "deep"
EXAMPLE_COUNT = 20_000 if IS_DEEP else 250
SEED = random.SystemRandom().randrange(1_000_000) if IS_DEEP else 1
STATS = ("scope_event_count", "mark_event_count", "subscriber_error_count")
STATS += ("withheld_payload_count", "dropped_event_count", "abandoned_scope_count")
TIMES = ("stream.first_chunk_ns", "stream.longest_gap_ns")  # Two clocks need not agree.


pytestmark = pytest.mark.usefixtures("quiet_and_unencumbered")


@pytest.fixture(autouse=True)
def seed():
    print(f"seed {SEED}")


def story_of(events):
    """The events of each task, by names in place of ids and times."""
    parsed = [(task, json.loads(line)) for task, line in events]
    names = {
        event["uuid"]: event["name"]
        for _, event in parsed
        if event.get("scope_category") == "start"
    }
    story = {}
    for task, event in parsed:
        story.setdefault(task, []).append(shown(event, names))
    return story


def shown(event, names):
    del event["timestamp"]
    event["uuid"] = names.get(event["uuid"], "of a mark")
    event["parent_uuid"] = names.get(event["parent_uuid"], "root")
    metadata = event["metadata"] if isinstance(event["metadata"], dict) else {}
    if metadata.get("scope.detached_from") in names:
        metadata["scope.detached_from"] = names[metadata["scope.detached_from"]]
    for key in TIMES:
        if isinstance(metadata.get(key), int):
            metadata[key] = "some time"
    return event


def check_pairs(events):
    """S4.3, S2.2, S2.3: one end for each start, after it, and ids that grow downwards."""
    starts, ends = {}, {}
    for event in (json.loads(line) for _, line in events):
        category = event.get("scope_category")
        assert event["uuid"] > event["parent_uuid"], event
        if category == "start":
            assert starts.setdefault(event["uuid"], event) is event, event
        elif category == "end":
            assert ends.setdefault(event["uuid"], event) is event, event
            assert event["timestamp"] > starts[event["uuid"]]["timestamp"], event
    assert starts.keys() == ends.keys()


def check_secrets(program, events):
    """S3.6: no credential, and in a guarded program nothing that a sanitizer takes out."""
    for _, line in events:
        assert "CREDENTIAL" not in line
        assert not (program.is_guarded and trees.SECRET in line)


def check_nothing_is_left(watched):
    gc.collect()
    left = [made() for made in watched if made() is not None]
    assert not left, left


def perform(program, host):
    performer = Performer(program, host)
    host.perform(performer)
    return {name: state.trace for name, state in performer.tasks.items()}


def compare(program):
    """Raises where the two part; gives back a text in which all that happened stands."""
    package, model = Package(), Model()
    traces = perform(program, package)
    assert traces == perform(program, model)
    story, expected = story_of(package.events), story_of(model.events)
    assert story.keys() == expected.keys()
    for task in story:
        for mine, theirs in itertools.zip_longest(story[task], expected[task]):
            assert mine == theirs
    check_pairs(package.events)
    check_secrets(program, package.events)
    stats, others = package.runtime.stats(), model.runtime.stats
    for name in STATS:
        assert (name, getattr(stats, name)) == (name, getattr(others, name))
    text = "".join(line for _, line in package.events) + repr(traces)
    watched = package.watched
    del package, model, traces, story, expected, stats, others
    check_nothing_is_left(watched)
    return text


# What has to happen in some example, so that nothing goes untested unnoticed.
REACHED = (
    *('"error.type":"cancelled"', '"error.type":"abandoned"', '"error.type":"exception"'),
    *('"sanitize.failed"', '"finalizer.failed"', '"scope.detached_from"', '"data.null"'),
    *('"name":"attempt"', '"name":"llm.chunk"', '"rejected":true', '"failed":true', '"injected"'),
    *("'already_exists'", "'not_found'", "'invalid_argument'", "'invalid_state'"),
    *("('gather'", "('threads'", "('to_thread'", "('context'", "('late'", "CancelledError"),
    *("GuardrailRejected", "instead", "edited", "***"),
)


def test_programs_side_by_side():
    missing = set(REACHED)

    @hypothesis.seed(SEED)
    @settings(
        max_examples=EXAMPLE_COUNT,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )
    @given(trees.programs())
    def check(program):
        gc.freeze()  # What Hypothesis keeps of earlier examples need not be looked at again.
        text = compare(program)
        missing.difference_update([word for word in missing if word in text])

    check()
    assert not missing
