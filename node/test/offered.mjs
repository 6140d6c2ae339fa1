// Which cases of the vectors the package can express, and why it leaves the others out: the table
// that is generated from the spec decides. Runs in Node and in browsers alike.

import { operations } from "./dispatch.gen.mjs";

/** Features of the vectors that JavaScript lacks, and why. */
const lacking = {
  byte_strings: "a text of JavaScript cannot hold bytes that are no UTF-8",
  native: "nobody has written middleware in C for JavaScript's runner yet",
  tool_annotations: "a tool's result has no annotation yet",
};

/** Why a case is left out, or undefined if it is replayed. */
export function reasonToLeaveOut(test) {
  const missing = (test.needs ?? []).map((need) => lacking[need]).find(Boolean);
  if (missing !== undefined) return missing;
  const unknown = [...new Set(operationsOf(test.steps))].filter((name) => !(name in operations));
  if (unknown.length === 0) return undefined;
  return `the package has no ${unknown.sort().join(", ")} yet`;
}

/** The names of all operations in a script, those inside targets and callables too. */
function* operationsOf(script) {
  if (typeof script !== "object" || script === null) return;
  if (typeof script.op === "string") yield script.op;
  for (const part of Object.values(script)) yield* operationsOf(part);
}

/**
 * The cases that one of the package's two cores is known to fail: id -> reason.
 *
 * @param text The file known_gaps.yaml, in the one form that it has.
 * @param core "native" or "wasm".
 */
export function knownGaps(text, core) {
  const language = core === "wasm" ? "wasm" : "node";
  const gaps = new Map();
  let section;
  for (const line of text.split("\n")) {
    const [, head] = /^([a-z]+):(?: \[\])?$/.exec(line) ?? [];
    const [, id, reason] = /^ {2}- \{case: ([a-z0-9-]+), reason: (.+)\}$/.exec(line) ?? [];
    section = head ?? section;
    if (id !== undefined && section === language) gaps.set(id, reason);
    if (head === undefined && id === undefined && !/^(#.*)?$/.test(line)) {
      throw new Error(`known_gaps.yaml: neither a language nor a case: ${line}`);
    }
  }
  return gaps;
}

/** Replays a case. One that is known to fail must fail, else its entry is out of date. */
export async function replay(id, gaps, run) {
  if (!gaps.has(id)) return run();
  const failed = await run().then(
    () => false,
    () => true,
  );
  if (!failed) throw new Error(`${id} passes, but known_gaps.yaml says: ${gaps.get(id)}`);
}
