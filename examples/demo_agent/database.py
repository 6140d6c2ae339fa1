"""The SQLite database of the demo, built from the CSV files of a folder."""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

_SCHEMA = """\
CREATE TABLE services (name TEXT PRIMARY KEY, team TEXT NOT NULL, tier INTEGER NOT NULL);
CREATE TABLE deploys (
    id TEXT PRIMARY KEY, service TEXT NOT NULL REFERENCES services (name), version TEXT NOT NULL,
    deployed_at TEXT NOT NULL, author TEXT NOT NULL);
CREATE TABLE incidents (
    id TEXT PRIMARY KEY, service TEXT NOT NULL REFERENCES services (name),
    started_at TEXT NOT NULL, minutes INTEGER NOT NULL, severity TEXT NOT NULL,
    topic TEXT NOT NULL, summary TEXT NOT NULL);
"""


def build(folder: Path, file: Path) -> None:
    """Write a new database to `file` with a table for each CSV file in `folder`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.executescript(_SCHEMA)
        for table in ("services", "deploys", "incidents"):
            _fill(connection, table, folder / f"{table}.csv")


def _fill(connection: sqlite3.Connection, table: str, file: Path) -> None:
    with file.open(encoding="utf-8", newline="") as stream:
        rows = csv.DictReader(stream)
        columns = rows.fieldnames or []
        names = ", ".join(columns)
        places = ", ".join(f":{column}" for column in columns)
        connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)


def query(file: Path, statement: str, row_limit: int) -> dict[str, object]:
    """Run one SQL statement on a read-only connection; return its columns and first rows."""
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        cursor = connection.execute(statement)
        columns = [column[0] for column in cursor.description or ()]
        return {"columns": columns, "rows": [list(row) for row in cursor.fetchmany(row_limit)]}
