import type { EncodedLine } from "./core.gen.js";
import type { Engine, Served } from "./engine.js";
import type { PendingStep } from "./pending-step.js";
import type { Watched } from "./watch.js";

/**
 * What a running operation holds in the core: memory for its task, the references that it lent and
 * its own span. It does not lead back to the application's objects, so a finaliser may keep it.
 */
export class Holding implements Watched {
  /** The call's own span, of which this has a reference while the call runs; else 0. */
  scope = 0;
  /** Another operation has it once this one is over. */
  readonly step: PendingStep;
  isOver = false;
  /** The line of the event that is to be delivered, where it came with the step. */
  private line: EncodedLine | undefined;
  /** The first reference that was lent: most operations lend no more. */
  private lent = 0;
  private moreLent: number[] | undefined;
  /** A reference that is the core's as soon as the operation has begun. */
  private given = 0;

  constructor(private readonly engine: Engine) {
    this.step = engine.takeStep();
  }

  get task(): number {
    return this.step.task;
  }

  /** Takes what the core gives for a step. @returns The status. */
  stepped(given: EncodedLine | number): number {
    if (typeof given === "number") return given;
    this.line = given;
    return 0;
  }

  /** Gives the line of the event that is to be delivered, once. */
  takeLine(): EncodedLine | undefined {
    const { line } = this;
    this.line = undefined;
    return line;
  }

  /**
   * Of an operation that has not begun: everything that was lent or given comes back (S7.3).
   *
   * @param outer What `Engine.serve` gave.
   * @returns The error.
   */
  refused(error: unknown, outer: Served | undefined): unknown {
    this.engine.served = outer;
    this.engine.refs.release(this.given);
    this.end();
    return error;
  }

  /** Gives a value to the core, if the operation begins; undefined and null are absent. */
  give(value: unknown): number {
    if (value === undefined || value === null) return 0;
    return (this.given = this.engine.refs.lend(value));
  }

  /** Lends a value until the operation is over; undefined and null are absent (S2.5). */
  lend(value: unknown): number {
    return value === undefined || value === null ? 0 : this.lendAny(value);
  }

  /** Lends a value until the operation is over; undefined and null are values like others. */
  lendAny(value: unknown): number {
    const ref = this.engine.refs.lend(value);
    if (this.lent === 0) this.lent = ref;
    else (this.moreLent ??= []).push(ref);
    return ref;
  }

  /** Gives everything back but the span. The task must have ended, or not have begun. */
  end(): undefined {
    if (this.isOver) return;
    this.isOver = true;
    this.giveBack();
    this.engine.giveStep(this.step);
  }

  /** The same of one that has ended and that nobody knows any more: the next one may have this. */
  rest(): void {
    this.giveBack();
    this.lent = 0;
    this.moreLent = undefined;
    this.given = 0;
    this.engine.giveHolding(this);
  }

  private giveBack(): void {
    const { refs } = this.engine;
    refs.release(this.lent);
    if (this.moreLent !== undefined) for (const ref of this.moreLent) refs.release(ref);
    this.step.serial++;
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
