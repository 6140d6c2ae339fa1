import { SynchronousContext } from "./context.js";
import { Engine } from "./engine.js";
import { installEngine, isInstalled } from "./installed.js";
import { WasmCore } from "./wasm.gen.js";

/*
 * The package in browsers and other hosts without Node's modules. The core is the WebAssembly build
 * (the subpath `scopeflow/scopeflow.wasm`); there is no file exporter, and the current scope holds
 * for the synchronous part of a function only (see SynchronousContext).
 */

/**
 * Makes the package ready; everything else needs this to have ended. Further calls do nothing.
 *
 * @param source Where the WebAssembly build is: its address, its bytes, or a compiled module.
 */
export async function init(
  source: string | URL | BufferSource | WebAssembly.Module,
): Promise<void> {
  if (isInstalled()) return;
  const module = await compile(source);
  if (isInstalled()) return;
  installEngine(new Engine((host) => WasmCore.load(module, host), new SynchronousContext()));
}

async function compile(
  source: string | URL | BufferSource | WebAssembly.Module,
): Promise<WebAssembly.Module> {
  if (source instanceof WebAssembly.Module) return source;
  if (typeof source !== "string" && !(source instanceof URL)) return WebAssembly.compile(source);
  const response = await fetch(source);
  if (!response.ok) throw new Error(`scopeflow: ${source} answered ${response.status}`);
  return WebAssembly.compile(await response.arrayBuffer());
}

/** Which core runs. */
export const core = "wasm";

export * from "./api.js";
