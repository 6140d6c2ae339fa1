// The package as it is installed: both ways to load it, its types, and what happens without a part.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as scopeflow from "scopeflow";

const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);

describe("the package", () => {
  test("is one for import and for require", () => {
    const required = require("scopeflow");
    assert.equal(required.defaultRuntime(), scopeflow.defaultRuntime());
    // Node adds names of its own to what is imported from a CommonJS module.
    const added = ["__esModule", "module.exports", "default"];
    const names = (exports) => Object.keys(exports).filter((name) => !added.includes(name));
    assert.deepEqual(names(required).sort(), names(scopeflow).sort());
  });

  test("says which core runs, and its version", () => {
    const wanted = process.env.SCOPEFLOW_CORE;
    if (wanted) assert.equal(scopeflow.core, wanted);
    assert.equal(scopeflow.VERSION, require("../package.json").version);
  });

  test("its functions are the methods of the default runtime", async () => {
    const events = [];
    const guard = () => null;
    scopeflow.registerSubscriber("s", (event) => events.push(event));
    scopeflow.registerToolConditionalExecutionGuardrail("g", 0, guard);
    const scope = scopeflow.pushScope("a", scopeflow.ScopeType.Agent);
    scopeflow.scopeRegisterSubscriber(scope.uuid, "local", () => {});
    scopeflow.event("m");
    assert.equal(await scopeflow.toolCallExecute("t", 1, () => 2), 2);
    assert.equal(
      scopeflow.toolCallExecuteSync("t", 1, () => 3),
      3,
    );
    assert.equal(await scopeflow.withScope("w", scopeflow.ScopeType.Function, () => 4), 4);
    assert.equal(scopeflow.getHandle(), scope);
    scopeflow.popScope(scope);
    await scopeflow.flushSubscribers();
    assert.equal(events.length, 9);
    assert.equal(scopeflow.readStats().scopeEventCount, 8);
    assert.equal(scopeflow.deregisterSubscriber("s"), true);
    assert.equal(scopeflow.deregisterToolConditionalExecutionGuardrail("g"), true);
  });

  test("has an error class for each error of the spec", () => {
    const api = JSON.parse(
      readFileSync(join(process.env.SCOPEFLOW_VECTORS, "../../spec/api.json")),
    );
    assert(api.errors.length > 10);
    for (const { name, value } of api.errors) {
      const pascal = name.replace(/(^|_)(.)/g, (_, __, letter) => letter.toUpperCase());
      const error = new scopeflow[pascal]("text");
      assert(error instanceof scopeflow.ScopeflowError && error instanceof Error);
      assert.deepEqual([error.name, error.code, error.status], [pascal, name, value]);
    }
  });

  test("asks for no installation script and no dependency", () => {
    const { scripts, dependencies } = require("../package.json");
    assert.equal(scripts, undefined);
    assert.equal(dependencies, undefined);
  });
});

describe("an incomplete package", () => {
  let folder;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "scopeflow-"));
    cpSync(join(root, "dist"), join(folder, "dist"), { recursive: true });
    cpSync(join(root, "package.json"), join(folder, "package.json"));
  });
  after(() => rmSync(folder, { recursive: true }));

  const load = (core, program = 'console.log(require("./dist/cjs/index.js").core)') => {
    const env = { ...process.env, SCOPEFLOW_CORE: core };
    return spawnSync(process.execPath, ["--eval", program], { cwd: folder, env, encoding: "utf8" });
  };

  test("without an addon that fits runs the wasm core, and says why", () => {
    if (!existsSync(join(root, "dist/scopeflow.wasm"))) return;
    writeFileSync(join(folder, "dist/scopeflow.node"), "not an addon");
    const fallback = load("");
    assert.equal(fallback.stdout, "wasm\n");
    assert.match(fallback.stderr, /using WebAssembly, for the addon cannot be loaded/);
    assert.notEqual(load("native").status, 0);
    rmSync(join(folder, "dist/scopeflow.node"));
    const { stdout, stderr } = load("");
    assert.deepEqual([stdout, stderr], ["wasm\n", ""]);
    assert.match(load("native").stderr, /no addon for this platform is installed/);
  });

  test("with a core of another version is refused with both numbers", () => {
    const enums = join(folder, "dist/cjs/enums.gen.js");
    const text = readFileSync(enums, "utf8");
    writeFileSync(enums, text.replace(/ABI_HASH = "[^"]*"/, 'ABI_HASH = "0123456789abcdef"'));
    cpSync(join(root, "dist"), join(folder, "dist"), {
      recursive: true,
      filter: (path) => !path.endsWith("enums.gen.js"),
    });
    const { status, stderr } = load(scopeflow.core);
    assert.notEqual(status, 0);
    assert.match(stderr, /built for the interface [0-9a-f]{16}, this package for 0123456789abcdef/);
    writeFileSync(enums, text);
  });
});

describe("the types", () => {
  test("accept a user's program and refuse wrong ones", () => {
    const compiler = process.env.SCOPEFLOW_TYPESCRIPT;
    assert(compiler, "SCOPEFLOW_TYPESCRIPT names the compiler");
    const options = ["--noEmit", "--strict", "--skipLibCheck", "false", "--target", "es2022"];
    const resolution = ["--module", "nodenext", "--moduleResolution", "nodenext", "--lib"];
    const given = [
      compiler,
      ...options,
      ...resolution,
      "es2022,esnext.disposable,dom",
      "--types",
      "",
    ];
    const result = spawnSync(process.execPath, [...given, join(root, "test/types.mts")], {
      encoding: "utf8",
    });
    assert.equal(result.stdout, "");
    assert.equal(result.status, 0);
  });
});
