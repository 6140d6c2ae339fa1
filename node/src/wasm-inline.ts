import { isInstalled } from "./installed.js";
import { init as initFrom, initSync as initSyncFrom } from "./wasm.js";
import { WASM_BASE64 } from "./wasm-bytes.js";

/*
 * `scopeflow/wasm` with the WebAssembly build inside: a third larger, and nothing is fetched. For
 * hosts that compile bytes, which some edge platforms do not.
 */

/** Makes the package ready; everything else needs this to have ended. Further calls do nothing. */
export async function init(): Promise<void> {
  if (!isInstalled()) await initFrom(bytes());
}

/** `init` without waiting. Browsers refuse that for large modules on a page's own thread. */
export function initSync(): void {
  if (!isInstalled()) initSyncFrom(bytes());
}

function bytes(): Uint8Array<ArrayBuffer> {
  const text = atob(WASM_BASE64);
  const row = new Uint8Array(text.length);
  for (let i = 0; i < row.length; i++) row[i] = text.charCodeAt(i);
  return row;
}

export * from "./wasm.js";
