// A project outside the tree with all that races in it: the peers from npm, scopeflow as it was
// packed.

import { cpSync, existsSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** nemo-relay-node does without its addon where Node is too old at the time of installation. */
const platform = [process.platform, process.arch, ...(process.platform === "linux" ? ["gnu"] : [])];

export const PEERS = {
  "nemo-relay-node": "0.9.2",
  [`nemo-relay-node-${platform.join("-")}`]: "0.9.2",
  "nemo-relay-wasm": "0.4.0",
  "nemo-flow-node": "0.2.0",
  "nemo-flow-wasm": "0.2.0",
  "@opentelemetry/api": "1.9.1",
  "@opentelemetry/context-async-hooks": "2.12.1",
  "@opentelemetry/sdk-trace-base": "2.12.1",
};

/**
 * @param packed The folder of the target scopeflow_node_packages.
 * @returns The folder with node_modules, and the newer Node that the tests run on, too.
 */
export async function install(packed) {
  if (!existsSync(packed)) throw new Error(`${packed} is missing; see benchmarks/README.md`);
  process.env.SCOPEFLOW_PACKED = packed;
  process.env.SCOPEFLOW_NPM ??= "npm";
  process.env.SCOPEFLOW_FETCHED ??= join(root, "build/fetched");
  const { fetchTools, makeProject } = await import("../../node/test/published/project.mjs");
  const { fetchNode } = await import("../../node/test/published/newer-node.mjs");
  const { node, reason: nodeMissing } = await fetchNode();
  const { folder, reason } = await fetchTools("peers", PEERS);
  const missing = nodeMissing ?? reason;
  if (missing !== undefined) throw new Error(missing);
  const project = await makeProject();
  const modules = join(folder, "node_modules");
  for (const name of ["scopeflow", "@scopeflow"]) {
    rmSync(join(modules, name), { recursive: true, force: true });
    cpSync(join(project.folder, "node_modules", name), join(modules, name), { recursive: true });
  }
  project.remove();
  // What runs looks for packages beside itself.
  const here = join(root, "benchmarks/node");
  for (const name of readdirSync(here)) cpSync(join(here, name), join(folder, name));
  return { node, folder };
}
