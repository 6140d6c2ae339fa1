/*
 * What the package's own tests see of its inside. It is in the one file that the package has in
 * Node (tools/bundle.mjs), where nobody finds it from outside.
 */

export * as enums from "./enums.gen.js";
export { installedEngine } from "./installed.js";
export { AtofReaderOperations, atofReaderNew } from "./operations.gen.js";
