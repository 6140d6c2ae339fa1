import type { Engine } from "./engine.js";
import type { Watched } from "./lifetimes.js";

/**
 * What a running operation holds in the core: memory for its task, the references that it lent and
 * its own span. It does not lead back to the application's objects, so a finaliser may keep it.
 */
export class Holding implements Watched {
  /** The call's own span, of which this has a reference while the call runs; else 0. */
  scope = 0;
  readonly task: number;
  private readonly refs: number[] = [];
  isOver = false;

  constructor(private readonly engine: Engine) {
    this.task = engine.takeTask();
  }

  /** Lends a value until the operation is over; undefined and null are absent (S2.5). */
  lend(value: unknown): number {
    return value === undefined || value === null ? 0 : this.lendAny(value);
  }

  /** Lends a value until the operation is over; undefined and null are values like others. */
  lendAny(value: unknown): number {
    const ref = this.engine.refs.lend(value);
    this.refs.push(ref);
    return ref;
  }

  /** Gives everything back but the span. The task must have ended, or not have begun. */
  end(): undefined {
    if (this.isOver) return;
    this.isOver = true;
    for (const ref of this.refs) this.engine.refs.release(ref);
    this.engine.giveTask(this.task);
  }

  /** Ends the operation from outside if it still runs; no code of the application runs (S1.12). */
  forget(): void {
    if (this.isOver) return;
    const { core } = this.engine;
    core.taskAbandon(this.task);
    if (this.scope !== 0) core.scopeRelease(this.scope);
    this.end();
  }
}
