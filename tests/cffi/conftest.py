"""A runtime for each test, whose books have to balance; and the gate: every function was called."""

from __future__ import annotations

from pathlib import Path

import pytest
from host import Host
from published import Library


@pytest.fixture(scope="session")
def library(pytestconfig) -> Library:
    pytestconfig.library = Library()
    return pytestconfig.library


@pytest.fixture
def host(library):
    host = Host(library, flags=library.SCOPEFLOW_RUNTIME_FLAG_DETERMINISTIC)
    yield host
    host.close()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Says which functions of the header no test has called, if all tests were to run."""
    library = getattr(session.config, "library", None)
    is_whole = all(Path(argument).is_dir() for argument in session.config.args)
    if library is None or session.config.option.keyword or not is_whole:
        return
    uncalled = library.uncalled()
    for name in uncalled:
        print(f"\nno test calls {name}", end="")
    if uncalled and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
