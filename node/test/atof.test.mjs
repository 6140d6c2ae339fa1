import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { AlreadyExists, AtofExporter, core, InvalidArgument, InvalidState } from "scopeflow";
import { Runtime, ScopeType } from "scopeflow";

const names = (text) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).name);

describe(`the file exporter with the ${core.kind} core`, () => {
  let folder;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "scopeflow-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const read = (path) => readFileSync(path, "utf8");
  const open = (config, runtime = new Runtime({ log: () => {} })) => {
    const exporter = new AtofExporter({ outputDirectory: folder, ...config }, runtime);
    exporter.register("file");
    return { runtime, exporter };
  };

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

  test("writes each line before the operation returns, if it is asked to", () => {
    const { runtime, exporter } = open({ delivery: "written" });
    for (let count = 1; count < 4; count++) {
      runtime.event(`m${count}`);
      assert.equal(names(read(exporter.path)).length, count);
    }
    exporter.shutdown();
  });

  test("writes what is queued without a flush", async () => {
    const { runtime, exporter } = open();
    runtime.event("m");
    while (read(exporter.path) === "") await new Promise((resolve) => setTimeout(resolve, 1));
    assert.deepEqual(names(read(exporter.path)), ["m"]);
    exporter.shutdown();
  });

  test("writes what is queued when the queue is full", () => {
    const { runtime, exporter } = open({ queueLimitBytes: 4096 });
    for (let i = 0; i < 1000; i++) runtime.event(`m${i}`, { data: "x".repeat(100) });
    exporter.forceFlush();
    const expected = Array.from({ length: 1000 }, (_, i) => `m${i}`);
    assert.deepEqual(names(read(exporter.path)), expected);
    const stats = exporter.readStats();
    assert.equal(stats.writtenEventCount, 1000);
    assert.equal(stats.writtenBytes, statSync(exporter.path).size);
    assert.deepEqual([stats.droppedEventCount, stats.lostEventCount], [0, 0]);
    exporter.shutdown();
  });

  test("renames the file when it is full, and keeps as many as it should", () => {
    const { runtime, exporter } = open({ fileLimitBytes: 1000, keptFileCount: 2, filename: "e" });
    for (let i = 0; i < 20; i++) runtime.event(`m${i}`, { data: "ž".repeat(50) });
    runtime.event("long", { data: "x".repeat(2000) });
    runtime.event("last");
    exporter.shutdown();
    const files = [".2", ".1", ""].map((suffix) => read(join(folder, `e${suffix}`)));
    assert.equal(existsSync(join(folder, "e.3")), false);
    assert.deepEqual(files.slice(1).map(names), [["long"], ["last"]]);
    assert.equal(names(files[0]).at(-1), "m19");
    assert(Buffer.byteLength(files[0]) <= 1000);
  });

  test("makes a file that was renamed or removed anew", () => {
    const { runtime, exporter } = open({ delivery: "written" });
    runtime.event("a");
    renameSync(exporter.path, join(folder, "old"));
    runtime.event("b");
    rmSync(exporter.path);
    runtime.event("c");
    exporter.shutdown();
    assert.deepEqual(names(read(join(folder, "old"))), ["a"]);
    assert.deepEqual(names(read(exporter.path)), ["c"]);
  });

  test("begins on a line of its own after half a line of a process that was killed", () => {
    appendFileSync(join(folder, "e"), '{"kind":');
    const { runtime, exporter } = open({ filename: "e" });
    runtime.event("m");
    exporter.shutdown();
    const [half, line, rest] = read(exporter.path).split("\n");
    assert.deepEqual([half, JSON.parse(line).name, rest], ['{"kind":', "m", ""]);
  });

  test("tells with its reason that the disk is full, by flush, log and counters", async () => {
    const logged = [];
    const runtime = new Runtime({ log: (...entry) => logged.push(entry) });
    const config = { outputDirectory: "/dev", filename: "full", delivery: "written" };
    const exporter = new AtofExporter(config, runtime);
    exporter.register("file");
    runtime.event("a");
    runtime.event("b");
    const isFull = (error) => {
      assert(error instanceof InvalidState);
      assert.match(error.message, /no space left/i);
      return true;
    };
    await assert.rejects(exporter.flush(), isFull);
    assert(exporter.readStats().writeErrorCount > 0);
    assert.equal(exporter.readStats().writtenEventCount, 0);
    if (core.kind === "wasm") {
      assert.equal(logged.length, 1);
      assert.match(String(logged[0]), /full/);
    }
    assert.throws(() => {
      runtime.event("c");
      exporter.shutdown();
    }, isFull);
  });

  test("several processes may append to one file", async () => {
    const program = `
      import { AtofExporter, event } from "scopeflow";
      const [folder, name] = process.argv.slice(1);
      new AtofExporter({ outputDirectory: folder, filename: "e" }).register("x");
      for (let i = 0; i < 2000; i++) event(name, { data: "x".repeat(i % 100) });`;
    const cwd = fileURLToPath(new URL(".", import.meta.url));
    const run = (name) =>
      new Promise((resolve) => {
        const given = ["--input-type=module", "--eval", program, folder, name];
        spawn(process.execPath, given, { cwd, stdio: "inherit" }).on("close", resolve);
      });
    assert.deepEqual(await Promise.all([run("a"), run("b")]), [0, 0]);
    const written = names(read(join(folder, "e")));
    assert.deepEqual(
      ["a", "b"].map((name) => written.filter((each) => each === name).length),
      [2000, 2000],
    );
  });

  test("an option that is wrong is named, with what it may be", () => {
    for (const [option, message] of [
      [{ mode: "x" }, /^mode must be "append" or "overwrite", not x$/],
      [{ delivery: 1 }, /^delivery must be/],
      [{ overflow: "" }, /^overflow must be/],
      [{ queueLimitBytes: 1 }, /^queueLimitBytes must be an integer from 4096 to \d+, not 1$/],
      [{ fileLimitBytes: -1 }, /^fileLimitBytes must be an integer from 0 to/],
      [{ keptFileCount: 0.5 }, /^keptFileCount must be an integer from 1 to 1000, not 0.5$/],
    ]) {
      assert.throws(() => new AtofExporter({ outputDirectory: folder, ...option }), (error) => {
        assert(error instanceof InvalidArgument);
        assert.match(error.message, message);
        return true;
      }); // prettier-ignore
    }
  });
});
