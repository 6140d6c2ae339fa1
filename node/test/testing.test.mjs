// What applications test with (`scopeflow/testing`).

import assert from "node:assert/strict";
import { readFileSync, mkdtempSync, rmSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as scopeflow from "scopeflow";
import * as testing from "scopeflow/testing";

const { AlreadyExists, InvalidArgument, InvalidState, ScopeType } = scopeflow;
const { capture, CapturedEvents, deterministicRuntime, isolate, isolated } = testing;

const search = scopeflow.tool(async function search(query) {
  scopeflow.event("looking", { data: { query } });
  return [query];
});

async function work() {
  await scopeflow.withScope(
    "planner",
    ScopeType.Agent,
    async () => {
      await search("x");
      const fail = () => Promise.reject(new RangeError("nothing there"));
      await assert.rejects(scopeflow.toolCallExecute("broken", {}, fail), RangeError);
    },
    { input: { goal: "g" } },
  );
}

const NAMES = [
  "start planner",
  "start search",
  "mark looking",
  "end search",
  "start broken",
  "end broken",
  "end planner",
];

describe("captured events", () => {
  test("say in words what happened, and are looked up", async () => {
    await isolated(async (events) => {
      await work();
      assert.deepEqual(events.names(), NAMES);
      assert.equal(events.length, 7);
      assert.equal(events.at(-1).name, "planner");
      assert.deepEqual([...events].length, 7);
      assert.equal(events.findAll().length, 7);
      assert.equal(events.findAll("search").length, 2);
      assert.deepEqual(
        events.findAll({ category: "tool", phase: "end" }).map(({ name }) => name),
        ["search", "broken"],
      );
      assert.deepEqual(events.find({ name: "search", phase: "end" }).data, ["x"]);
      const planner = events.find({ phase: "start", category: "agent" });
      const below = (event) => events.children(event).map(({ name }) => name);
      assert.deepEqual(below(planner), ["search", "broken"]);
      assert.deepEqual(below(events.find({ name: "search", phase: "end" })), ["looking"]);
      assert.deepEqual(below(events.find("looking")), []);
      events.clear();
      assert.equal(events.length, 0);
    });
  });

  test("tell what there is where something is not found", async () => {
    await isolated(async (events) => {
      assert.throws(() => events.find("a"), /^Error: 0 events are 'a', not one, among: $/);
      await work();
      const text = `2 events are 'search', not one, among: ${NAMES.join(", ")}`;
      assert.throws(() => events.find("search"), { message: text });
      assert.throws(() => events.find({ phase: "end", category: "llm", name: "m" }), /'end llm m'/);
      assert.throws(() => events.findAll({ phase: "begin" }), InvalidArgument);
    });
  });

  test("are a subscriber of any runtime", () => {
    const runtime = deterministicRuntime();
    const events = new CapturedEvents();
    runtime.registerSubscriber("kept", events.add);
    runtime.event("m");
    assert.deepEqual(events.names(), ["mark m"]);
  });
});

describe("the tree", () => {
  test("shows times, outcomes and tokens, as the command does", async () => {
    await isolated(async (events, runtime) => {
      const { toolCallExecute, pushScope } = scopeflow;
      const data = { k: [1, "a"] };
      const usage = { prompt_tokens: 1200, completion_tokens: 3 };
      const fail = () => Promise.reject(new RangeError("no"));
      await scopeflow.withScope("plan", ScopeType.Agent, async () => {
        await toolCallExecute("search", {}, () => scopeflow.event("miss", { data }));
        await scopeflow.llmCallExecute("gpt", { headers: {}, content: {} }, () => ({ usage }));
        const name = `a\u202eb\n${"x".repeat(99)}`;
        pushScope(name, ScopeType.Custom, { subtype: "s" }).pop();
        await assert.rejects(toolCallExecute("broken", {}, fail));
        scopeflow.registerToolConditionalExecutionGuardrail("g", 0, () => "closed");
        await assert.rejects(toolCallExecute("refused", {}, fail));
      });
      pushScope("open", ScopeType.Function);
      assert.equal(
        events.tree().replace(/ {3,}/g, "  "),
        [
          "agent plan  11.0 ms  OK  1,200 + 3 tokens",
          "├─ tool search  2.0 ms  OK",
          '│  └─ ◆ miss  +1.0 ms  {"k": [1, "a"]}',
          "├─ llm gpt  1.0 ms  OK  1,200 + 3 tokens",
          `├─ custom:s a\\u202eb\\x0a${"x".repeat(75)}…  1.0 ms  -`,
          "├─ tool broken  1.0 ms  ERROR: RangeError: no",
          "└─ ◆ refused  +10.0 ms  refused: closed",
          "function open  -  no end",
        ].join("\n"),
      );
      const [first, , , last] = events.tree().split("\n");
      assert.equal(first.indexOf("11.0 ms"), 76);
      assert.equal(last.indexOf("1.0 ms"), 77);
    });
  });

  test("shows what calls of models have cost, where that of each is known", async () => {
    const rates = { input_per_million: 2.5, output_per_million: 10 };
    const priced = { provider: "p", model_id: "m", rates };
    const catalogue = { entries: [priced, { ...priced, model_id: "n", currency: "EUR" }] };
    const call = (model) => {
      const usage = { prompt_tokens: 1200, completion_tokens: 3, total_tokens: 1203 };
      const options = { responseCodec: "auto" };
      const answer = () => ({ model, choices: [], usage });
      scopeflow.llmCallExecuteSync(model, { headers: {}, content: {} }, answer, options);
    };
    await isolated(async (events) => {
      scopeflow.usePrices(catalogue);
      for (const models of ["mm", "mn", "mx"]) {
        scopeflow.withScopeSync(models, ScopeType.Agent, () => [...models].forEach(call));
      }
      const shown = events.tree().split("\n");
      assert.deepEqual(
        shown.map((line) => line.replace(/^[^a-z]*(\w+ \w+) .* OK +/, "$1: ")),
        [
          "agent mm: 2,400 + 6 tokens, 0.00606 USD",
          "llm m: 1,200 + 3 tokens, 0.00303 USD",
          "llm m: 1,200 + 3 tokens, 0.00303 USD",
          "agent mn: 2,400 + 6 tokens",
          "llm m: 1,200 + 3 tokens, 0.00303 USD",
          "llm n: 1,200 + 3 tokens, 0.00303 EUR",
          "agent mx: 2,400 + 6 tokens",
          "llm m: 1,200 + 3 tokens, 0.00303 USD",
          "llm x: 1,200 + 3 tokens",
        ],
      );
    });
  });

  test("writes small and large costs as the command does", async () => {
    for (const [rate, shown] of [
      [0.00125, "1.25e-09"],
      [1_234_567, "1.23457"],
      [2.5e12, "2.5e+06"],
      [99_999_960_000, "100000"],
      [100, "0.0001"],
    ]) {
      await isolated(async (events, runtime) => {
        const rates = { input_per_million: rate, output_per_million: 0 };
        runtime.usePrices({ entries: [{ provider: "p", model_id: "m", rates }] });
        const usage = { prompt_tokens: 1, completion_tokens: 0, total_tokens: 1 };
        const answer = () => ({ model: "m", choices: [], usage });
        const options = { responseCodec: "auto" };
        runtime.llmCallExecuteSync("m", { headers: {}, content: {} }, answer, options);
        assert.match(events.tree(), new RegExp(` tokens, ${shown.replace("+", "\\+")} USD$`));
      });
    }
  });
});

describe("two runs", () => {
  test("are the same bytes, and an event file", async () => {
    const runs = [];
    for (let i = 0; i < 2; i++) {
      await isolated(async (events) => {
        await work();
        runs.push(events.toJsonl());
      });
    }
    assert.equal(runs[0], runs[1]);
    const lines = runs[0].trimEnd().split("\n");
    assert.equal(lines.length, 7);
    const first = JSON.parse(lines[0]);
    assert.equal(first.timestamp, "2026-01-01T00:00:00.000000000Z");
    assert.match(first.uuid, /^01900000-0000-7000-8000-00000000000[12]$/);
  });

  test("are so whatever the order of keys, and with another clock", async () => {
    const options = { clockStartNs: 5n, clockStepNs: 7_000n };
    const files = [
      { a: 1, b: 2 },
      { b: 2, a: 1 },
    ].map((data) => {
      const runtime = deterministicRuntime(options);
      const capturing = capture(runtime);
      runtime.event("m", { data });
      runtime.event("n");
      return capturing.events;
    });
    assert.equal(files[0].toJsonl(), files[1].toJsonl());
    assert.equal(files[0].at(0).timestamp, "1970-01-01T00:00:00.000000005Z");
    assert.equal(files[0].at(1).timestamp, "1970-01-01T00:00:00.000007005Z");
  });

  test("take the options of a runtime", () => {
    const runtime = deterministicRuntime({ payloadBudgetBytes: 64 });
    const { events } = capture(runtime);
    runtime.event("m", { data: { text: "x".repeat(1000) } });
    assert(events.at(0).json.length < 600);
  });
});

describe("capturing", () => {
  test("ends, on the default runtime too", () => {
    const inside = capture();
    scopeflow.event("inside");
    assert.throws(() => capture(), AlreadyExists);
    const other = capture(undefined, "other");
    scopeflow.event("both");
    other[Symbol.dispose]();
    inside.close();
    inside.close();
    scopeflow.event("outside");
    assert.deepEqual(inside.events.names(), ["mark inside", "mark both"]);
    assert.deepEqual(other.events.names(), ["mark both"]);
  });
});

describe("isolation", () => {
  test("ends with any error, and gives back what there was", async () => {
    const before = scopeflow.defaultRuntime();
    for (const thrown of [new Error("e"), undefined]) {
      const isIt = (error) => error === thrown;
      await assert.rejects(
        isolated(() => Promise.reject(thrown)),
        isIt,
      );
      const throwing = () => {
        throw thrown;
      };
      await assert.rejects(isolated(throwing), isIt);
    }
    assert.equal(scopeflow.defaultRuntime(), before);
    await assert.rejects(isolated("test"), InvalidArgument);
    assert.equal(await isolated(() => 7), 7);
  });

  test("keeps registrations apart", async () => {
    const refuse = () => "no";
    const register = scopeflow.registerToolConditionalExecutionGuardrail;
    const deregister = scopeflow.deregisterToolConditionalExecutionGuardrail;
    register("outer", 1, refuse);
    await isolated(async (events, runtime) => {
      assert.equal(scopeflow.defaultRuntime(), runtime);
      assert.deepEqual(await search("x"), ["x"]);
      register("inner", 1, refuse);
      await assert.rejects(search("x"), scopeflow.GuardrailRejected);
      assert.equal(deregister("outer"), false);
    });
    assert.equal(deregister("inner"), false);
    assert.equal(deregister("outer"), true);
  });

  test("begins with nothing current, and ends what is open", async () => {
    const outer = scopeflow.pushScope("outer", ScopeType.Agent);
    let left;
    let kept;
    await isolated((events, runtime) => {
      assert.equal(scopeflow.scopeStackActive(), false);
      left = scopeflow.pushScope("left open", ScopeType.Agent);
      assert.equal(left.parentUuid, runtime.root().uuid);
      kept = events;
    });
    assert.equal(left.isOpen(), false);
    const end = kept.find({ name: "left open", phase: "end" });
    assert.equal(end.metadata["error.type"], "abandoned");
    assert.equal(scopeflow.getHandle(), outer);
    outer.pop();
  });

  test("has hooks for runners, one at a time", () => {
    const first = isolate();
    assert.throws(() => isolate(), InvalidState);
    scopeflow.event("m");
    first.close();
    first.close();
    assert.deepEqual(first.events.names(), ["mark m"]);
    assert.throws(() => first.runtime.event("late"), InvalidState);
    const second = isolate({ clockStartNs: 1n });
    scopeflow.event("m");
    second[Symbol.dispose]();
    assert.equal(second.events.at(0).timestamp, "1970-01-01T00:00:00.000000001Z");
    assert.equal(first.events.length, 1);
  });

  test("has exporters write what the test emits", async () => {
    const folder = mkdtempSync(join(tmpdir(), "scopeflow-"));
    try {
      await isolated(async () => {
        const exporter = new scopeflow.AtofExporter({
          outputDirectory: folder,
          filename: "run.jsonl",
        });
        exporter.register("file");
        scopeflow.event("m");
        await exporter.close();
      });
      assert.match(readFileSync(join(folder, "run.jsonl"), "utf8"), /"name":"m"/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("the entry", () => {
  test("is of the same package for import and require, and makes it ready", () => {
    const required = createRequire(import.meta.url)("scopeflow/testing");
    assert.equal(required.isolated, isolated);
    const root = fileURLToPath(new URL("..", import.meta.url));
    const program =
      'import { isolated } from "scopeflow/testing";' +
      'await isolated((events, runtime) => { runtime.event("m"); console.log(events.names()); });';
    const done = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
      cwd: root,
      encoding: "utf8",
    });
    assert.deepEqual([done.stdout, done.stderr], ["[ 'mark m' ]\n", ""]);
  });
});
