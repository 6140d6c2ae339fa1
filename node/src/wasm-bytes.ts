/** The WebAssembly module as base64. The build puts the text in place (node/tools/fill.mjs). */
export const WASM_BASE64: string = "@SCOPEFLOW_WASM_BASE64@";
