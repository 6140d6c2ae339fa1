// `scopeflow/wasm` in a process of its own: from where it takes the module, and which it refuses.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import { core, event, init, initSync } from "scopeflow/wasm";
import { InvalidArgument, InvalidState, Runtime } from "scopeflow/wasm";

const bytes = readFileSync(new URL("../dist/scopeflow.wasm", import.meta.url));
const EMPTY_MODULE = Uint8Array.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

/** A module that imports the function `module`.`name` and has nothing else. */
function importing(module, name) {
  const text = (value) => [value.length, ...Buffer.from(value)];
  const section = (id, content) => [id, content.length, ...content];
  const type = section(1, [1, 0x60, 0, 0]);
  return Uint8Array.from([
    ...EMPTY_MODULE,
    ...type,
    ...section(2, [1, ...text(module), ...text(name), 0, 0]),
  ]);
}

/** The module with a hash that another build has. */
function otherBuild() {
  const text = bytes.toString("latin1");
  assert.equal(text.split(core.buildHash).length, 2);
  return Buffer.from(text.replace(core.buildHash, "0".repeat(16)), "latin1");
}

function refused(message, Type = InvalidState) {
  return (error) => {
    assert(error instanceof Type, String(error));
    assert.match(error.message, message);
    return true;
  };
}

describe("before a module was given", () => {
  test("nothing works, and the error says what to do", () => {
    assert.throws(() => event("m"), refused(/await init\(\) first/));
    assert.throws(() => new Runtime(), refused(/await init\(\) first/));
  });

  const damaged = {
    "cut off": [bytes.subarray(0, 50_000), /^scopeflow: 50000 bytes cannot be compiled: .*damaged/],
    "of random bytes": [Buffer.from("random bytes"), /is no WebAssembly module: it begins with "r/],
    "a page of HTML": [Buffer.from("<!doctype html>\n<p>"), /begins with "<!doctype html>/],
    empty: [new Uint8Array(0), /^scopeflow: 0 bytes is no WebAssembly module: it begins with ""/],
    "of another build": [otherBuild(), /the build 0{16}, this package of the build [0-9a-f]{16};/],
    "without the exports": [EMPTY_MODULE, /8 bytes does not export memory; it is no WebAssembly/],
    "with other imports": [importing("host", "sleep"), /asks for the function host\.sleep, which/],
    "with others' imports": [importing("env", "release"), /asks for the function env\.release, /],
  };
  for (const [what, [given, message]] of Object.entries(damaged)) {
    test(`a module that is ${what} is refused`, async () => {
      await assert.rejects(init(given), refused(message));
      assert.throws(() => initSync(given), refused(message));
    });
  }

  test("what cannot be compiled has the engine's own error as its cause", async () => {
    await assert.rejects(init(bytes.subarray(0, 999)), ({ cause }) => {
      assert(cause instanceof WebAssembly.CompileError);
      return true;
    });
  });

  test("a compiled module of somebody else's is refused, too", async () => {
    const module = new WebAssembly.Module(EMPTY_MODULE);
    const message = /^scopeflow: the given WebAssembly\.Module does not export memory/;
    await assert.rejects(init(module), refused(message));
    assert.throws(() => initSync(module), refused(message));
  });

  test("wherever it is cut off it is refused", () => {
    for (let size = 0; size < bytes.length; size += 4999) {
      assert.throws(() => initSync(bytes.subarray(0, size)), refused(/^scopeflow: \d+ bytes /));
    }
  });

  test("an argument of another type is named", async () => {
    for (const [given, type] of [[undefined, "Undefined"], [1, "Number"], [{}, "Object"]]) {
      const message = RegExp(`^source must be its address, a Response, the bytes .*, not ${type}$`);
      await assert.rejects(init(given), refused(message, InvalidArgument));
      await assert.rejects(init(Promise.resolve(given)), refused(message, InvalidArgument));
    }
    assert.throws(() => initSync("x"), refused(/^source must be the bytes or/, InvalidArgument));
  });
});

describe("a module from a server", () => {
  let server;
  let address;
  const answers = {
    "/scopeflow.wasm": (response) => response.end(bytes),
    "/page": (response) => response.end("<!doctype html>"),
    "/broken": (response) => {
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, 1000), () => response.destroy());
    },
  };
  before(async () => {
    server = createServer((request, response) => {
      if (request.url in answers) return answers[request.url](response);
      response.writeHead(404).end();
    });
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    address = `http://127.0.0.1:${server.address().port}`;
  });
  after(() => server.close());

  test("that does not come is refused with its address", async () => {
    await assert.rejects(init(`${address}/none`), refused(/\/none answered 404 Not Found$/));
    const page = `${address}/page`;
    await assert.rejects(init(new URL(page)), refused(/\/page \(15 bytes\) is no WebAssembly/));
    await assert.rejects(init(fetch(page)), refused(/\/page \(15 bytes\) is no WebAssembly/));
    await assert.rejects(init(`${address}/broken`), refused(/\/broken broke off: /));
    await assert.rejects(init("http://127.0.0.1:1/x"), refused(/:1\/x cannot be fetched: /));
    await assert.rejects(init(Promise.reject(new TypeError("mine"))), { message: "mine" });
  });

  test("works after all that has failed, once for all who ask", async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    await Promise.all([
      init(fetch(`${address}/scopeflow.wasm`)),
      init(`${address}/scopeflow.wasm`),
      init(new Uint8Array(bytes).buffer),
      init(new DataView(new Uint8Array(bytes).buffer)),
      init(shared),
    ]);
    event("m");
    await init("nowhere");
    initSync(EMPTY_MODULE);
    event("m");
    assert.equal(core.kind, "wasm");
  });
});
