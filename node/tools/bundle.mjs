// Makes one file of what the package has in Node, since to find, read and run a file for each
// module takes longer than all the rest of the first import. Its entries get a face for `require`
// and one for `import` each, over the same objects.
//
//     node bundle.mjs <folder of the TypeScript> <folder of the compiled package> <folder of tools>

import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [source, dist, tools] = process.argv.slice(2);
const { build } = createRequire(join(tools, "package.json"))("esbuild");

/** The entries: a module, and the files of its two faces. */
const ENTRIES = {
  scopeflow: { module: "./index.js", required: "index.js", imported: "node.mjs" },
  testing: { module: "./testing.js", required: "testing-node.js", imported: "testing.mjs" },
};

/** @param code Of an ES module in the folder of the TypeScript. */
function bundle(code, options) {
  return build({
    stdin: { contents: code, resolveDir: source, loader: "ts" },
    bundle: true,
    platform: "node",
    target: "node20",
    tsconfig: join(source, "../tsconfig.json"),
    // Names stay as they are, for whoever reads where an error was thrown.
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 100,
    logLevel: "warning",
    ...options,
  });
}

/** @returns The names of what a module exports, as a list in braces. */
async function membersOf(module) {
  const code = `export * from "${module}";`;
  const { metafile } = await bundle(code, { format: "esm", write: false, metafile: true });
  const [{ exports }] = Object.values(metafile.outputs);
  return `{ ${exports.sort().join(", ")} }`;
}

/** Where Node looks for names to import: it finds none, nor the way to the bundle. */
const faceForRequire = (name) => `"use strict";
const { ${name} } = require("./node.js");
const face = Object.defineProperty({ ...${name} }, "__esModule", { value: true });
module.exports = face;
`;
const faceForImport = (members, required) => `import face from "./cjs/${required}";
export const ${members} = face;
`;

let code = `export * from "./inside.js";\n`;
for (const [name, { module, required, imported }] of Object.entries(ENTRIES)) {
  const members = await membersOf(module);
  // As one object: members of a namespace would be read by a function each.
  code += `import ${members} from "${module}";\nexport const ${name} = ${members};\n`;
  writeFileSync(join(dist, "cjs", required), faceForRequire(name));
  writeFileSync(join(dist, imported), faceForImport(members, required));
}
await bundle(code, { format: "cjs", outfile: join(dist, "cjs/node.js") });
