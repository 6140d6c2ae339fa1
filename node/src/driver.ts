import { disown, isThenable, type CallbackContext } from "./callbacks.js";
import { registries } from "./callables.gen.js";
import {
  STEP_CALLABLE,
  STEP_EVENT,
  STEP_INPUT,
  STEP_KIND,
  STEP_REGISTRATION,
  STEP_REGISTRY,
  STEP_SCOPE,
  STEP_STATUS,
  STEP_TARGET,
  STEP_VALUE,
} from "./core.gen.js";
import { AnswerKind, EventPart, StepKind } from "./enums.gen.js";
import { isCancellation, statusOf } from "./error.js";
import { InvalidArgument, InvalidState } from "./errors.gen.js";
import { Event } from "./event.js";
import { Holding } from "./holding.js";
import type { Runtime } from "./runtime.js";
import { ScopeHandle } from "./scope.js";
import { errorOf } from "./status.gen.js";

/** What the host does for a tool call, beside what every operation needs. */
export interface Call {
  /** What the `execute` step runs, once. */
  target: (request: any) => unknown;
  readonly toolCallId: string | undefined;
  readonly data: unknown;
  readonly metadata: unknown;
  /** Whether a promise can be awaited. */
  readonly canWait: boolean;
}

/**
 * One operation of the kind `task`, from its first step to its last. This is the only place where
 * JavaScript meets the step protocol (spec/api/task.yaml): the core says what is to be done, this
 * does it and answers.
 */
export class Operation {
  readonly holding: Holding;
  /** Address of the scope that the operation made, handed over with the last step. */
  scope = 0;

  /** What is waited for while a promise is pending. */
  private waiting: StepKind = StepKind.Execute;
  /** The call's own span. Held to its end, so that a running call is not garbage (S1.12). */
  private span: ScopeHandle | undefined;
  /** Whose finaliser ends the operation: the span's, before there is one this object's. */
  private watched: object | undefined;
  private failed = false;
  private value: unknown;

  /** @param current What the context held when the operation began. */
  constructor(
    private readonly runtime: Runtime,
    private readonly current: ScopeHandle | undefined,
    private call?: Call,
  ) {
    this.holding = new Holding(runtime.engine);
  }

  /** Runs an operation that has begun and that never waits. Returns or throws what came of it. */
  run(): unknown {
    this.proceed();
    if (this.failed) throw this.value;
    return this.value;
  }

  /** Runs an operation that has begun. The promise settles with what came of it. */
  runAsync(): Promise<unknown> {
    const pending = this.proceed();
    if (pending !== undefined) return this.wait(pending);
    return this.failed ? Promise.reject(this.value) : Promise.resolve(this.value);
  }

  private async wait(first: PromiseLike<unknown>): Promise<unknown> {
    let pending: PromiseLike<unknown> | undefined = first;
    while (pending !== undefined) {
      let result: unknown;
      let failed = false;
      try {
        result = await pending;
      } catch (error) {
        failed = true;
        result = error;
      }
      pending = this.proceed(() => (failed ? this.fail(result) : this.settle(result)));
    }
    if (this.failed) throw this.value;
    return this.value;
  }

  /**
   * Answers, and does the steps that are due. If this layer itself fails, because the stack or the
   * memory is used up, the operation is let go, so that its end is owed and not forgotten (S4.3).
   */
  private proceed(answer?: () => void): PromiseLike<unknown> | undefined {
    try {
      answer?.();
      return this.advance();
    } catch (error) {
      this.leaveSpan();
      this.holding.forget();
      throw error;
    }
  }

  /** Does the steps that are due. Gives what must be awaited before the next, if anything. */
  private advance(): PromiseLike<unknown> | undefined {
    const { core, refs } = this.runtime.engine;
    for (;;) {
      const { slots } = core;
      const kind = slots[STEP_KIND]!;
      switch (kind) {
        case StepKind.Deliver:
          this.deliver(slots);
          break;
        case StepKind.Invoke:
        case StepKind.Execute: {
          const pending = this.callHost(kind, slots);
          if (pending !== undefined) return pending;
          break;
        }
        case StepKind.Done:
          this.scope = slots[STEP_SCOPE]!;
          return this.end();
        case StepKind.Return:
          this.value = refs.take(slots[STEP_VALUE]!);
          return this.end();
        default:
          this.failed = true;
          this.value = this.raised(slots);
          return this.end();
      }
    }
  }

  /** Runs a guard or the target and answers, or gives the promise that it returned. */
  private callHost(kind: StepKind, slots: Float64Array): PromiseLike<unknown> | undefined {
    this.waiting = kind;
    let result: unknown;
    try {
      result = kind === StepKind.Invoke ? this.invoke(slots) : this.execute(slots);
      if (isThenable(result)) {
        if (this.call!.canWait) return this.watch(result);
        // S3.8: it turns out to need a wait where nothing can be awaited.
        disown(result);
        throw new InvalidState("a promise was returned to a call that cannot wait");
      }
    } catch (error) {
      this.fail(error);
      return undefined;
    }
    this.settle(result);
    return undefined;
  }

