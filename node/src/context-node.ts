import { AsyncLocalStorage } from "node:async_hooks";
import type { ContextStorage } from "./context.js";
import type { ScopeHandle } from "./scope.js";

/** The context of Node: promises, timers and callbacks inherit the value where they were made. */
export class AsyncContext implements ContextStorage {
  private readonly storage = new AsyncLocalStorage<ScopeHandle | undefined>();

  get(): ScopeHandle | undefined {
    return this.storage.getStore();
  }

  set(value: ScopeHandle | undefined): void {
    this.storage.enterWith(value);
  }

  run<A extends unknown[], R>(
    value: ScopeHandle | undefined,
    call: (...given: A) => R,
    ...given: A
  ): R {
    if (this.get() !== value) return this.storage.run(value, call, ...given);
    // Node runs the call as it is when the value is the same, and would let changes out.
    try {
      return call(...given);
    } finally {
      if (this.get() !== value) this.set(value);
    }
  }
}
