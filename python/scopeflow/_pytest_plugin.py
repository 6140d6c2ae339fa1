"""The pytest plugin: `scopeflow_runtime` and `scopeflow_events`. Costs nothing where unused."""

from __future__ import annotations

try:
    import pytest
except ImportError as error:
    raise ImportError(f"{__name__} needs pytest: pip install scopeflow[testing]") from error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._native import Runtime
    from .testing import CapturedEvents

_MARKER = (
    "scopeflow(clock_start=..., clock_step=..., **options): options of the runtime that the "
    "fixtures scopeflow_runtime and scopeflow_events give to this test"
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", _MARKER)


@pytest.fixture
def scopeflow_runtime(request: pytest.FixtureRequest) -> Iterator[Runtime]:
    """A fresh runtime with a deterministic clock and ids, in the place of the default one."""
    from . import testing

    marker = request.node.get_closest_marker("scopeflow")
    with testing.isolated(**(marker.kwargs if marker else {})) as runtime:
        yield runtime


@pytest.fixture
def scopeflow_events(scopeflow_runtime: Runtime) -> Iterator[CapturedEvents]:
    """What `scopeflow_runtime` emits during the test, a `scopeflow.testing.CapturedEvents`."""
    from . import testing

    with testing.capture(scopeflow_runtime) as events:
        yield events
