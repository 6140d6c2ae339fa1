import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { test } from "node:test";

const LIMIT_BYTES = 100 * 1024;

test("the WebAssembly build is small, and asks only for what the package lends", async () => {
  const path = new URL("../dist/scopeflow.wasm", import.meta.url);
  const { size } = statSync(path);
  console.log(`scopeflow.wasm: ${size} of at most ${LIMIT_BYTES} bytes`);
  assert(size <= LIMIT_BYTES);

  const { readFileSync } = await import("node:fs");
  const module = new WebAssembly.Module(readFileSync(path));
  const imports = WebAssembly.Module.imports(module).map(({ module, name }) => `${module}.${name}`);
  const lent = ["release", "encode", "describe_error", "log", "clock", "entropy"];
  assert.deepEqual(imports.sort(), lent.map((name) => `host.${name}`).sort());
});
