import { disown, isThenable } from "./callbacks.js";
import type { Cancellation, Target } from "./cancellation.js";
import { registries } from "./callables.gen.js";
import { checkText } from "./checks.js";
import { Continuation } from "./continuation.js";
import { STEP_KIND, STEP_SCOPE, STEP_STATUS, STEP_VALUE } from "./core.gen.js";
import { answerFailure, answerStep, deliver } from "./delivery.js";
import { AnswerKind, ScopeType, StepKind } from "./enums.gen.js";
import { GuardrailRejected, InvalidState } from "./errors.gen.js";
import { checkHeadroom } from "./headroom.js";
import { Holding } from "./holding.js";
import type { PendingMark } from "./intercepts.js";
import {
  askCodec,
  invoke,
  judge,
  judgeResult,
  StepArguments,
  type Judgement,
} from "./middleware.js";
import { Opened } from "./opened.js";
import { taskLink } from "./operations.gen.js";
import { Pause } from "./pause.js";
import type { PendingStep } from "./pending-step.js";
import type { Runtime } from "./runtime.js";
import { ScopeHandle } from "./scope.js";
import { rejection } from "./rejection.js";
import { errorOf } from "./status.gen.js";
import type { StreamWork } from "./stream.js";
import { UNWATCHED, type Mortal } from "./watch.js";

/** What an operation is refused with that a closed runtime cuts short. */
const CLOSED = new InvalidState("").status;
/** What a guard refuses with. */
const REJECTED = new GuardrailRejected("").status;

/** What the host does for a managed call, beside what every operation needs. */
export interface Call {
  /** What its span is opened with. */
  readonly name?: string;
  /** The id of a tool's call, or a model's name. */
  readonly detail?: string;
  /** What the `execute` step runs. */
  target?: Target;
  /** What it gives if nothing was answered: the request as it was, or nothing (S4.9). */
  readonly unanswered?: unknown;
  readonly data?: unknown;
  readonly metadata?: unknown;
  /** Whether a promise can be awaited. */
  readonly canWait: boolean;
  /** Whether the target is a language model, which takes requests of one form only. */
  readonly isLlm?: boolean;
  /** Of a streamed call. */
  readonly stream?: StreamWork;
  /** Of a call that can be cancelled from outside, or whose target takes a signal. */
  readonly cancellation?: Cancellation;
}

/**
 * One operation of the kind `task`, from its first step to its last. This is the only place where
 * JavaScript meets the step protocol (spec/api/task.yaml): the core says what is to be done, this
 * does it and answers.
 */
export class Operation {
  /** Address of the scope that the operation made, handed over with the last step. */
  scope = 0;
  /** The call's own span. Held to its end, so that a running call is not garbage (S1.12). */
  span: ScopeHandle | undefined;
  /** Whether it has come to rest between two chunks of its stream. */
  isResting = false;
  /** Whether a `next` has found the span ended from elsewhere. */
  private hasGoneBack = false;

  private readonly step: PendingStep;
  /** What the running intercept has to call the rest of the chain. */
  private continuation: Continuation | undefined;
  /** The number of the request that is executed, for as long as the operation lasts. */
  private executed = 0;
  /** @internal Of its watch. */
  place = UNWATCHED;
  /** Whose finaliser ends the operation: the span's, before there is one this object's. */
  private watched: Mortal | undefined;
  private failed = false;
  private value: unknown;

  /**
   * @param current What the context held when the operation began.
   * @param owner Of the rest of a chain: the operation whose intercept runs it.
   * @param holding With what was lent for it already.
   */
  constructor(
    readonly runtime: Runtime,
    private readonly current: ScopeHandle | undefined,
    private call?: Call,
    private readonly owner?: Operation,
    readonly holding = new Holding(runtime.engine),
  ) {
    this.step = holding.step;
    this.span = owner?.span;
  }

  /** The address of what was current when it began. */
  get currentAddress(): number {
    return this.runtime.addressIn(this.current);
  }

  /** Runs an operation that has begun and that never waits. Returns or throws what came of it. */
  run(): unknown {
    this.proceed();
    return this.outcome();
  }

  /** Runs an operation that has begun. The promise settles with what came of it. */
  runAsync(): Promise<unknown> {
    const pending = this.proceed();
    if (pending !== undefined) return this.wait(pending);
    return this.failed ? Promise.reject(this.value) : Promise.resolve(this.value);
  }

  /** Goes on when a promise has settled. Not by `await`: that takes longer. */
  private wait(pending: PromiseLike<unknown>): Promise<unknown> {
    return Promise.resolve(this.cancellation?.race(pending) ?? pending).then(
      (result) => this.goOnWith(result, false),
      (error) => this.goOnWith(error, true),
    );
  }

