// What the published types declare, is documented where editors show it.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, sep } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));
const ENTRIES = [
  "cjs/index.d.ts",
  "esm/wasm.d.ts",
  "esm/wasm-inline.d.ts",
  "cjs/testing-node.d.ts",
  "esm/testing.d.ts",
];
/** Members that say by their names alone what they do. */
const WELL_KNOWN = /^__(constructor|@iterator@\d+|@asyncIterator@\d+)$|^free$/;

const compiler = process.env.SCOPEFLOW_TYPESCRIPT;
assert(compiler, "SCOPEFLOW_TYPESCRIPT names the compiler");
const api = (path) => import(pathToFileURL(join(dirname(compiler), "../dist", path)));
const { API, SymbolFlags } = await api("api/sync/api.js");
const { SyntaxKind } = await api("ast/index.js");

let folder;
before(() => {
  folder = mkdtempSync(join(tmpdir(), "scopeflow-"));
});
after(() => rmSync(folder, { recursive: true }));

/** Opens declaration files in the compiler, and closes it again. */
function compiled(files, use) {
  const configuration = join(folder, "tsconfig.json");
  const compilerOptions = {
    ...{ module: "nodenext", target: "es2022", types: [], strict: true, noEmit: true },
    lib: ["es2022", "esnext.disposable", "dom"],
  };
  writeFileSync(configuration, JSON.stringify({ compilerOptions, files }));
  const compiler = new API({ cwd: folder });
  try {
    const snapshot = compiler.updateSnapshot({ openProject: configuration });
    return use(snapshot.getProjects()[0]);
  } finally {
    compiler.close();
  }
}

/** The exports of files, and all that users may call on them, that have no description. */
function undocumented(files, isOurs) {
  return compiled(files, ({ checker, program }) => {
    const seen = new Set();
    const found = [];
    let count = 0;
    const look = (given, title) => {
      const isAlias = (given.flags & SymbolFlags.Alias) !== 0;
      const symbol = isAlias ? checker.getAliasedSymbol(given) : given;
      const declarations = symbol.declarations.filter(({ path }) => isOurs(path));
      const key = declarations.map(({ path, index }) => `${path} ${index}`).join();
      if (declarations.length === 0 || seen.has(key)) return;
      seen.add(key);
      if (declarations.some(isHidden)) return;
      count += 1;
      // No editor shows what stands at the export of a whole module.
      const isModule = (symbol.flags & SymbolFlags.ValueModule) !== 0;
      if (!isModule && checker.getDocumentationCommentOfSymbol(symbol) === "") found.push(title);
      for (const member of membersOf(checker, symbol)) {
        if (!WELL_KNOWN.test(member.name)) look(member, `${title}.${member.name}`);
      }
    };
    for (const file of files) {
      const module = checker.getSymbolAtLocation(program.getSourceFile(file));
      for (const exported of checker.getExportsOfModule(module)) look(exported, exported.name);
    }
    return { found, count };
  });
}

/** Those of base classes among them, which need not be exported. */
function membersOf(checker, symbol) {
  const members = [...symbol.getMembers().values(), ...symbol.getExports().values()];
  if (symbol.flags & (SymbolFlags.Class | SymbolFlags.Interface))
    members.push(...checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(symbol)));
  const isParameter = ({ flags }) => (flags & SymbolFlags.TypeParameter) !== 0;
  return members.filter((member) => member.name !== "prototype" && !isParameter(member));
}

function isHidden(declaration) {
  const hidden = [SyntaxKind.PrivateKeyword, SyntaxKind.ProtectedKeyword];
  const { modifiers = [], name } = declaration.resolve();
  if (name?.kind === SyntaxKind.PrivateIdentifier) return true;
  return modifiers.some(({ kind }) => hidden.includes(kind));
}

test("every export, and every member of one, is documented", () => {
  const isOurs = (path) => path.includes(`${sep}dist${sep}`) && !path.includes("node_modules");
  const files = ENTRIES.map((name) => join(dist, name));
  const { found, count } = undocumented(files, isOurs);
  assert.deepEqual(found, []);
  assert(count > 1000, `only ${count} were found`);
});

test("what has no description is found, in base classes too", () => {
  const file = join(folder, "declared.d.ts");
  writeFileSync(
    file,
    `declare abstract class Base { #own; inherited(): void; private hidden; protected also: 1; }
    /** A class. */
    export declare class Documented extends Base {
      own: string;
      /** Said. */
      said: string;
    }
    export declare function bare(): void;
    /** Said. */
    export declare enum Kind {
      Bare = 0,
      /** Said. */
      Said = 1,
    }
    export {};`,
  );
  const { found } = undocumented([file], (path) => path.includes("declared.d.ts"));
  const wanted = ["Documented.own", "Documented.inherited", "bare", "Kind.Bare"];
  assert.deepEqual(found, wanted);
});
