import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Core } from "./core.gen.js";
import type { Host } from "./host.js";

export interface Addon {
  load(host: Host): Core;
}

/** The names of this platform's packages; npm installs the one that fits the C library. */
function platformPackages(): string[] {
  const name = `@scopeflow/${process.platform}-${process.arch}`;
  return process.platform === "linux" ? [`${name}-gnu`, `${name}-musl`] : [name];
}

/**
 * Loads the addon: the one that was built into this package, else that of the platform's package.
 *
 * @returns Undefined where there is none.
 * @throws Error if there is one that cannot be loaded.
 */
export function findAddon(): Addon | undefined {
  for (const name of [join(__dirname, "../scopeflow.node"), ...platformPackages()]) {
    let path: string;
    try {
      path = require.resolve(name);
    } catch {
      continue;
    }
    return require(path) as Addon;
  }
  return undefined;
}

/** The WebAssembly build that the package carries. */
export function readWasm(): Uint8Array<ArrayBuffer> {
  return readFileSync(join(__dirname, "../scopeflow.wasm"));
}
