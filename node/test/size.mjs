import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const LIMIT_BYTES = 400 * 1000;
const COMPRESSED_LIMIT_BYTES = 100 * 1000;

test("the WebAssembly build is small, and asks only for what the package lends", () => {
  const bytes = readFileSync(new URL("../dist/scopeflow.wasm", import.meta.url));
  const compressed = gzipSync(bytes, { level: 9 }).length;
  console.log(`scopeflow.wasm: ${bytes.length} of at most ${LIMIT_BYTES} bytes`);
  console.log(`with gzip ${compressed} of at most ${COMPRESSED_LIMIT_BYTES} bytes`);
  assert(bytes.length <= LIMIT_BYTES);
  assert(compressed <= COMPRESSED_LIMIT_BYTES);

  const module = new WebAssembly.Module(bytes);
  const imports = WebAssembly.Module.imports(module).map(({ module, name }) => `${module}.${name}`);
  const lent = ["release", "encode", "describe_error", "core_codec", "log", "clock", "entropy"];
  assert.deepEqual(imports.sort(), lent.map((name) => `host.${name}`).sort());
});
