// Runs test files on a newer Node than the one that runs this.
//
//     node newer.mjs <test file> …

import { spawnSync } from "node:child_process";
import { fetchNode } from "./newer-node.mjs";

const SKIPPED = 77;

const { node, reason } = await fetchNode();
if (node === undefined) {
  console.log(`left out: ${reason}`);
  process.exit(SKIPPED);
}
const given = ["--test", "--test-reporter=dot", ...process.argv.slice(2)];
const { status, signal } = spawnSync(node, given, { stdio: "inherit" });
if (signal !== null) console.log(`ended by ${signal}`);
process.exit(status ?? 1);
