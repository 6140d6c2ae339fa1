// Bundles of a project outside the tree, each really run: in Node, in headless Chromium under a
// policy without 'unsafe-eval', and in a context that has no more than an edge worker.

import assert from "node:assert/strict";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, normalize } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import vm from "node:vm";
import { browse } from "../chromium.mjs";
import { fetchTools, makeProject, runOrFail } from "./project.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const TOOLS = {
  "@rollup/plugin-node-resolve": "16.0.3",
  esbuild: "0.28.2",
  rollup: "4.68.8",
  vite: "8.3.8",
  webpack: "5.113.0",
};

/** How each bundler gets the module: by the address of a file, or in the code. */
const SOURCES = {
  "esbuild-file.mjs": `import * as scopeflow from "scopeflow";
    import file from "scopeflow/scopeflow.wasm";
    import { report } from "./work.mjs";
    report("esbuild, a file", scopeflow, scopeflow.init(new URL(file, import.meta.url)));`,
  "vite-file.mjs": `import * as scopeflow from "scopeflow";
    import url from "scopeflow/scopeflow.wasm?url";
    import { report } from "./work.mjs";
    report("vite, a file", scopeflow, scopeflow.init(url));`,
  "webpack-file.mjs": `import * as scopeflow from "scopeflow/wasm";
    import { report } from "./work.mjs";
    const url = new URL("scopeflow/scopeflow.wasm", import.meta.url);
    report("webpack, a file", scopeflow, scopeflow.init(fetch(url)));`,
  "inline.mjs": `import * as scopeflow from "scopeflow/wasm/inline";
    import { report } from "./work.mjs";
    report("inline", scopeflow, scopeflow.init());`,
  "inline-esbuild.mjs": `import * as scopeflow from "scopeflow/wasm/inline";
    import { report } from "./work.mjs";
    report("esbuild, inline", scopeflow, scopeflow.init());`,
  "inline-vite.mjs": `import * as scopeflow from "scopeflow/wasm/inline";
    import { report } from "./work.mjs";
    report("vite, inline", scopeflow, scopeflow.init());`,
  // What an edge platform gives for \`import\` of the file: a compiled module.
  "edge.mjs": `import * as scopeflow from "scopeflow/wasm";
    import { report } from "./work.mjs";
    globalThis.start = (module) => report("edge", scopeflow, scopeflow.init(module));
    globalThis.startSync = (module) => scopeflow.initSync(module);`,
  "native.mjs": `import * as scopeflow from "scopeflow";
    import { report } from "./work.mjs";
    report("native", scopeflow);`,
};

const skip = process.env.SCOPEFLOW_HAS_WASM !== "1" && "there is no WebAssembly build";
const tools = skip ? {} : await fetchTools("bundlers", TOOLS);

