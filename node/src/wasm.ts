import { BUILD_HASH } from "./build.js";
import { SynchronousContext } from "./context.js";
import type { CoreInfo } from "./core-info.js";
import { Engine } from "./engine.js";
import { VERSION } from "./enums.gen.js";
import { installEngine, isInstalled } from "./installed.js";
import { WasmCore } from "./wasm.gen.js";
import {
  compileModule,
  compileModuleSync,
  type NamedModule,
  type WasmContent,
  type WasmSource,
} from "./wasm-module.js";

/*
 * The package for browsers, edge workers and other hosts without Node's modules. The core is the
 * WebAssembly build (the subpath `scopeflow/scopeflow.wasm`), and the current scope holds for the
 * synchronous part of a function only (see SynchronousContext).
 */

/**
 * Makes the package ready; everything else needs this to have ended. Further calls do nothing, one
 * after a failure tries again.
 *
 * @param source Where the WebAssembly build is: its address, what `fetch` gives for that, its
 *   bytes, a compiled module, or a promise of one of these.
 * @throws InvalidArgument if `source` is none of that.
 * @throws InvalidState if it cannot be fetched, is no WebAssembly module, or of another build.
 */
export async function init(source: WasmSource | PromiseLike<WasmSource>): Promise<void> {
  if (isInstalled()) return;
  const compiled = await compileModule(await source);
  if (!isInstalled()) install(compiled);
}

/**
 * `init` without waiting, for hosts that have the compiled module at hand or may compile at once:
 * edge workers, worker threads, servers.
 *
 * @throws As `init` does.
 */
export function initSync(source: WasmContent): void {
  if (!isInstalled()) install(compileModuleSync(source));
}

function install({ module, where }: NamedModule): void {
  installEngine(new Engine((host) => WasmCore.load(module, host, where), new SynchronousContext()));
}

/** Which core runs: any other than of this build is refused. */
export const core: CoreInfo = Object.freeze({
  kind: "wasm",
  version: VERSION,
  buildHash: BUILD_HASH,
});

export type { CoreInfo } from "./core-info.js";
export type { WasmContent, WasmSource } from "./wasm-module.js";
export * from "./api.js";
/** What an addon in C needs, which only the native core in Node can load: here all of it throws. */
export * as extensions from "./extensions-none.js";
