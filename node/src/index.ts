import { AsyncContext } from "./context-node.js";
import type { Core } from "./core.gen.js";
import { Engine } from "./engine.js";
import type { Host } from "./host.js";
import { installEngine, installedEngine } from "./installed.js";
import { findAddon, readWasm } from "./native.js";
import { WasmCore } from "./wasm.gen.js";

/*
 * The package in Node: the native core where there is one for the platform, else the WebAssembly
 * build, which does the same. SCOPEFLOW_CORE=native or wasm picks one, for tests and diagnosis.
 */

function load(host: Host): Core {
  const wanted = process.env["SCOPEFLOW_CORE"] ?? "";
  if (wanted !== "wasm") {
    const native = loadNative(host, wanted === "native");
    if (native !== undefined) return native;
  }
  return WasmCore.load(new WebAssembly.Module(readWasm()), host);
}

function loadNative(host: Host, isRequired: boolean): Core | undefined {
  try {
    const addon = findAddon();
    if (addon !== undefined) return addon.load(host);
    if (isRequired) throw new Error("no addon for this platform is installed");
  } catch (error) {
    if (isRequired) throw error;
    process.emitWarning(`scopeflow: using WebAssembly, for the addon cannot be loaded: ${error}`);
  }
  return undefined;
}

installEngine(new Engine(load, new AsyncContext()));

/** Which core runs: "native" or "wasm". */
export const core: "native" | "wasm" = installedEngine().core.kind;

export * from "./api.js";
export * as extensions from "./extensions.js";
export { AtofExporter, type AtofExporterConfig } from "./atof.js";
