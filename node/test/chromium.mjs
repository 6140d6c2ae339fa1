// Headless Chromium and a server on loopback for it: pages post what came of them.

import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";

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

/** Serves until the page has posted its reports; gives them in the order of arrival. */
function serve(read, { count, headers }, start) {
  return new Promise((resolve, reject) => {
    const reports = [];
    const server = createServer(async (request, response) => {
      if (request.method === "POST") {
        let body = "";
        request.setEncoding("utf8");
        for await (const part of request) body += part;
        response.end();
        reports.push(JSON.parse(body));
        if (reports.length === count) end(resolve, reports);
        return;
      }
      const content = read(request.url);
      const type = TYPES[extname(request.url.split("?")[0])] ?? "application/json";
      const status = content === undefined ? 404 : 200;
      response.writeHead(status, { "content-type": type, ...headers });
      response.end(content);
    });
    const end = (settle, value) => {
      clearTimeout(timer);
      server.close();
      settle(value);
    };
    const late = () =>
      end(reject, new Error(`${reports.length} of ${count} reports: ${JSON.stringify(reports)}`));
    const timer = setTimeout(late, PATIENCE_MS);
    server.listen(0, "127.0.0.1", () => start(server.address().port));
  });
}

/** Ends the browser with all its processes, which go on writing into the profile for a while. */
async function stop(browser, profile) {
  const ended = new Promise((resolve) => browser.on("exit", resolve));
  process.kill(-browser.pid, "SIGKILL");
  await ended;
  await rm(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}

/**
 * Shows a page in the browser.
 *
 * @param page Its path on the server.
 * @param read Gives what is at a path, undefined for nothing.
 * @param count How many reports the page posts.
 * @param headers Of every answer.
 * @returns The reports.
 */
export async function browse(page, read, { count = 1, headers = {} } = {}) {
  const profile = mkdtempSync(join(tmpdir(), "scopeflow-"));
  let browser;
  return serve(read, { count, headers }, (port) => {
    const program = process.env.SCOPEFLOW_BROWSER || "chromium";
    const address = `http://127.0.0.1:${port}${page}`;
    browser = spawn(program, [...FLAGS, `--user-data-dir=${profile}`, address], {
      stdio: "ignore",
      detached: true, // A process group of its own, so that all of it can be ended.
    });
  }).finally(() => stop(browser, profile));
}
