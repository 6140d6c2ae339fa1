import { AsyncContext } from "./context-node.js";
import type { Core } from "./core.gen.js";
import type { CoreInfo } from "./core-info.js";
import { Engine } from "./engine.js";
import type { Host } from "./host.js";
import { InvalidArgument, InvalidState } from "./errors.gen.js";
import { installedEngine, installEngine, isInstalled } from "./installed.js";
import { loadNative, readWasm } from "./native.js";
import { nodeFiles } from "./sink-file.js";
import { bufferCoding } from "./texts-node.js";
import { useTextCoding } from "./texts.js";
import { WasmCore } from "./wasm.gen.js";
import { compileModuleSync } from "./wasm-module.js";

/*
 * The package in Node: the native core where there is one for the platform, else the WebAssembly
 * build, which does the same. SCOPEFLOW_CORE=native or wasm picks one, for tests and diagnosis.
 */

let reason: string | undefined;

function load(host: Host): Core {
  const wanted = process.env["SCOPEFLOW_CORE"] ?? "";
  if (!["", "native", "wasm"].includes(wanted)) {
    throw new InvalidArgument(`SCOPEFLOW_CORE must be "native" or "wasm", not "${wanted}"`);
  }
  if (wanted === "wasm") reason = "SCOPEFLOW_CORE asks for it";
  else {
    const native = loadNative(host);
    if (native.core !== undefined) return native.core;
    reason = native.reason;
    if (wanted === "native") {
      throw new InvalidState(`scopeflow: SCOPEFLOW_CORE asks for the native core: ${reason}`);
    }
    // A platform without an addon is nothing to warn of; one whose addon does not load is.
    if (native.isBroken) process.emitWarning(`scopeflow: using WebAssembly: ${reason}`);
  }
  const { bytes, path } = readWasm();
  const { module, where } = compileModuleSync(bytes, path);
  return WasmCore.load(module, host, where);
}

// A test runner that loads what is linked by itself may run this file twice over the same modules.
if (!isInstalled()) {
  useTextCoding(bufferCoding);
  const made = new Engine(load, new AsyncContext(), nodeFiles);
  made.fallbackReason = reason;
  installEngine(made);
}
const engine = installedEngine();

/** Which core runs, and why not the native one. */
export const core: CoreInfo = Object.freeze({
  kind: engine.core.kind,
  version: engine.core.version(),
  buildHash: engine.core.buildHash(),
  ...(engine.fallbackReason === undefined ? {} : { reason: engine.fallbackReason }),
});

/**
 * Does nothing: in Node the package is ready once it is loaded. It is here for programs that run in
 * browsers, too, and takes what `init` of `scopeflow/wasm` takes.
 */
export async function init(source?: unknown): Promise<void> {
  // That it cannot be fetched does not matter.
  await Promise.resolve(source).catch(() => {});
}

/** As `init`. */
export function initSync(_source?: unknown): void {}

export type { CoreInfo } from "./core-info.js";
export * from "./api.js";
/** What an addon in C is built with, and handed, to bring middleware into this process. */
export * as extensions from "./extensions.js";
