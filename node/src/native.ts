import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { Core } from "./core.gen.js";
import { checkCore } from "./core-info.js";
import { errorMessage } from "./error.js";
import type { Host } from "./host.js";

interface Addon {
  load(host: Host): Core;
}

/** What came of looking for a native core. */
export interface NativeResult {
  core?: Core;
  /** Why there is none. */
  reason?: string;
  /** Whether there is an addon, which cannot be used. */
  isBroken: boolean;
}

// Not the `require` that bundlers replace: what is found here is never in a bundle.
const requireHere = createRequire(__filename);

/** The names of this platform's packages; npm installs the one that fits the C library. */
function platformPackages(): string[] {
  const name = `@scopeflow/core-${process.platform}-${process.arch}`;
  return process.platform === "linux" ? [`${name}-gnu`, `${name}-musl`] : [name];
}

/** Loads the addon that was built into this package, else that of the platform's package. */
export function loadNative(host: Host): NativeResult {
  const failures: string[] = [];
  for (const name of [join(__dirname, "../scopeflow.node"), ...platformPackages()]) {
    let path: string;
    try {
      path = requireHere.resolve(name);
    } catch {
      continue;
    }
    try {
      const addon = requireHere(path) as Addon;
      return { core: checkCore(addon.load(host), path), isBroken: false };
    } catch (error) {
      failures.push(errorMessage(error));
    }
  }
  if (failures.length > 0) return { reason: failures.join("; "), isBroken: true };
  const reason =
    `no native core for ${process.platform}-${process.arch} is installed ` +
    `(${platformPackages().join(" or ")}, an optional dependency of scopeflow)`;
  return { reason, isBroken: false };
}

/** The WebAssembly build that the package carries. */
export interface WasmFile {
  readonly path: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** @throws Error with the path that cannot be read. */
export function readWasm(): WasmFile {
  const path = join(__dirname, "../scopeflow.wasm");
  return { path, bytes: readFileSync(path) };
}