describe("bundles", { skip: skip || (tools.folder === undefined && tools.reason) }, () => {
  let project;
  let expected;
  const at = (...names) => join(project.folder, ...names);
  const tool = (name) => {
    const path = createRequire(join(tools.folder, "package.json")).resolve(name);
    return import(pathToFileURL(path));
  };

  before(async () => {
    project = await makeProject();
    copyFileSync(join(here, "work.mjs"), at("work.mjs"));
    for (const [name, text] of Object.entries(SOURCES)) writeFileSync(at(name), text);
    const told = await runBundle("native.mjs");
    assert.equal(told.core.kind, "native");
    expected = told.lines;
  });
  after(() => project?.remove());

  /** Runs a bundle in Node. @returns What it tells. */
  async function runBundle(...path) {
    return JSON.parse(await runOrFail(process.execPath, [at(...path)], { cwd: project.folder }));
  }

  function check(told) {
    assert.equal(told.error, undefined);
    assert.equal(told.core.kind, "wasm");
    assert.deepEqual(told.lines, expected);
  }

  async function bundleWithEsbuild(entry, outfile, options) {
    const { build } = await tool("esbuild");
    const { warnings } = await build({
      absWorkingDir: project.folder,
      entryPoints: [entry],
      outfile: at(outfile),
      bundle: true,
      minify: true,
      logLevel: "silent",
      ...options,
    });
    assert.deepEqual(warnings, []);
  }

  async function bundleWithVite(entry, outDir) {
    const { build } = await import(
      pathToFileURL(join(tools.folder, "node_modules/vite/dist/node/index.js"))
    );
    await build({
      root: project.folder,
      configFile: false,
      logLevel: "error",
      base: `/${outDir}/`,
      build: {
        outDir: at(outDir),
        emptyOutDir: true,
        modulePreload: false,
        rollupOptions: { input: at(entry), output: { entryFileNames: "main.js" } },
      },
    });
  }

  async function bundleWithWebpack(entry, folder, options) {
    const { default: webpack } = await tool("webpack");
    const stats = await new Promise((resolve, reject) => {
      webpack(
        {
          context: project.folder,
          mode: "production",
          entry: at(entry),
          output: { path: at(folder), filename: "main.js" },
          performance: false,
          ...options,
        },
        (error, stats) => (error ? reject(error) : resolve(stats)),
      );
    });
    assert.equal(stats.toString({ all: false, errors: true, warnings: true }), "");
  }

  for (const [format, extension] of [["esm", "mjs"], ["cjs", "cjs"], ["iife", "js"]]) {
    test(`of esbuild run in Node, as ${format}`, async () => {
      const file = `esbuild-node/main.${extension}`;
      await bundleWithEsbuild("inline.mjs", file, { format, platform: "node" });
      check(await runBundle(file));
    });
  }

  test("of esbuild for Node find the cores that are installed", async () => {
    const options = { format: "cjs", platform: "node" };
    await bundleWithEsbuild("native.mjs", "esbuild-native/main.cjs", options);
    const told = await runBundle("esbuild-native/main.cjs");
    assert.deepEqual([told.core.kind, told.lines], ["native", expected]);
  });

  test("of webpack run in Node", async () => {
    await bundleWithWebpack("inline.mjs", "webpack-node", { target: "node" });
    check(await runBundle("webpack-node/main.js"));
  });

  test("of Rollup run in Node", async () => {
    const { rollup } = await tool("rollup");
    const { nodeResolve } = await tool("@rollup/plugin-node-resolve");
    const problems = [];
    const bundle = await rollup({
      input: at("inline.mjs"),
      plugins: [nodeResolve({ browser: true })],
      onwarn: (warning) => problems.push(warning.message),
    });
    await bundle.write({ file: at("rollup/main.mjs"), format: "es" });
    await bundle.close();
    assert.deepEqual(problems, []);
    check(await runBundle("rollup/main.mjs"));
  });

  const skipBrowser = !process.env.SCOPEFLOW_BROWSER && "no chromium was found";
  test("run in Chromium under a strict policy", { skip: skipBrowser }, async () => {
    const file = { format: "esm", loader: { ".wasm": "file" }, publicPath: "/esbuild-file" };
    await bundleWithEsbuild("esbuild-file.mjs", "esbuild-file/main.js", file);
    await bundleWithEsbuild("inline-esbuild.mjs", "esbuild-inline/main.js", { format: "iife" });
    await bundleWithVite("vite-file.mjs", "vite-file");
    await bundleWithVite("inline-vite.mjs", "vite-inline");
    await bundleWithWebpack("webpack-file.mjs", "webpack-file", { output: {
      path: at("webpack-file"), filename: "main.js", publicPath: "/webpack-file/",
    } }); // prettier-ignore
    const folders = ["esbuild-file", "esbuild-inline", "vite-file", "vite-inline", "webpack-file"];
    const scripts = folders.map((name) => `<script type="module" src="/${name}/main.js"></script>`);
    const page = `<!doctype html><meta charset="utf-8"><title>bundles</title>${scripts.join("")}`;
    const read = (url) => {
      if (url === "/index.html") return page;
      try {
        return readFileSync(at(normalize(url)));
      } catch {
        return undefined;
      }
    };
    const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'";
    const headers = { "content-security-policy": policy };
    const reports = await browse("/index.html", read, { count: folders.length, headers });
    const names = reports.map(({ name }) => name).sort();
    assert.deepEqual(names, [
      "esbuild, a file", "esbuild, inline", "vite, a file", "vite, inline", "webpack, a file",
    ]); // prettier-ignore
    for (const told of reports) check(told);
  });

  /** A realm with what all edge platforms have, in which neither text nor bytes become code. */
  function openEdge() {
    const told = Promise.withResolvers?.() ?? withResolvers();
    const globals = {
      TextDecoder, TextEncoder, URL, Response, atob, crypto, performance, queueMicrotask,
      tell: (text) => told.resolve(JSON.parse(text)),
    }; // prettier-ignore
    const context = vm.createContext(globals, { codeGeneration: { strings: false, wasm: false } });
    return { context, told: told.promise };
  }

  function withResolvers() {
    const made = {};
    made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
    return made;
  }

  test("run without any global of Node, with a module that is compiled already", async () => {
    const options = { format: "iife", conditions: ["workerd", "worker"], platform: "neutral" };
    await bundleWithEsbuild("edge.mjs", "edge/main.js", options);
    const bytes = readFileSync(at("node_modules/scopeflow/dist/scopeflow.wasm"));
    const { context, told } = openEdge();
    vm.runInContext(readFileSync(at("edge/main.js"), "utf8"), context);
    assert.equal(vm.runInContext("typeof process + typeof require + typeof Buffer", context),
      "undefined".repeat(3)); // prettier-ignore
    assert.throws(() => vm.runInContext("eval('1')", context), /Code generation from strings/);
    assert.throws(() => context.startSync(bytes), {
      code: "invalid_state",
      message: /\d bytes cannot be compiled: .*give init a compiled module/,
    });
    context.start(new WebAssembly.Module(bytes));
    check(await told);
  });
});
