// The SQLite database of the demo, built from the CSV files of a folder.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import initSqlJs from "sql.js";

const SCHEMA = `
CREATE TABLE services (name TEXT PRIMARY KEY, team TEXT NOT NULL, tier INTEGER NOT NULL);
CREATE TABLE deploys (
    id TEXT PRIMARY KEY, service TEXT NOT NULL REFERENCES services (name), version TEXT NOT NULL,
    deployed_at TEXT NOT NULL, author TEXT NOT NULL);
CREATE TABLE incidents (
    id TEXT PRIMARY KEY, service TEXT NOT NULL REFERENCES services (name),
    started_at TEXT NOT NULL, minutes INTEGER NOT NULL, severity TEXT NOT NULL,
    topic TEXT NOT NULL, summary TEXT NOT NULL);
`;

// In WebAssembly, so that nothing has to be compiled.
const sqlite = await initSqlJs();

/** Writes a new database to `file` with a table for each CSV file in `folder`. */
export function build(folder: string, file: string): void {
  const database = new sqlite.Database();
  try {
    database.exec(SCHEMA);
    for (const table of ["services", "deploys", "incidents"]) {
      const [columns, ...rows] = parseCsv(readFileSync(join(folder, `${table}.csv`), "utf8"));
      const places = columns!.map(() => "?").join(", ");
      const statement = `INSERT INTO ${table} (${columns!.join(", ")}) VALUES (${places})`;
      for (const row of rows) database.run(statement, row);
    }
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, database.export());
  } finally {
    database.close();
  }
}

/** Runs one SQL statement, which may only read; gives its columns and first rows. */
export function query(file: string, sql: string, rowLimit: number): object {
  const database = new sqlite.Database(readFileSync(file));
  try {
    database.exec("PRAGMA query_only = ON");
    const statement = database.prepare(sql);
    const rows: unknown[][] = [];
    while (rows.length < rowLimit && statement.step()) rows.push(statement.get());
    return { columns: statement.getColumnNames(), rows };
  } finally {
    // It frees the statement, too.
    database.close();
  }
}

/** A field and what ends it. */
const FIELD = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g;

/** Lines of fields; one in quotes may hold commas, line ends and doubled quotes. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  for (const [, quoted, plain, end] of text.matchAll(FIELD)) {
    rows.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain!);
    if (end !== ",") rows.push([]);
  }
  return rows.filter((row) => row.some((field) => field !== ""));
}
