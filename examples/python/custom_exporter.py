"""An exporter of one's own: a subscriber that keeps each scope and call as a row of a database."""

import sqlite3
import threading

import scopeflow
from scopeflow import Event, ScopeType, scope, subscribers

SCHEMA = "CREATE TABLE span (uuid, parent_uuid, category, name, started_ns, ended_ns, status)"
START = "INSERT INTO span VALUES (?, ?, ?, ?, ?, NULL, 'open')"
END = "UPDATE span SET ended_ns = ?, status = ? WHERE uuid = ?"
SUMMARY = """
    SELECT category, name, count(*), sum(status = 'ERROR'), min(ended_ns > started_ns)
    FROM span GROUP BY category, name ORDER BY min(started_ns)
"""


class DatabaseExporter:
    def __init__(self, path: str) -> None:
        self.database = sqlite3.connect(path, check_same_thread=False)
        self.database.execute(SCHEMA)
        self._lock = threading.Lock()

    def __call__(self, event: Event) -> None:
        with self._lock:  # Every thread that emits an event calls.
            if event.scope_category == "start":
                span = (event.uuid, event.parent_uuid, event.category, event.name)
                self.database.execute(START, (*span, event.timestamp_ns))
            elif event.scope_category == "end":
                status = event.metadata["otel.status_code"]
                self.database.execute(END, (event.timestamp_ns, status, event.uuid))


@scopeflow.tool
def measure(room: str) -> float:
    if room == "cellar":
        raise LookupError("no thermometer in the cellar")
    return 21.5


exporter = DatabaseExporter(":memory:")
with subscribers.subscriber("database", exporter):
    with scope.scope("heating", ScopeType.Agent):
        for room in ("kitchen", "cellar", "attic"):
            try:
                print(room, measure(room))
            except LookupError as error:
                print(error)

for category, name, count, failed, took_time in exporter.database.execute(SUMMARY):
    print(f"{category} {name}: {count} in all, {failed} failed" + ", timed" * took_time)
