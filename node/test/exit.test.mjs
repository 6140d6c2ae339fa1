// Programs that end without a word: with scopes open, promises pending, events not flushed.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { core } from "scopeflow";

const CHILDREN = 100;
const AT_ONCE = 2;

const endings = {
  "process.exit with open scopes and pending calls": [`import "./exit-open.mjs";`, 3],
  "an ending event loop with a pending call": [
    `import { toolCallExecute } from "scopeflow";
     toolCallExecute("t", 1, () => new Promise(() => {}));`,
    0,
  ],
  "process.exit inside a subscriber": [
    `import { event, registerSubscriber } from "scopeflow";
     registerSubscriber("s", () => process.exit(7)); event("m");`,
    7,
  ],
  "process.exit inside a target, in an exit handler, and inside a getter": [
    `import { event, registerSubscriber, toolCallExecute } from "scopeflow";
     process.on("exit", () => { event("in the exit handler"); process.exitCode = 5; });
     registerSubscriber("s", () => {});
     toolCallExecute("t", { get a() { process.exit(); } }, () => 1);`,
    5,
  ],
  "an error that nobody catches, inside a target": [
    `import { toolCallExecute } from "scopeflow";
     process.on("uncaughtException", (error) => process.exit(error.message === "mine" ? 9 : 1));
     const fail = () => { throw new Error("mine"); };
     toolCallExecute("t", 1, () => new Promise(() => { setTimeout(fail); }));`,
    9,
  ],
};

/** How a program ended that says nothing. */
async function silently(...args) {
  const { output, ...told } = await runNode(...args);
  assert.equal(output, "");
  return told;
}

const run = (program) => silently("--input-type=module", "--eval", program);
const runFile = (name) => silently(name);

/** How a child ended, by its code or the signal that killed it, and what it wrote. */
function runNode(...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: fileURLToPath(new URL(".", import.meta.url)),
      stdio: ["ignore", "pipe", "pipe"],
    });
    let errors = "";
    let output = "";
    child.stdout.on("data", (text) => (output += text));
    child.stderr.on("data", (text) => (errors += text));
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ end: signal ?? code, errors, output }));
  });
}

describe(`the end of a program with the ${core.kind} core`, () => {
  for (const [what, [program, code]] of Object.entries(endings)) {
    const count = what.startsWith("process.exit with open") ? CHILDREN : 5;
    test(`${what}: ${count} of ${count} end clean`, async () => {
      let left = count;
      const worker = async () => {
        while (left-- > 0) assert.deepEqual(await run(program), { end: code, errors: "" });
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
    });
  }

  test("a worker thread ends while a call is pending", async () => {
    assert.deepEqual(await runFile("exit-workers.mjs"), { end: 0, errors: "" });
  });

  test("what a worker thread has queued is in the file once it has ended", async () => {
    const folder = mkdtempSync(join(tmpdir(), "scopeflow-"));
    try {
      // No code of JavaScript runs in a worker that is terminated: the core's own sink sees to it.
      const endings = ["", "process.exit(0)", ...(core.kind === "native" ? ["stay"] : [])];
      for (const ending of endings) {
        const filename = `e${ending.length}`;
        const worker = new Worker(new URL("exit-queued.mjs", import.meta.url), {
          workerData: { outputDirectory: folder, filename, ending },
        });
        const ended = new Promise((resolve) => worker.once("exit", resolve));
        await new Promise((resolve) => worker.once("message", resolve));
        if (ending === "stay") worker.terminate();
        await ended;
        const lines = readFileSync(join(folder, filename), "utf8").trimEnd().split("\n");
        assert.equal(lines.length, 1000, ending);
        assert.equal(JSON.parse(lines.at(-1)).name, "mark 999");
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  for (const ending of [
    "a rejection",
    "a call that nobody awaits",
    "an error in a timer",
    "an error of the program",
  ]) {
    test(`${ending} that nobody catches loses no event`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "scopeflow-"));
      try {
        const { end, errors, output } = await runNode("exit-fatal.mjs", folder, ending);
        assert.deepEqual([end, output], [1, ""]);
        assert.match(errors, /Error: mine\n/);
        const lines = readFileSync(join(folder, "events"), "utf8").trimEnd().split("\n");
        const names = lines.map((line) => JSON.parse(line).name);
        const marks = Array.from({ length: 500 }, (_, i) => `mark ${i}`);
        const call = ending === "a call that nobody awaits" ? ["t", "t"] : [];
        assert.deepEqual(names, ["left open", ...marks, ...call]);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }

  test("what is rejected within the package is nobody's unhandled rejection", async () => {
    const { end, errors, output } = await runNode("exit-unheard.mjs");
    assert.deepEqual([end, errors.replace(/^scopeflow: .*\n/gm, "")], [0, ""]);
    const dropped = ["chunks", "guard", "intercept", "producer", "scope", "target"];
    assert.deepEqual(JSON.parse(output), { core: core.kind, told: dropped });
  });

  test("what the file exporter was given is in the file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "scopeflow-"));
    try {
      const program = `
        import { AtofExporter, event } from "scopeflow";
        const outputDirectory = ${JSON.stringify(folder)};
        new AtofExporter({ outputDirectory, filename: "e" }).register("x");
        process.on("exit", () => event("mark 99"));
        for (let i = 0; i < 99; i++) event("mark " + i);
        process.exit(0);
      `;
      assert.deepEqual(await run(program), { end: 0, errors: "" });
      const lines = readFileSync(join(folder, "e"), "utf8").trimEnd().split("\n");
      assert.deepEqual(
        lines.map((line) => JSON.parse(line).name.slice(5)),
        [...Array(100).keys()].map(String),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
