import { AsyncLocalStorage, AsyncResource } from "node:async_hooks";
import type { ContextBranch, ContextStorage } from "./context.js";
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

  branch(value: ScopeHandle | undefined): ContextBranch {
    return this.run(value, () => new AsyncBranch(this));
  }
}

/** A resource of Node keeps the whole context that it was made in; entering it copies nothing. */
class AsyncBranch implements ContextBranch {
  private resource = newResource();
  private current: ScopeHandle | undefined;

  /** It is made in the context that it keeps. */
  constructor(private readonly context: AsyncContext) {
    this.current = context.get();
  }

  run<R>(call: () => R): R {
    return this.resource.runInAsyncScope(this.step<R>, this, call);
  }

  private step<R>(call: () => R): R {
    try {
      return call();
    } finally {
      const left = this.context.get();
      if (left !== this.current) {
        this.current = left;
        this.resource = newResource();
      }
    }
  }
}

function newResource(): AsyncResource {
  // Nobody listens for its end, and to tell of it costs more than all the rest.
  return new AsyncResource("scopeflow", { requireManualDestroy: true });
}
