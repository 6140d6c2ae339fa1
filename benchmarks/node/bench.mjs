// What Node pays, with the core that SCOPEFLOW_CORE picks. All contestants take turns in one
// process, and the least time of many rounds counts, so that other load on the machine does not.
//
//   node bench.mjs [path of the package]
//
// Exits with 1 if a managed tool call with nobody listening costs more than ten bare awaits and
// 2 microseconds.

import { pathToFileURL } from "node:url";
import { resolve } from "node:path";

const ROUNDS = 60;
const CALLS = 2000;

const given = process.argv[2];
const scopeflow = await import(
  given ? pathToFileURL(resolve(given, "dist/node.mjs")).href : "scopeflow"
);
const { Runtime, ScopeType } = scopeflow;

const silent = new Runtime();
const heard = new Runtime();
heard.registerSubscriber("count", () => {});
const guarded = new Runtime();
guarded.registerToolConditionalExecutionGuardrail("pass", 0, () => null);

const args = { query: "walking skeleton", limit: 3 };
const target = async (given) => given;

const contestants = {
  "bare await": async () => {
    for (let i = 0; i < CALLS; i++) await target(args);
  },
  "tool call": async () => {
    for (let i = 0; i < CALLS; i++) await silent.toolCallExecute("search", args, target);
  },
  "tool call, sync": async () => {
    for (let i = 0; i < CALLS; i++) silent.toolCallExecuteSync("search", args, (given) => given);
  },
  "tool call, one guard": async () => {
    for (let i = 0; i < CALLS; i++) await guarded.toolCallExecute("search", args, target);
  },
  "tool call, one subscriber": async () => {
    for (let i = 0; i < CALLS; i++) await heard.toolCallExecute("search", args, target);
  },
  "push and pop": async () => {
    for (let i = 0; i < CALLS; i++) silent.pushScope("step", ScopeType.Function).pop();
  },
  "push and pop, one subscriber": async () => {
    for (let i = 0; i < CALLS; i++) heard.pushScope("step", ScopeType.Function).pop();
  },
  mark: async () => {
    for (let i = 0; i < CALLS; i++) silent.event("mark");
  },
  "mark, one subscriber": async () => {
    for (let i = 0; i < CALLS; i++) heard.event("mark");
  },
};

const least = Object.fromEntries(Object.keys(contestants).map((name) => [name, Infinity]));
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(contestants)) {
    const start = process.hrtime.bigint();
    await run();
    const ns = Number(process.hrtime.bigint() - start) / CALLS;
    least[name] = Math.min(least[name], ns);
    // Finalisers run between turns of the event loop, as they do in programs that wait for things.
    await new Promise(setImmediate);
  }
}

const bare = least["bare await"];
console.log(`${scopeflow.core.kind} core, Node ${process.version}, least of ${ROUNDS} rounds`);
for (const [name, ns] of Object.entries(least)) {
  const times = (ns / bare).toFixed(1).padStart(6);
  console.log(`${name.padEnd(30)} ${ns.toFixed(0).padStart(6)} ns ${times} x bare`);
}

const limit = 10 * bare + 2000;
const call = least["tool call"];
console.log(`tool call: ${call.toFixed(0)} of at most ${limit.toFixed(0)} ns`);
process.exitCode = call <= limit ? 0 : 1;
