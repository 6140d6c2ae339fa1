import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import assert from "node:assert/strict";
import * as scopeflow from "scopeflow";
import { knownGaps, reasonToLeaveOut, replay } from "./offered.mjs";
import { runCase } from "./vectors.mjs";

const require = createRequire(import.meta.url);
const { enums, installedEngine } = require("../dist/cjs/node.js");
const natively = scopeflow.core.kind === "native" ? await import("./natively.mjs") : undefined;
const internals = { engine: installedEngine(), enums, natively };
const modes = natively ? ["async", "sync", "native"] : ["async", "sync"];
const folder = process.env.SCOPEFLOW_VECTORS;
const gaps = knownGaps(readFileSync(join(folder, "known_gaps.yaml"), "utf8"), scopeflow.core.kind);
const counts = { replayed: 0, leftOut: 0 };

/** The ways in which a case is replayed. Nothing can be awaited in calls that are not managed. */
function modesOf(file, vector) {
  const isPromising = file === "faults.json" && !vector.id.startsWith("manual-");
  return isPromising ? [...modes, "promising"] : modes;
}

for (const name of readdirSync(folder).filter((name) => /^(?!schema\.).*\.json$/.test(name))) {
  const file = JSON.parse(readFileSync(join(folder, name), "utf8"));
  describe(`vectors of ${name} with the ${scopeflow.core.kind} core`, () => {
    test("the file is whole", () => assert.equal(file.cases.length, file.case_count));
    for (const vector of file.cases) {
      const skip = reasonToLeaveOut(vector);
      counts[skip === undefined ? "replayed" : "leftOut"]++;
      for (const mode of modesOf(name, vector)) {
        const run = () => runCase(scopeflow, internals, vector, mode);
        test(`${vector.id} (${mode})`, { skip }, () => replay(vector.id, gaps, run));
      }
    }
  });
}

test("middleware in C was among it", { skip: natively === undefined }, () => {
  assert(natively.counts.registered > 100, `${natively.counts.registered} registered`);
});

after(() => console.log(`vectors: ${counts.replayed} replayed, ${counts.leftOut} left out`));