  private goOnWith(result: unknown, failed: boolean): unknown {
    const pending = this.proceed(failed ? AnswerKind.Error : "settle", result);
    return pending === undefined ? this.outcome() : this.wait(pending);
  }

  /** Returns or throws what came of an operation that is at its end. */
  outcome(): unknown {
    if (this.failed) throw this.value;
    return this.value;
  }

  get cancellation(): Cancellation | undefined {
    return this.call?.cancellation;
  }

  /** Runs one whose target pauses, to that or to a promise. Nothing: it has come to its end. */
  begin(): PromiseLike<unknown> | undefined {
    return this.proceed();
  }

  /** Goes on from a pause or promise with what came of it; further as `begin`. */
  resume(kind: AnswerKind, value?: unknown): PromiseLike<unknown> | undefined {
    return this.proceed(kind === AnswerKind.Value ? "settle" : kind, value);
  }

  /** Goes on from a rest, with what came of the chunk. Settles like `run` and `runAsync`. */
  goOn(kind: AnswerKind, error?: unknown): unknown {
    this.isResting = false;
    this.value = undefined;
    const pending = this.proceed(kind, error);
    if (pending !== undefined) return this.wait(pending);
    return this.outcome();
  }

  /**
   * Answers, if there is an answer, and does the steps that are due. What was returned is judged
   * first ("settle"). If this layer itself fails, because the stack or the memory is used up, the
   * operation is let go, so that its end is owed and not forgotten (S4.3).
   */
  private proceed(
    answer?: AnswerKind | "settle",
    value?: unknown,
  ): PromiseLike<unknown> | undefined {
    try {
      if (answer === "settle") this.settle(value);
      else if (answer === AnswerKind.Error) this.fail(value);
      else if (answer !== undefined) this.answer(answer, 0, 0);
      return this.advance();
    } catch (error) {
      this.leaveSpan();
      this.holding.forget();
      this.leaveSignal();
      throw error;
    }
  }

  /** Does the steps that are due. Gives what must be awaited before the next, if anything. */
  private advance(): PromiseLike<unknown> | undefined {
    const { core, refs } = this.runtime.engine;
    for (;;) {
      const { slots } = core;
      switch (slots[STEP_KIND]) {
        case StepKind.Deliver:
          deliver(this.runtime, this.holding, this.cancellation);
          break;
        case StepKind.Invoke:
        case StepKind.Codec:
        case StepKind.Execute:
        case StepKind.Finalize: {
          const pending = this.callHost(slots);
          if (pending !== undefined) return pending;
          break;
        }
        case StepKind.Stream:
          return this.rest(slots);
        case StepKind.Done:
          this.scope = slots[STEP_SCOPE]!;
          return this.end();
        case StepKind.Return: {
          const ref = slots[STEP_VALUE]!;
          this.value = ref === 0 ? this.call?.unanswered : refs.take(ref);
          return this.end();
        }
        default:
          this.failed = true;
          this.value = this.raised(slots);
          return this.end();
      }
    }
  }

  /** Runs what the step names and answers, or gives the promise that it returned. */
  private callHost(slots: Float64Array): PromiseLike<unknown> | undefined {
    this.step.read(slots);
    let result: unknown;
    const { engine } = this.runtime;
    const { nesting } = engine;
    try {
      engine.nesting = nesting + 1;
      result = this.perform();
      if (isThenable(result)) {
        if (this.call?.canWait || result instanceof Pause) {
          engine.nesting = nesting;
          return this.watch(result);
        }
        // S3.8: it turns out to need a wait where nothing can be awaited.
        disown(result);
        throw new InvalidState("a promise was returned to a call that cannot wait");
      }
    } catch (error) {
      engine.nesting = nesting;
      this.fail(error);
      return undefined;
    }
    engine.nesting = nesting;
    this.settle(result);
    return undefined;
  }

  private perform(): unknown {
    switch (this.step.kind) {
      case StepKind.Execute:
        return this.execute();
      case StepKind.Codec:
        return askCodec(this.runtime, this.step);
      case StepKind.Finalize:
        return this.call!.stream!.finalizer!();
      default:
        return invoke(this.runtime, this.step, this.span ?? this.current);
    }
  }

  /** S1.12: a call that waits for what nobody will settle is forgotten, and ends so. */
  private watch(pending: PromiseLike<unknown>): PromiseLike<unknown> {
    const { engine } = this.runtime;
    // The span is the owner's, which is forgotten with it.
    const watched = this.owner === undefined ? (this.span ?? this) : this;
    if (this.watched === watched) return pending;
    if (this.watched !== undefined) engine.watch.remove(this.watched);
    this.watched = watched;
    engine.watch.add(watched, this.holding);
    return pending;
  }

