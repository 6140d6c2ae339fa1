import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, test } from "node:test";
import assert from "node:assert/strict";
import * as scopeflow from "scopeflow";
import { leftOut, runCase } from "./vectors.mjs";

const require = createRequire(import.meta.url);
const engine = require("../dist/cjs/installed.js").installedEngine();
const internals = { engine, enums: require("../dist/cjs/enums.gen.js") };
const folder = process.env.SCOPEFLOW_VECTORS;

for (const name of readdirSync(folder).filter((name) => /^(?!schema\.).*\.json$/.test(name))) {
  const file = JSON.parse(readFileSync(join(folder, name), "utf8"));
  describe(`vectors of ${name} with the ${scopeflow.core} core`, () => {
    test("the file is whole", () => assert.equal(file.cases.length, file.case_count));
    for (const mode of ["async", "sync"]) {
      for (const vector of file.cases) {
        const skip = leftOut(vector);
        test(`${vector.id} (${mode})`, { skip }, () => runCase(scopeflow, internals, vector, mode));
      }
    }
  });
}
