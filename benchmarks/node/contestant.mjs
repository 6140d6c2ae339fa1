// A child of `compare.mjs`: does what it is told of one library, and says how long that took.
//
//     node contestant.mjs <library>

import { LIBRARIES } from "./libraries.mjs";
import { ROWS } from "./rows.mjs";

const { works, listen, settle } = await LIBRARIES[process.argv[2]]();

function has({ work, heard }) {
  return work in works && (!heard || listen !== undefined);
}

/** @returns Nanoseconds an operation. */
async function repetition({ work, heard }, count) {
  const unlisten = heard ? listen() : undefined;
  const beganAtNs = process.hrtime.bigint();
  await works[work](count);
  if (heard) await settle();
  // What finalisers have to do belongs to the work: they run between turns of the event loop.
  await new Promise(setImmediate);
  const ns = Number(process.hrtime.bigint() - beganAtNs);
  unlisten?.();
  return ns / count;
}

process.on("message", async ({ row, count }) => process.send(await repetition(ROWS[row], count)));
process.send(Object.keys(ROWS).filter((name) => has(ROWS[name])));
