// Middleware in C (native_callables.c), for the tests that run with the native core.

import { createRequire } from "node:module";
import { extensions, ScopeHandle } from "scopeflow";

const require = createRequire(import.meta.url);
export const addon = require("./native_callables.node");

/** A callable that is registered on a runtime or a scope. */
export class Registered {
  constructor(owner, registry, act, options = {}) {
    const given = { registry, act, name: act, ...options };
    const isScope = owner instanceof ScopeHandle;
    this.counters = addon.register(extensions.functions(), owner.nativeHandle, isScope, given);
  }

  get runs() {
    return addon.counts(this.counters)[0];
  }

  /** How often it was given back. */
  get destroyed() {
    return addon.counts(this.counters)[1];
  }
}
