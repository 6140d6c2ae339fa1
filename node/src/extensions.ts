import { join } from "node:path";
import { installedEngine } from "./installed.js";
import { functionsHandle, type NativeHandle } from "./native-handle.js";

/*
 * What an addon in C needs to bring middleware into this process (ADR 0020). It is built with the
 * headers in `getInclude()` and not linked to scopeflow:
 *
 *     cc -fPIC -shared -I "$(node -p 'require("scopeflow").extensions.getInclude()')" …
 *
 * and is handed `functions()`, and a `runtime.nativeHandle` or `scope.nativeHandle` to register on.
 */

/**
 * The folder to give to a C compiler's `-I`; in it are `scopeflow/scopeflow.h` and
 * `scopeflow/node.h`.
 */
export function getInclude(): string {
  return join(__dirname, "../../include");
}

/**
 * The table of functions that an addon calls; `scopeflow_node_functions` of `scopeflow/node.h`
 * opens it.
 *
 * @throws InvalidState with the WebAssembly core, into which nobody loads an addon.
 */
export function functions(): NativeHandle<"functions"> {
  return functionsHandle(installedEngine());
}

export type { NativeHandle } from "./native-handle.js";