  /** What is current in the context of a stream's producer when it begins. */
  get producerScope(): ScopeHandle | undefined {
    return this.hasGoneBack ? this.runtime.nearestInForce(this.span) : this.span;
  }

  /** ADR 0011: behind `next` a context goes back to what is in force. */
  private goBack(): void {
    const { owner, span } = this;
    if (owner !== undefined && span?.isInForce() === false) owner.hasGoneBack = true;
  }

  private end(): undefined {
    this.goBack();
    this.leaveSpan();
    this.holding.end();
    this.leaveSignal();
  }

  private leaveSignal(): void {
    if (this.owner === undefined) this.call?.cancellation?.end();
  }

  /** From now on a context at most refers to the span. */
  private leaveSpan(): void {
    const { engine } = this.runtime;
    if (this.watched !== undefined) engine.watch.remove(this.watched);
    if (this.owner !== undefined) return;
    if (this.span !== undefined) engine.bury(this.span);
    this.holding.scope = 0;
  }

  /**
   * S4.6: from here to the end event the call's own span is the current scope. It may come again: a
   * native intercept has the rest of the chain run once more (ADR 0020).
   */
  private execute(): unknown {
    const { runtime, step } = this;
    const { engine } = runtime;
    const isTarget = step.callable === 0;
    if (this.span === undefined) this.span = this.openSpan(isTarget);
    else if (isTarget) engine.core.scopeRelease(step.scope);
    this.executed = step.input;
    if (this.cancellation?.isAborted) throw this.cancellation.reason;
    const request = engine.refs.get(step.input);
    if (isTarget) return engine.context.run(this.span, this.call!.target!, request);
    this.continuation = new Continuation(this, this.call!.canWait);
    const given = new StepArguments(runtime, step, this.span, this.continuation.next);
    const callable = engine.refs.get(step.callable) as Function;
    const { call } = registries.get(step.registry)!;
    return engine.context.run(this.span, call, callable, given);
  }

  /** @param isHeld Whether the step has brought a reference, as that for the target does. */
  private openSpan(isHeld: boolean): ScopeHandle {
    const { engine } = this.runtime;
    const { data, metadata, name, isLlm, detail } = this.call!;
    const { scope } = this.step;
    if (!isHeld) engine.core.scopeRetain(scope);
    this.holding.scope = scope;
    const type = isLlm ? ScopeType.Llm : ScopeType.Tool;
    const opened = new Opened(name!, type, detail!);
    const span = new ScopeHandle(this.runtime, scope, this.current, data, metadata, opened);
    span.isSpan = true;
    return span;
  }

  /** Whether the call goes on, so that there may be a `next`. */
  get isOpen(): boolean {
    return !this.holding.isOver && this.span!.isOpen();
  }

  /** Whether only a request to a language model can be executed. */
  get isLlm(): boolean {
    return this.call?.isLlm === true;
  }

  /** Whether an intercept runs, so that the target is reached through its `next`. */
  get isIntercepted(): boolean {
    return this.continuation !== undefined;
  }

  /** The name of the intercept that runs. */
  get intercept(): string {
    return this.step.registration;
  }

  /**
   * What `next` of an intercept does: the rest of the chain, as its own task (S3.7).
   * @param position The intercept's place in the chain if it is a stream's that has returned, or 0.
   */
  link(request: unknown, position: number): Operation {
    const { runtime } = this;
    checkHeadroom(runtime.engine);
    const link = new Operation(runtime, this.current, this.call, this);
    const { holding } = link;
    const outer = runtime.engine.serve(runtime);
    try {
      taskLink(
        runtime.engine,
        runtime.address,
        this.holding.task,
        position,
        this.refOf(request) ?? holding.lendAny(request),
        holding,
      );
    } catch (error) {
      throw holding.refused(error, outer);
    }
    runtime.engine.served = outer;
    return link;
  }

  /**
   * The number of a request that the core has lent, so that the core knows it again: this chain's
   * own or that of the start event (S3.7).
   */
  private refOf(request: unknown): number | undefined {
    const { refs } = this.runtime.engine;
    if (Object.is(refs.get(this.executed), request)) return this.executed;
    return this.owner?.refOf(request);
  }

  /** The intercept has returned, however: its `next` works no longer, but for a stream's. */
  private retireContinuation(): void {
    const { call, step } = this;
    const streamed = call?.stream === undefined ? undefined : this.root;
    this.continuation?.retire(step.registration, streamed, step.position);
    this.continuation = undefined;
  }

