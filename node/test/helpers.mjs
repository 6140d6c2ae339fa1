import { createRequire } from "node:module";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Runtime, ScopeType } from "scopeflow";

const require = createRequire(import.meta.url);

/** The package's engine: the table of references and the core itself. */
export const engine = require("../dist/cjs/node.js").installedEngine();

/** A runtime whose ids and times are known, with the events that it has emitted. */
export function listen(options = {}) {
  const clockStartNs = 1_767_225_600_000_000_000n;
  const runtime = new Runtime({ deterministic: true, clockStartNs, log: () => {}, ...options });
  const events = [];
  runtime.registerSubscriber("listen", (event) => events.push(event));
  return { runtime, events };
}

/** `name:kind` of each event, `kind` being start, end or mark. */
export function outline(events) {
  return events.map((event) => `${event.name}:${event.scope_category ?? "mark"}`);
}

/** The ids that the deterministic runtime gives. */
export function uuid(number) {
  return `01900000-0000-7000-8000-${number.toString(16).padStart(12, "0")}`;
}

setFlagsFromString("--expose-gc");
const gc = runInNewContext("gc");

/** Collects garbage and runs finalisers until `isDone`, but not for ever. */
export async function collect(isDone) {
  for (let i = 0; i < 50 && !isDone(); i++) {
    gc();
    await new Promise(setImmediate);
  }
}

/** Collects what earlier tests have left, until nothing more goes, and counts what remains. */
export async function countRefs() {
  endBatch();
  let count = engine.refs.count;
  let quietRounds = 0;
  await collect(() => {
    quietRounds = engine.refs.count === count ? quietRounds + 1 : 0;
    count = engine.refs.count;
    return quietRounds > 5;
  });
  return count;
}

/** Ended scopes go by the hundred: these let those go that wait for company. */
function endBatch() {
  const runtime = new Runtime();
  for (let i = 0; i < 300; i++) runtime.pushScope("s", ScopeType.Agent).pop();
}
