import { type CallbackArguments, type CallbackContext } from "./callbacks.js";
import { registries } from "./callables.gen.js";
import { CodecAction, Registry, StepFlags, StepKind } from "./enums.gen.js";
import { CoreCodec, coreCodecNumber } from "./core-codec.js";
import { errorMessage, errorTypeName } from "./error.js";
import { InvalidArgument } from "./errors.gen.js";
import { Event, type EventSanitizeFields } from "./event.js";
import {
  InterceptOutcome,
  isLlmRequest,
  type LlmCodec,
  type LlmRequest,
  type LlmRequestInterceptOutcome,
  type LlmResponseCodec,
  type PendingMark,
} from "./intercepts.js";
import type { PendingStep } from "./pending-step.js";
import { observersCopy, privateCopy } from "./private-copy.js";
import type { Runtime } from "./runtime.js";
import type { ScopeHandle } from "./scope.js";

/*
 * How each kind of middleware is called and what may come of it (S3): the steps `invoke` and
 * `codec`, and the intercepts of `execute`.
 */

const noNext = (): never => {
  throw new InvalidArgument("only execution intercepts have a next");
};

/** What a step gives a callable, made when the callable's registry asks for it. */
export class StepArguments implements CallbackArguments {
  /** @param near A handle at or under which the work is. */
  constructor(
    private readonly runtime: Runtime,
    private readonly step: PendingStep,
    private readonly near: ScopeHandle | undefined,
    readonly next: (request: unknown) => unknown = noNext,
  ) {}

  get name(): string {
    return this.step.target;
  }

  /** For a gate the name of the registration that it is about. */
  get registration(): string {
    return this.step.target;
  }

  get request(): unknown {
    return present(this.runtime, this.step);
  }

  get response(): unknown {
    return present(this.runtime, this.step);
  }

  get annotated(): unknown {
    return this.runtime.engine.refs.get(this.step.annotated) ?? null;
  }

  get kinds(): number {
    return this.step.kinds;
  }

  get event(): Event {
    return readEvent(this.runtime, this.step.event);
  }

  /** Its own copy, to be changed and returned (S3.12). */
  get fields(): EventSanitizeFields {
    const { data, metadata, category_profile } = this.event;
    return { data, metadata, category_profile };
  }

  get context(): CallbackContext {
    return new StepContext(this.runtime, this.step, this.near);
  }
}

class StepContext implements CallbackContext {
  readonly target: string;
  readonly toolCallId: string | undefined;
  readonly modelName: string | undefined;
  private readonly serial: number;
  private handle: ScopeHandle | undefined;

  constructor(
    private readonly runtime: Runtime,
    private readonly step: PendingStep,
    private readonly near: ScopeHandle | undefined,
  ) {
    ({ target: this.target, toolCallId: this.toolCallId, modelName: this.modelName } = step);
    this.serial = step.serial;
  }

  /** Made when asked for: a handle would keep a forgotten scope from being ended (S1.12). */
  get scope(): ScopeHandle {
    if (this.handle === undefined && this.serial === this.step.serial) {
      this.handle = this.runtime.handleOf(this.step.scope, this.near);
    }
    return (this.handle ??= this.runtime.nearestOpen(this.near));
  }
}

/** S5.5: encoded before the application can change its objects again. A codec may have to say. */
export function readEvent(runtime: Runtime, address: number): Event {
  const { engine } = runtime;
  const outer = engine.serve(runtime);
  const line = engine.core.eventLine(address);
  engine.served = outer;
  if (typeof line === "number") throw engine.error(line);
  return new Event(line, engine.core);
}

/** The step's input in the form that its flags ask for (S3.6, S3.10). */
export function present(runtime: Runtime, step: PendingStep): unknown {
  const value = runtime.engine.refs.get(step.input);
  const flags = step.inputFlags;
  if (flags & StepFlags.Error) {
    return { error: { type: errorTypeName(value), message: errorMessage(value) } };
  }
  if (flags & StepFlags.Reason) return { error: { type: "GuardrailRejected", message: value } };
  if (!(flags & StepFlags.PrivateCopy)) return value;
  if (!(flags & StepFlags.Observed) || !isAboutLlmRequest(step)) return privateCopy(value);
  return observersCopy(value, (name) => runtime.isCredentialHeader(name));
}

