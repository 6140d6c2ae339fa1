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

  test("may be loaded twice over the same modules, as test runners do with what is linked", () => {
    const path = require.resolve("scopeflow");
    const { [path]: loaded } = require.cache;
    delete require.cache[path];
    const again = require("scopeflow");
    require.cache[path] = loaded;
    assert.notEqual(again, loaded.exports);
    assert.deepEqual(again.core, scopeflow.core);
    assert.equal(again.Runtime, scopeflow.Runtime);
  });

  test("says which core runs, its version and its build", () => {
    const wanted = process.env.SCOPEFLOW_CORE;
    const { kind, version, buildHash, reason } = scopeflow.core;
    if (wanted) assert.equal(kind, wanted);
    assert.equal(version, require("../package.json").version);
    assert.equal(scopeflow.VERSION, version);
    assert.match(buildHash, /^[0-9a-f]{16}$/);
    assert.equal(require("../dist/cjs/wasm.js").core.buildHash, buildHash);
    assert.equal(reason, kind === "native" ? undefined : "SCOPEFLOW_CORE asks for it");
  });

  test("is ready without init, which may be called all the same", async () => {
    await scopeflow.init(Promise.reject(new Error("not fetched")));
    scopeflow.initSync();
    assert.equal(scopeflow.deregisterSubscriber("nobody"), false);
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

  /** What the package of the folder says of its core. */
  const load = (core) => {
    const program = `const { core } = require("./dist/cjs/index.js");
      console.log(core.kind, core.reason ?? "");`;
    const env = { ...process.env, SCOPEFLOW_CORE: core };
    return spawnSync(process.execPath, ["--eval", program], { cwd: folder, env, encoding: "utf8" });
  };
  const path = (name) => join(folder, "dist", name);
  const hasWasm = existsSync(join(root, "dist/scopeflow.wasm"));
  /** Changes the text of a file for the rest of a test. */
  const change = (t, name, from, to) => {
    const text = readFileSync(path(name), "utf8");
    assert.match(text, from);
    writeFileSync(path(name), text.replace(from, to));
    t.after(() => writeFileSync(path(name), text));
  };
  const replace = (t, name, content) => {
    const original = readFileSync(path(name));
    writeFileSync(path(name), content);
    t.after(() => writeFileSync(path(name), original));
  };

  test("without an addon runs the wasm core, and can say why", { skip: !hasWasm }, (t) => {
    const addon = readFileSync(path("scopeflow.node"));
    rmSync(path("scopeflow.node"));
    t.after(() => writeFileSync(path("scopeflow.node"), addon));
    const { stdout, stderr } = load("");
    assert.match(stdout, /^wasm no native core for \S+ is installed \(@scopeflow\/core-/);
    assert.equal(stderr, "");
    assert.match(load("native").stderr, /asks for the native core: no native core for/);
  });

  test("with a damaged addon runs the wasm core, and warns", { skip: !hasWasm }, (t) => {
    replace(t, "scopeflow.node", "not an addon");
    const fallback = load("");
    assert.match(fallback.stdout, /^wasm .*scopeflow\.node/);
    assert.match(fallback.stderr, /Warning: scopeflow: using WebAssembly: .*scopeflow\.node/);
    const refused = load("native");
    assert.notEqual(refused.status, 0);
    assert.match(refused.stderr, /asks for the native core: .*scopeflow\.node/);
  });

  const MISMATCHES = [
    ["ABI_HASH", /for the interface [0-9a-f]{16}, this package for/],
    ["BUILD_HASH", /of the build [0-9a-f]{16}, this package of/],
  ];
  for (const [name, message] of MISMATCHES) {
    test(`with cores of another ${name} refuses both with both numbers`, (t) => {
      change(t, "cjs/node.js", RegExp(`${name}="[^"]*"`), `${name}="0123456789abcdef"`);
      for (const core of ["native", ...(hasWasm ? ["wasm", ""] : [])]) {
        const { status, stderr } = load(core);
        assert.notEqual(status, 0);
        assert.match(stderr, message);
        assert.match(stderr, /0123456789abcdef; install both from one release/);
        assert.match(stderr, core === "native" ? /scopeflow\.node/ : /scopeflow\.wasm/);
      }
    });
  }

  test("with an addon of another build runs the wasm core", { skip: !hasWasm }, (t) => {
    const addon = readFileSync(path("scopeflow.node"));
    const { buildHash } = scopeflow.core;
    assert(addon.includes(buildHash));
    const other = addon.toString("latin1").replace(buildHash, "f".repeat(16));
    replace(t, "scopeflow.node", Buffer.from(other, "latin1"));
    const { stdout, stderr } = load("");
    assert.match(stdout, /^wasm .*is of the build f{16}, this package of the build/);
    assert.match(stderr, /using WebAssembly: .*scopeflow\.node/);
  });

  test("with a damaged wasm file says which file it is, and what", { skip: !hasWasm }, (t) => {
    const bytes = readFileSync(path("scopeflow.wasm"));
    for (const [content, message] of [
      [bytes.subarray(0, 50_000), /scopeflow\.wasm cannot be compiled: .*damaged or cut off/s],
      [Buffer.from("<!doctype html>"), /scopeflow\.wasm is no WebAssembly module: it begins/],
    ]) {
      replace(t, "scopeflow.wasm", content);
      assert.match(load("wasm").stderr, message);
    }
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
