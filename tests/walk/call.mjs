// Calls what the walk added, from Node.
import assert from "node:assert/strict";

import { AlreadyExists, Runtime, ScopeType } from "scopeflow";

const look = (name, request) => undefined;

const runtime = new Runtime();
const outer = runtime.pushScope("outer", ScopeType.Agent);
const inner = runtime.pushScope("inner", ScopeType.Agent);
assert.deepEqual([outer.depth(), inner.depth()], [1, 2]);

runtime.registerToolAuditor("auditor", 1, look);
assert.throws(() => runtime.registerToolAuditor("auditor", 2, look), AlreadyExists);
assert.equal(runtime.deregisterToolAuditor("auditor"), true);
assert.equal(runtime.deregisterToolAuditor("auditor"), false);

inner.registerToolAuditor("auditor", 1, look);
assert.equal(inner.deregisterToolAuditor("auditor"), true);
console.log("Node: the new operation and the new registry answer");
