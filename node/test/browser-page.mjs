// Runs inside the page (browser.html). Gives what came of each case; nothing is thrown.

import * as scopeflow from "scopeflow";
import * as enums from "../dist/esm/enums.gen.js";
import { installedEngine } from "../dist/esm/installed.js";
import { knownGaps, reasonToLeaveOut, replay } from "./offered.mjs";
import { runCase } from "./vectors.mjs";

export async function report() {
  const results = [];
  const attempt = async (name, run) => {
    try {
      await run();
      results.push({ name });
    } catch (error) {
      results.push({ name, error: `${error}\n${error?.stack}` });
    }
  };
  await attempt("needs init, which may be called twice", needsInit);
  await attempt("the API", smoke);
  await attempt("the limits of the context", context);
  await attempt("the exporter with a stream", exporter);
  await attempt("the system's clock and entropy", system);
  const internals = { engine: installedEngine(), enums };
  const gaps = knownGaps(await (await fetch("/vectors/known_gaps.yaml")).text(), "wasm");
  for (const file of await (await fetch("/vectors/")).json()) {
    const { cases } = await (await fetch(`/vectors/${file}`)).json();
    for (const mode of ["async", "sync"]) {
      for (const vector of cases) {
        const name = `${vector.id} (${mode})`;
        const skip = reasonToLeaveOut(vector);
        const run = () => runCase(scopeflow, internals, vector, mode);
        if (skip) results.push({ name, skip });
        else await attempt(name, () => replay(vector.id, gaps, run));
      }
    }
  }
  return { agent: navigator.userAgent, results };
}

function check(condition, what) {
  if (!condition) throw new Error(what);
}

async function needsInit() {
  let error;
  try {
    scopeflow.pushScope("too early", scopeflow.ScopeType.Agent);
  } catch (thrown) {
    error = thrown;
  }
  check(error instanceof scopeflow.InvalidState, `before init: ${error}`);
  const address = new URL("/dist/scopeflow.wasm", location.href);
  await Promise.all([scopeflow.init(address), scopeflow.init(address)]);
  await scopeflow.init(await (await fetch(address)).arrayBuffer());
  check(scopeflow.core.kind === "wasm", JSON.stringify(scopeflow.core));
}

async function smoke() {
  const { ScopeType } = scopeflow;
  const events = [];
  scopeflow.registerSubscriber("s", (event) => events.push(event));
  scopeflow.registerToolConditionalExecutionGuardrail("g", 0, async (name) =>
    name === "bad" ? "no" : null,
  );
  const scope = scopeflow.pushScope("agent", ScopeType.Agent, {
    input: { big: "ž".repeat(100_000) },
  });
  const result = { n: 1n };
  const got = await scopeflow.toolCallExecute("good", { q: 1 }, async () => result);
  check(got === result, "another object came back");
  const refused = await scopeflow.toolCallExecute("bad", 1, () => 1).catch((error) => error);
  check(refused instanceof scopeflow.GuardrailRejected, String(refused));
  scope.pop({ output: new Uint8Array([1]) });
  check(events.length === 5, `${events.length} events`);
  check(events[0].data.big.length === 100_000, "a long text");
  check(events[4].data.$bytes === "AQ==", "bytes");
  check(scopeflow.readStats().scopeEventCount === 4, "counters");
}

/** The current scope holds for the synchronous part of a target; later work names its parent. */
async function context() {
  const runtime = new scopeflow.Runtime();
  let before;
  let after;
  await runtime.toolCallExecute("t", 1, async () => {
    before = runtime.getHandle().name;
    await null;
    after = runtime.getHandle().name;
  });
  check(before === "t" && after === "root", `${before}, ${after}`);
  check(runtime.getHandle().name === "root", "nothing stays behind");
}

async function exporter() {
  const runtime = new scopeflow.Runtime();
  const lines = [];
  runtime.registerSubscriber("lines", (event) => lines.push(`${event.json}\n`));
  const { writable, readable } = new CompressionStream("gzip");
  const encoder = new TextEncoderStream();
  const piped = encoder.readable.pipeTo(writable);
  const text = new Response(readable.pipeThrough(new DecompressionStream("gzip"))).text();
  const made = new scopeflow.AtofExporter({ output: encoder.writable }, runtime);
  made.register("stream");
  for (let i = 0; i < 1000; i++) runtime.event("ž", { data: i });
  await made.close();
  await piped;
  check((await text) === lines.join("") && lines.length === 1000, "the lines came through");
  let error;
  try {
    new scopeflow.AtofExporter({ filename: "x" }, runtime);
  } catch (thrown) {
    error = thrown;
  }
  check(error instanceof scopeflow.InvalidState, `without files: ${error}`);
}

async function system() {
  const runtime = new scopeflow.Runtime();
  const [a, b] = [1, 2].map(() => runtime.pushScope("x", scopeflow.ScopeType.Agent));
  check(a.uuid !== b.uuid && a.uuid[14] === "7", `${a.uuid} ${b.uuid}`);
  check(Math.abs(Date.now() - a.startedAt.getTime()) < 60_000, `the clock says ${a.startedAt}`);
  const error = [];
  try {
    new scopeflow.Runtime().pushScope("x", 99);
  } catch (thrown) {
    error.push(thrown.code);
  }
  check(error[0] === "invalid_argument", String(error));
}