  /** S1.12: a call that waits for what nobody will settle is forgotten, and ends so. */
  private watch(pending: PromiseLike<unknown>): PromiseLike<unknown> {
    const { engine } = this.runtime;
    const watched = this.span ?? this;
    if (this.watched === watched) return pending;
    if (this.watched !== undefined) engine.unwatch(this.watched);
    this.watched = watched;
    engine.watch(watched, this.holding);
    return pending;
  }

  private end(): undefined {
    this.leaveSpan();
    this.holding.end();
  }

  /** From now on a context at most refers to the span. */
  private leaveSpan(): void {
    const { engine } = this.runtime;
    if (this.watched !== undefined) engine.unwatch(this.watched);
    if (this.span !== undefined) engine.bury(this.span);
    this.holding.scope = 0;
  }

  private invoke(slots: Float64Array): unknown {
    const { core, refs } = this.runtime.engine;
    const name = core.text(slots[STEP_TARGET]!, slots[STEP_TARGET + 1]!);
    const context = new GuardContext(name, this.runtime, this.current, this.call?.toolCallId);
    const callable = refs.get(slots[STEP_CALLABLE]!) as Function;
    const request = refs.get(slots[STEP_INPUT]!);
    return registries.get(slots[STEP_REGISTRY]!)!.call(callable, { name, request, context });
  }

  /** S4.6: from here to the end event the call's own span is the current scope. */
  private execute(slots: Float64Array): unknown {
    const { engine } = this.runtime;
    const { target, data, metadata } = this.call!;
    const scope = slots[STEP_SCOPE]!;
    const request = engine.refs.get(slots[STEP_INPUT]!);
    engine.core.scopeRetain(scope);
    this.holding.scope = scope;
    this.span = new ScopeHandle(this.runtime, scope, this.current, data, metadata);
    this.span.isSpan = true;
    return engine.context.run(this.span, target, request);
  }

  private deliver(slots: Float64Array): void {
    const { engine } = this.runtime;
    const registry = registries.get(slots[STEP_REGISTRY]!)!;
    const callable = engine.refs.get(slots[STEP_CALLABLE]!) as Function;
    const address = slots[STEP_REGISTRATION]!;
    const size = slots[STEP_REGISTRATION + 1]!;
    try {
      const event = this.readEvent(slots[STEP_EVENT]!);
      const result = registry.call(callable, { event });
      if (isThenable(result)) {
        disown(result);
        throw new InvalidState(`a ${registry.title} returned a promise, which nobody awaits`);
      }
    } catch (error) {
      // S5.2: it is counted and logged; the others and the work go on.
      if (!isCancellation(error)) {
        const name = engine.core.text(address, size);
        this.runtime.log(`scopeflow: ${registry.title} '${name}' failed`, error);
      }
      this.fail(error);
      return;
    }
    this.answer(AnswerKind.Value, 0, 0);
  }

  /** S5.5: encoded before the application can change its objects again. */
  private readEvent(address: number): Event {
    const { engine } = this.runtime;
    engine.check(engine.core.eventJson(address, EventPart.Line));
    const { slots } = engine.core;
    return new Event(engine.core.text(slots[0]!, slots[1]!));
  }

  /** Answers what a guard or the target gave. */
  private settle(result: unknown): void {
    const { refs } = this.runtime.engine;
    if (this.waiting === StepKind.Execute) {
      this.answer(AnswerKind.Value, 0, refs.lend(result));
    } else if (result === null || result === undefined) {
      this.answer(AnswerKind.Value, 0, 0);
    } else if (typeof result === "string") {
      this.answer(AnswerKind.Refuse, 0, refs.lend(result));
    } else {
      const given = `a guardrail returned a ${typeof result}`;
      this.fail(new InvalidArgument(`${given}; it returns a reason as a string, or null`));
    }
  }

  /** Answers what a callable threw, or what its promise was rejected with. */
  private fail(error: unknown): void {
    const kind = isCancellation(error) ? AnswerKind.Cancel : AnswerKind.Error;
    this.answer(kind, statusOf(error), this.runtime.engine.refs.lend(error));
  }

  private answer(kind: AnswerKind, status: number, value: number): void {
    const { engine } = this.runtime;
    engine.check(engine.core.taskResume(this.holding.task, kind, status, 0, value, 0));
  }

  /** What the last step says is to be thrown: the application's own object, or an error of ours. */
  private raised(slots: Float64Array): unknown {
    const status = slots[STEP_STATUS]!;
    const value = this.runtime.engine.refs.take(slots[STEP_VALUE]!);
    if (status === 0) return value;
    const reason = String(value);
    const error = errorOf(status, `guardrail rejected: ${reason}`);
    error.reason = reason;
    return error;
  }
}

class GuardContext implements CallbackContext {
  constructor(
    readonly target: string,
    private readonly runtime: Runtime,
    private readonly current: ScopeHandle | undefined,
    readonly toolCallId: string | undefined,
  ) {}

  get scope(): ScopeHandle {
    return this.runtime.nearestOpen(this.current);
  }
}
