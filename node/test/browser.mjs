// The WebAssembly core in headless Chromium: replays the vectors and uses the API, in a page that
// is served on loopback and posts what came of it.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { browse } from "./chromium.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const vectors = process.env.SCOPEFLOW_VECTORS;

/** A file of the package or of the vectors; undefined for what is none. */
function read(url) {
  const path = normalize(decodeURIComponent(url.split("?")[0]));
  if (path === "/vectors/") {
    const files = readdirSync(vectors).filter((name) => /^(?!schema\.).*\.json$/.test(name));
    return JSON.stringify(files);
  }
  const isVector = path.startsWith("/vectors/");
  const file = isVector ? join(vectors, path.slice("/vectors/".length)) : join(root, path);
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

test("the wasm core in a browser", async (t) => {
  const [report] = await browse("/test/browser.html", read);
  console.log(`${report.agent}: ${report.results.length} cases`);
  assert(report.results.length > 60, "the vectors and the smoke test were run");
  for (const { name, error, skip } of report.results) {
    await t.test(name, { skip }, () => assert.equal(error, undefined));
  }
});