function isAboutLlmRequest(step: PendingStep): boolean {
  return step.kind === StepKind.Codec || step.registry === Registry.LlmSanitizeRequestGuardrail;
}

/** Calls the middleware of an `invoke` step. */
export function invoke(
  runtime: Runtime,
  step: PendingStep,
  near: ScopeHandle | undefined,
): unknown {
  const callable = runtime.engine.refs.get(step.callable) as Function;
  const given = new StepArguments(runtime, step, near);
  return registries.get(step.registry)!.call(callable, given);
}

/** Runs the action of a `codec` step (S4.11, S2.8). */
export function askCodec(runtime: Runtime, step: PendingStep): unknown {
  const { refs } = runtime.engine;
  const codec = refs.get(step.callable) as LlmCodec & LlmResponseCodec;
  const given = present(runtime, step);
  switch (step.codecAction) {
    case CodecAction.DecodeRequest:
      return codec.decode(given as never);
    case CodecAction.EncodeRequest:
      return encodeRequest(refs.get(step.annotated), refs.get(step.decoded), codec, given);
    default:
      return codec.decodeResponse(given);
  }
}

/** A codec of the core also takes the edits of a request that was edited itself (S4.11). */
function encodeRequest(
  annotated: any,
  decoded: unknown,
  codec: LlmCodec,
  request: any,
): unknown {
  const isPlain = coreCodecNumber(codec) !== 0 && codec.encode === CoreCodec.prototype.encode;
  if (decoded === undefined || !isPlain) return codec.encode(annotated, request);
  return (codec as CoreCodec).encodeChanged(annotated, request, decoded as LlmRequest);
}

/** What a step is answered with, and the marks that are left with the call before. */
export interface Judgement {
  /** undefined is nothing. */
  value: unknown;
  annotated?: unknown;
  isRefusal?: boolean;
  marks?: readonly PendingMark[];
}

/** Turns what middleware gave into what the core is answered. Throws what is wrong with it. */
export function judge(step: PendingStep, result: unknown): Judgement {
  const value = result ?? undefined;
  if (step.kind === StepKind.Codec) {
    if (value === undefined) return { value };
    if (step.codecAction === CodecAction.EncodeRequest) requireRequest(step, value, "the codec");
    return { value };
  }
  // A forgotten return gives undefined; null is a request like others.
  if (step.registry === Registry.ToolRequestIntercept) return judgeResult(result);
  if (value === undefined) return { value };
  const { answer, title } = registries.get(step.registry)!;
  if (answer === "reason") return judgeReason(title, value);
  if (step.registry === Registry.LlmRequestIntercept) return judgeLlmRequest(step, value);
  if (step.registry === Registry.LlmSanitizeRequestGuardrail) {
    if (step.inputFlags & StepFlags.Observed) requireRequest(step, value);
  }
  return { value };
}

/** An execution intercept may return anything, and marks with it (S3.11); undefined is a value. */
export function judgeResult(result: unknown): Judgement {
  if (!(result instanceof InterceptOutcome)) return { value: result };
  return { value: result.result, marks: result.pendingMarks };
}

function judgeReason(title: string, value: unknown): Judgement {
  if (typeof value === "string") return { value, isRefusal: true };
  const given = `a ${title} returned a ${typeof value}`;
  throw new InvalidArgument(`${given}; expected string or null`);
}

/** S3.11: a request, the pair of a request and its annotated form, or an outcome object. */
function judgeLlmRequest(step: PendingStep, value: unknown): Judgement {
  if (isLlmRequest(value)) return { value };
  if (Array.isArray(value) && value.length === 2) {
    const [request, annotated] = value as [unknown, unknown];
    requireRequest(step, request);
    return { value: request, annotated };
  }
  const { request, annotated, pendingMarks } = Object(value) as LlmRequestInterceptOutcome;
  requireRequest(step, request);
  return { value: request, annotated, marks: pendingMarks ?? [] };
}

function requireRequest(step: PendingStep, value: unknown, who = registrationText(step)): void {
  if (isLlmRequest(value)) return;
  throw new InvalidArgument(
    `invalid argument: ${who} returned no LLM request for '${step.target}'`,
  );
}

/** `tool conditional-execution guardrail 'x'`. */
export function registrationText(step: PendingStep): string {
  return `${registries.get(step.registry)!.title} '${step.registration}'`;
}
