// A project outside the tree that installs what was packed: with the addon of the platform, and
// without; on the Node that runs the tests and on a newer one; for import, require and TypeScript.

import assert from "node:assert/strict";
import { copyFileSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { fetchNode, NEWER } from "./newer-node.mjs";
import { makeProject, run, runOrFail } from "./project.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const hasWasm = process.env.SCOPEFLOW_HAS_WASM === "1";

const PROGRAMS = {
  "import.mjs": `import * as scopeflow from "scopeflow";
    import { report } from "./work.mjs";
    await report("import", scopeflow);`,
  "require.cjs": `const scopeflow = require("scopeflow");
    import("./work.mjs").then(({ report }) => report("require", scopeflow));`,
  "wasm.mjs": `import { readFileSync } from "node:fs";
    import { createRequire } from "node:module";
    import * as scopeflow from "scopeflow/wasm";
    import { report } from "./work.mjs";
    const path = createRequire(import.meta.url).resolve("scopeflow/scopeflow.wasm");
    await report("wasm", scopeflow, scopeflow.init(readFileSync(path)));`,
  "inline.mjs": `import * as scopeflow from "scopeflow/wasm/inline";
    import { report } from "./work.mjs";
    await report("inline", scopeflow, scopeflow.init());`,
  "inline.cjs": `const scopeflow = require("scopeflow/wasm/inline");
    scopeflow.initSync();
    import("./work.mjs").then(({ report }) => report("inline", scopeflow));`,
};

function write(folder, files) {
  copyFileSync(join(here, "work.mjs"), join(folder, "work.mjs"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

/** Runs one of the programs. @returns What it reports. */
async function tell(node, folder, name, env = {}) {
  const { end, stdout, stderr } = await run(node, [name], { cwd: folder, env });
  assert.deepEqual([end, stderr], [0, ""]);
  const told = JSON.parse(stdout);
  assert.equal(told.error, undefined);
  return told;
}

let lines; // What came of the first program; the same has to come of all others.
function same(told) {
  assert.equal(told.lines.length, 8);
  assert.deepEqual(told.lines, (lines ??= told.lines));
}

/** The Nodes to try: a name, and the program or why there is none. */
async function nodes() {
  const newer = await fetchNode();
  return [
    { title: `Node ${process.versions.node}`, node: process.execPath },
    { title: `Node ${NEWER}`, ...newer, skip: newer.reason },
  ];
}

describe("a project with the addon of its platform", async () => {
  let folder;
  let remove;
  let manifests;
  before(async () => {
    ({ folder, manifests, remove } = await makeProject());
    write(folder, PROGRAMS);
  });
  after(() => remove?.());

  test("gets the addon of its platform, in the same version, and no other", () => {
    const [main] = manifests.filter(({ name }) => name === "scopeflow");
    const [platform] = manifests.filter(({ name }) => name !== "scopeflow");
    assert.equal(main.optionalDependencies[platform.name], main.version);
    assert(Object.values(main.optionalDependencies).every((version) => version === main.version));
    assert.equal(platform.version, main.version);
    assert.equal(main.scripts ?? platform.scripts, undefined);
    const installed = readdirSync(join(folder, "node_modules/@scopeflow"));
    assert.deepEqual(installed, [platform.name.slice("@scopeflow/".length)]);
    assert(!existsSync(join(folder, "node_modules/scopeflow/dist/scopeflow.node")));
  });

  for (const { title, node, skip } of await nodes()) {
    test(`runs the native core on ${title}`, { skip }, async () => {
      for (const name of ["import.mjs", "require.cjs"]) {
        const told = await tell(node, folder, name);
        assert.equal(told.core.kind, "native");
        assert.equal(told.core.reason, undefined);
        same(told);
      }
    });
    for (const name of ["wasm.mjs", "inline.mjs", "inline.cjs"]) {
      test(`runs ${name} on ${title}`, { skip: skip || !hasWasm }, async () => {
        const told = await tell(node, folder, name);
        const native = await tell(node, folder, "import.mjs");
        assert.equal(told.core.kind, "wasm");
        assert.equal(told.core.buildHash, native.core.buildHash);
        same(told);
      });
    }
  }

  test("says so where it is asked for a core that it does not have", async () => {
    const env = { SCOPEFLOW_CORE: "none" };
    const { end, stderr } = await run(process.execPath, ["import.mjs"], { cwd: folder, env });
    assert.equal(end, 1);
    assert.match(stderr, /SCOPEFLOW_CORE must be "native" or "wasm", not "none"/);
  });
});

describe("a project without the optional dependencies", { skip: !hasWasm }, async () => {
  let folder;
  let remove;
  before(async () => {
    ({ folder, remove } = await makeProject("--omit=optional"));
    write(folder, PROGRAMS);
  });
  after(() => remove?.());

  for (const { title, node, skip } of await nodes()) {
    test(`runs the WebAssembly core on ${title}, and says why`, { skip }, async () => {
      for (const name of ["import.mjs", "require.cjs"]) {
        const told = await tell(node, folder, name);
        assert.equal(told.core.kind, "wasm");
        assert.match(told.core.reason, /^no native core for .* an optional dependency of/);
        same(told);
      }
    });
  }
});

const TYPED = `
  import { core, init, pushScope, ScopeType, toolCallExecute, AtofExporter } from "scopeflow";
  import { init as initWasm, initSync, core as wasmCore } from "scopeflow/wasm";
  import { init as initInline } from "scopeflow/wasm/inline";
  const kind: "native" | "wasm" = core.kind;
  const hash: string = wasmCore.buildHash;
  const pending: Promise<void>[] = [init("x"), initInline(), initWasm(new URL("file:///x"))];
  initWasm(new Response()); initWasm(fetch("x")); initWasm(new Uint8Array(1)); initWasm("x");
  initSync(new WebAssembly.Module(new Uint8Array(1)));
  const result: Promise<number> = toolCallExecute("t", 1, (n: number) => n);
  pushScope("s", ScopeType.Agent).pop({ output: [kind, hash, pending, result] });
  new AtofExporter({ output: new WritableStream<string>() }).close();
  new AtofExporter({ output: (line: string) => console.log(line) });
  // @ts-expect-error
  initWasm();
  // @ts-expect-error
  core.kind = "native";
  // @ts-expect-error
  initSync(undefined);
`;
const RESOLUTIONS = {
  "node16, for import": ["types.mts", "node16", "node16"],
  "node16, for require": ["types.cts", "node16", "node16"],
  bundler: ["types.ts", "esnext", "bundler"],
};

describe("TypeScript in a project", () => {
  let folder;
  let remove;
  before(async () => {
    ({ folder, remove } = await makeProject());
    write(folder, { "types.mts": TYPED, "types.cts": TYPED, "types.ts": TYPED });
  });
  after(() => remove?.());

  for (const [title, [file, module, resolution]] of Object.entries(RESOLUTIONS)) {
    test(`finds the types with ${title}`, async () => {
      const compiler = process.env.SCOPEFLOW_TYPESCRIPT;
      const strict = ["--noEmit", "--strict", "--target", "es2022", "--types", ""];
      const lib = ["--lib", "es2022,esnext.disposable,dom"];
      const how = ["--module", module, "--moduleResolution", resolution];
      const given = [compiler, ...strict, ...lib, ...how, file];
      assert.equal(await runOrFail(process.execPath, given, { cwd: folder }), "");
    });
  }

  test("needs the types of Node alone, and not those of a browser", async () => {
    write(folder, { "plain.mts": 'import { core } from "scopeflow"; core.kind satisfies string;' });
    const { SCOPEFLOW_TYPESCRIPT: compiler } = process.env;
    const roots = join(compiler, "../../../@types");
    const strict = ["--noEmit", "--strict", "--target", "es2022"];
    const types = ["--typeRoots", roots, "--types", "node"];
    const how = ["--module", "node16", "--lib", "es2022,esnext.disposable"];
    const given = [compiler, ...strict, ...types, ...how, "plain.mts"];
    assert.equal(await runOrFail(process.execPath, given, { cwd: folder }), "");
  });
});