  /** The call whose chain this is the rest of, or itself. */
  private get root(): Operation {
    return this.owner?.root ?? this;
  }

  /** A stream has begun, or a chunk of it may be handed over: the call waits for its consumer. */
  private rest(slots: Float64Array): undefined {
    const { refs } = this.runtime.engine;
    const ref = slots[STEP_VALUE]!;
    this.isResting = true;
    this.step.kind = StepKind.Stream;
    if (ref !== 0) this.value = this.call!.stream!.open(this, refs.take(ref));
  }

  /** Answers what was returned. */
  private settle(result: unknown): void {
    const { step } = this;
    const { refs } = this.runtime.engine;
    const isResult = step.kind === StepKind.Execute;
    if (isResult && step.callable === 0) {
      // The target's: that it is as it was given is all that there is to judge.
      this.call!.stream?.noteProduced(result);
      this.answer(AnswerKind.Value, 0, refs.lend(result));
      return;
    }
    this.retireContinuation();
    let judged: Judgement;
    try {
      judged = this.judge(result);
      if (judged.marks !== undefined) for (const mark of judged.marks) this.leaveMark(mark);
    } catch (error) {
      this.fail(error);
      return;
    }
    const { value, annotated, isRefusal } = judged;
    if (isResult && this.call?.stream !== undefined) this.noteGiver(this.call.stream);
    const isNothing = !isResult && value === undefined;
    const ref = isNothing ? 0 : refs.lend(value);
    const hasAnnotated = annotated !== undefined && annotated !== null;
    const kind = isRefusal ? AnswerKind.Refuse : AnswerKind.Value;
    this.answer(kind, 0, ref, hasAnnotated ? refs.lend(annotated) : 0);
  }

  /** The outermost intercept answers the call. */
  private noteGiver(stream: StreamWork): void {
    const { owner, step } = this;
    if (owner === undefined) {
      stream.note(`${registries.get(step.registry)!.title} '${step.registration}'`);
    }
  }

  private judge(result: unknown): Judgement {
    if (this.step.kind === StepKind.Execute) return judgeResult(result);
    if (this.step.kind === StepKind.Finalize) return { value: result ?? undefined };
    return judge(this.step, result);
  }

  private leaveMark(mark: PendingMark): void {
    const { engine } = this.runtime;
    const { name, category = "" } = mark;
    checkText(name, "the name of a pending mark");
    checkText(category, "the category of a pending mark");
    const data = this.lendTaken(mark.data);
    const metadata = this.lendTaken(mark.metadata);
    const profile = this.lendTaken(mark.categoryProfile);
    const schema = this.lendTaken(mark.dataSchema);
    const { task } = this.holding;
    const status = engine.core.taskMark(task, name, data, metadata, category, profile, schema);
    if (status === 0) return;
    for (const ref of [data, metadata, profile, schema]) engine.refs.release(ref);
    throw engine.error(status);
  }

  private lendTaken(value: unknown): number {
    return value === undefined || value === null ? 0 : this.runtime.engine.refs.lend(value);
  }

  /** Answers what a callable threw, or what its promise was rejected with. */
  private fail(error: unknown): void {
    this.retireContinuation();
    answerFailure(this.runtime, this.holding, error, this.cancellation);
  }

  private answer(kind: AnswerKind, status: number, value: number, annotated = 0): void {
    const code = answerStep(this.runtime, this.holding, kind, status, value, annotated);
    if (code !== 0) this.answerRefused(code, kind, value, annotated);
  }

  /**
   * S3.11: the core has refused what a request intercept or a codec gave; that is the call's error.
   */
  private answerRefused(code: number, kind: AnswerKind, value: number, annotated: number): void {
    const { engine } = this.runtime;
    const refusal = engine.error(code);
    engine.refs.release(value);
    engine.refs.release(annotated);
    const isJudged = this.step.kind === StepKind.Invoke || this.step.kind === StepKind.Codec;
    if (kind !== AnswerKind.Value || !isJudged) throw refusal;
    this.fail(refusal);
  }

  /** What the last step says is to be thrown: the application's own object, or an error of ours. */
  private raised(slots: Float64Array): unknown {
    const status = slots[STEP_STATUS]!;
    const value = this.runtime.engine.refs.take(slots[STEP_VALUE]!);
    if (status === 0) return value;
    if (status === REJECTED) return rejection(String(value));
    if (status === CLOSED) return errorOf(status, "invalid state: the runtime is closed");
    return errorOf(status, "native middleware failed, and there was no memory to say how");
  }
}
