// The first program of the README is run as it stands there.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("the program of the README does what it says", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const [, program] = /```js\n(.*?)```/s.exec(readme);
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module"], {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    input: program,
    encoding: "utf8",
  });
  assert.deepEqual([status, stderr], [0, ""]);
  assert.deepEqual(stdout.trimEnd().split("\n"), [
    "start agent null",
    "start search { q: 'scope' }",
    "end search [ 'scope' ]",
    "[ 'scope' ]",
    "undefined delete {",
    "  rejected: true,",
    "  rejection_reason: 'nothing is deleted here',",
    "  guardrail: 'no-delete'",
    "}",
    "guardrail rejected: nothing is deleted here",
    "end agent done",
  ]);
});
