/**
 * What this package's cores are made of, as 16 hexadecimal digits; addon and WebAssembly module say
 * the same of themselves. The build puts the number in place (node/tools/fill.mjs).
 */
export const BUILD_HASH: string = "@SCOPEFLOW_BUILD_HASH@";
