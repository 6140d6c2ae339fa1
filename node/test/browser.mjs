// The WebAssembly core in headless Chromium: replays the vectors and uses the API, in a page that
// is served on loopback and posts what came of it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const vectors = process.env.SCOPEFLOW_VECTORS;
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".wasm": "application/wasm",
};
// Nothing that would look for hosts elsewhere.
const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--disable-dev-shm-usage",
]; // prettier-ignore
const PATIENCE_MS = 120_000;

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

/** Serves until the page has posted its report; gives that. */
function serve(browse) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("the page did not report")), PATIENCE_MS);
    const server = createServer(async (request, response) => {
      if (request.method === "POST") {
        let body = "";
        for await (const part of request) body += part;
        response.end();
        clearTimeout(timer);
        server.close();
        resolve(JSON.parse(body));
        return;
      }
      const content = read(request.url);
      const type = TYPES[extname(request.url.split("?")[0])] ?? "application/json";
      response.writeHead(content === undefined ? 404 : 200, { "content-type": type });
      response.end(content);
    });
    server.listen(0, "127.0.0.1", () => browse(server.address().port));
  });
}

/** Ends the browser with all its processes, which go on writing into the profile for a while. */
async function stop(browser, profile) {
  const ended = new Promise((resolve) => browser.on("exit", resolve));
  process.kill(-browser.pid, "SIGKILL");
  await ended;
  await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

test("the wasm core in a browser", async (t) => {
  const profile = mkdtempSync(join(tmpdir(), "scopeflow-"));
  let browser;
  const report = await serve((port) => {
    const page = `http://127.0.0.1:${port}/test/browser.html`;
    const program = process.env.SCOPEFLOW_BROWSER || "chromium";
    browser = spawn(program, [...FLAGS, `--user-data-dir=${profile}`, page], {
      stdio: "ignore",
      detached: true, // A process group of its own, so that all of it can be ended.
    });
  }).finally(() => stop(browser, profile));

  console.log(`${report.agent}: ${report.results.length} cases`);
  assert(report.results.length > 60, "the vectors and the smoke test were run");
  for (const { name, error, skip } of report.results) {
    await t.test(name, { skip }, () => assert.equal(error, undefined));
  }
});
