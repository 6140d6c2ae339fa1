// Gives the newer Node that the tests run on, too.

import { join } from "node:path";
import { fetchTools } from "./project.mjs";

export const NEWER = "24.9.0";

/** @returns The program, or why it cannot be had. */
export async function fetchNode() {
  const name = `node-${process.platform}-${process.arch}`;
  const { folder, reason } = await fetchTools("newer-node", { [name]: NEWER });
  if (folder === undefined) return { reason };
  return { node: join(folder, "node_modules", name, "bin/node") };
}
