// Puts into the compiled package what only the build knows: the hash of the core, the WebAssembly
// module as text, and of which kind the modules of a folder are.
//
//     node fill.mjs <folder of the compiled package> <header with the hash> [<module>]

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const [dist, header, module] = process.argv.slice(2);

function fill(paths, place, content) {
  for (const name of paths) {
    const path = join(dist, name);
    const text = readFileSync(path, "utf8");
    if (!text.includes(place)) throw new Error(`${path} has no ${place}`);
    writeFileSync(path, text.replace(place, content));
  }
}

const [, hash] = /"([0-9a-f]{16})"/.exec(readFileSync(header, "utf8"));
fill(["cjs/build.js", "cjs/node.js", "esm/build.js"], "@SCOPEFLOW_BUILD_HASH@", hash);
const text = module === undefined ? "" : readFileSync(module).toString("base64");
fill(["cjs/wasm-bytes.js", "esm/wasm-bytes.js"], "@SCOPEFLOW_WASM_BASE64@", text);
for (const [form, type] of [["cjs", "commonjs"], ["esm", "module"]]) {
  writeFileSync(join(dist, form, "package.json"), `{ "type": "${type}" }\n`);
}
