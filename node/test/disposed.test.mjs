import assert from "node:assert/strict";
import { test } from "node:test";
import { outputOfCompiled } from "./compiled.mjs";

test("scopes, streams, runtimes and exporters end with the block that uses them", () => {
  assert.deepEqual(JSON.parse(outputOfCompiled("disposed")), [
    ...["broken", 1, 2, "the producer is stopped", 1],
    ...["start outer", "start inner", "end inner", "end outer", "start broken", "end broken"],
    ...["start gpt", "end gpt", "start gpt", "end gpt", null],
    ...["a line", 1, 1, "invalid_state"],
  ]);
});
