// A child of `compare.mjs`: what a million calls leave behind, as JSON.
//
//     node --expose-gc memory.mjs

import { Runtime, ScopeType } from "scopeflow";
import { SMALL } from "./request.mjs";

const CALLS = 1_000_000;
/** Finalisers run between turns of the event loop, as they do in programs that wait for things. */
const CALLS_A_TURN = 500;

const runtime = new Runtime();
const search = async (request) => request;

async function run(count) {
  for (let i = 0; i < count; i++) {
    const scope = runtime.pushScope("plan", ScopeType.Function);
    await runtime.toolCallExecute("search", SMALL, search);
    scope.pop();
    if (i % CALLS_A_TURN === 0) await new Promise(setImmediate);
  }
}

async function taken() {
  for (let i = 0; i < 5; i++) {
    globalThis.gc();
    await new Promise(setImmediate);
  }
  const { heapUsed, rss } = process.memoryUsage();
  const handles = process.getActiveResourcesInfo().length;
  const abandoned = runtime.readStats().abandonedScopeCount;
  return { heap: heapUsed, rss, abandoned, handles };
}

// The engine's own heap takes a while to find its size.
await run(CALLS);
const before = await taken();
await run(CALLS);
const after = await taken();
const grown = Object.keys(after).map((name) => [name, after[name] - before[name]]);
process.stdout.write(JSON.stringify({ calls: CALLS, ...Object.fromEntries(grown) }));
