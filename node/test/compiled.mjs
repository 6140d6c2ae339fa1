// Programs in TypeScript, compiled strictly to what the running Node knows, and run.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What a program of this folder, `<name>.mts`, writes. It must compile, and not complain. */
export function outputOfCompiled(name) {
  const compiler = process.env.SCOPEFLOW_TYPESCRIPT;
  const folder = mkdtempSync(join(root, "compiled-"));
  try {
    const options = ["--strict", "--target", "es2022", "--lib", "es2022,esnext.disposable,dom"];
    const places = ["--module", "nodenext", "--types", "", "--rootDir", join(root, "test")];
    const given = [...options, ...places, "--outDir", folder, join(root, `test/${name}.mts`)];
    const run = (program, ...args) =>
      spawnSync(process.execPath, [program, ...args], { encoding: "utf8" });
    const compiled = run(compiler, ...given);
    assert.deepEqual([compiled.stdout, compiled.status], ["", 0]);
    const { stdout, stderr } = run(join(folder, `${name}.mjs`));
    assert.equal(stderr, "");
    return stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
