import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { AlreadyExists, AtofExporter, core, InvalidState, Runtime, ScopeType } from "scopeflow";

describe("the file exporter", { skip: core.kind === "wasm" }, () => {
  let folder;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "scopeflow-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const read = (path) => readFileSync(path, "utf8");

  test("writes each event as a line", async () => {
    const runtime = new Runtime({ deterministic: true });
    const lines = [];
    const exporter = new AtofExporter(
      { outputDirectory: join(folder, "a/b"), filename: "e" },
      runtime,
    );
    assert.equal(exporter.path, join(folder, "a/b", "e"));
    exporter.register("file");
    runtime.registerSubscriber("lines", (event) => lines.push(event.json));
    await runtime.withScope("s", ScopeType.Agent, () =>
      runtime.toolCallExecute("t", { q: "ž" }, () => ({ n: 1 })),
    );
    exporter.forceFlush();
    assert.equal(read(exporter.path), lines.map((line) => `${line}\n`).join(""));
    assert.equal(lines.length, 4);
    assert.equal(statSync(exporter.path).mode & 0o777, 0o600);
    exporter.shutdown();
    exporter.shutdown();
    runtime.event("after");
    assert.equal(read(exporter.path).split("\n").length, 5);
  });

  test("appends, or begins anew", () => {
    const runtime = new Runtime();
    for (const [mode, count] of [
      ["append", 1],
      ["append", 2],
      ["overwrite", 1],
    ]) {
      const exporter = new AtofExporter({ outputDirectory: folder, mode }, runtime);
      exporter.register("file");
      runtime.event("m");
      exporter.shutdown();
      assert.equal(read(exporter.path).trimEnd().split("\n").length, count);
    }
  });

  test("its name is one of the subscribers'", () => {
    const runtime = new Runtime();
    const exporter = new AtofExporter({ outputDirectory: folder }, runtime);
    exporter.register("taken");
    assert.throws(() => exporter.register("taken"), AlreadyExists);
    assert.throws(() => runtime.registerSubscriber("taken", () => {}), AlreadyExists);
    assert.equal(exporter.deregister("taken"), true);
    assert.equal(exporter.deregister("taken"), false);
    exporter[Symbol.dispose]();
  });

  test("a path that cannot be opened is told with the system's reason", () => {
    const nowhere = { outputDirectory: "/dev/null/x" };
    assert.throws(
      () => new AtofExporter(nowhere),
      (error) => {
        assert(error instanceof InvalidState);
        assert.match(error.message, /\/dev\/null/);
        return true;
      },
    );
  });
});

describe("the file exporter of the wasm core", { skip: core.kind !== "wasm" }, () => {
  test("does not exist, and says so", () => {
    assert.throws(() => new AtofExporter({ outputDirectory: "x" }), InvalidState);
  });
});
