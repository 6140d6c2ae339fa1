// A project outside the tree, which has scopeflow from a registry, and the tools that the tests of
// what is published need.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRegistry } from "./registry.mjs";

const { SCOPEFLOW_NPM: npm, SCOPEFLOW_PACKED: packed, SCOPEFLOW_FETCHED: fetched } = process.env;

/** Runs a program. @returns What it wrote, and its code or the signal that ended it. */
export function run(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const { SCOPEFLOW_CORE, NODE_OPTIONS, NODE_TEST_CONTEXT, ...env } = process.env;
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      ...options,
      env: { ...env, ...options.env },
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (text) => (stdout += text));
    child.stderr.on("data", (text) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ end: signal ?? code, stdout, stderr }));
  });
}

/** Runs a program that has to succeed. @returns What it wrote. */
export async function runOrFail(program, args, options) {
  const { end, stdout, stderr } = await run(program, args, options);
  if (end !== 0) throw new Error(`${program} ${args.join(" ")}: ${end}\n${stdout}${stderr}`);
  return stdout;
}

const QUIET = ["--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"];

/**
 * Installs scopeflow into a new folder.
 *
 * @param options More for `npm install`.
 * @returns Its path, the manifests of what is in the registry, and how to remove it.
 */
export async function makeProject(...options) {
  const folder = mkdtempSync(join(tmpdir(), "scopeflow-"));
  writeFileSync(join(folder, "package.json"), '{ "name": "outside", "private": true }\n');
  const registry = await openRegistry(packed);
  try {
    const place = ["--registry", registry.address, "--cache", join(folder, ".cache")];
    await runOrFail(npm, ["install", "scopeflow", ...place, ...QUIET, ...options], { cwd: folder });
  } finally {
    registry.close();
  }
  const remove = () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  return { folder, manifests: registry.manifests, remove };
}

/**
 * Fetches packages from npm, once.
 *
 * @param packages Names to exact versions.
 * @returns The folder with node_modules, or why they cannot be had.
 */
export async function fetchTools(name, packages) {
  const folder = join(fetched, name);
  const wanted = Object.entries(packages).map(([tool, version]) => `${tool}@${version}`);
  const stamp = join(folder, `${wanted.join("+").replaceAll("/", "-")}.installed`);
  if (existsSync(stamp)) return { folder };
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  const options = ["--ignore-scripts", "--no-package-lock", "--fetch-retries=1", ...QUIET];
  const { end, stderr } = await run(npm, ["install", ...wanted, ...options], { cwd: folder });
  if (end !== 0) return { reason: `npm does not give ${wanted.join(", ")}: ${stderr}` };
  writeFileSync(stamp, "");
  return { folder };
}
