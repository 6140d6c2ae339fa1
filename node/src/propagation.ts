import { defaultRuntime } from "./default.js";
import { InvalidArgument, InvalidJson } from "./errors.gen.js";
import { ScopeStack, withScopeStack } from "./stack.js";

/** The portable form of a context (S1.10): plain data that crosses to another process. */
export interface PropagationContext {
  /** 1, the only one that is known. */
  version: number;
  /** The trace; without one it begins with the parent. */
  rootUuid?: string;
  /** The scope that work there stands under. */
  parentUuid: string;
}

/**
 * The portable form of what is current: the scope, and the trace that it belongs to.
 *
 * @throws InvalidState where no scope is open and nothing was propagated to here.
 */
export function capturePropagationContext(): PropagationContext {
  const { rootUuid, parentUuid } = defaultRuntime().capturePropagation();
  return { version: 1, rootUuid, parentUuid };
}

/** The same without a root: the trace there begins with the parent. */
export function captureRootlessPropagationContext(): PropagationContext {
  return capturePropagationContextWithRoot();
}

/**
 * The same with another trace.
 *
 * @throws InvalidArgument for what is no uuid, also InvalidState as above.
 */
export function capturePropagationContextWithRoot(rootUuid?: string | null): PropagationContext {
  const { parentUuid } = defaultRuntime().capturePropagation();
  const context: PropagationContext = { version: 1, parentUuid };
  if (rootUuid === undefined || rootUuid === null) return context;
  return checked({ version: 1, rootUuid, parentUuid });
}

/**
 * What is current as the W3C header `traceparent`: `00-<trace id>-<span id>-01`.
 *
 * @throws InvalidState where no scope is open and nothing was propagated to here.
 */
export function captureTraceparent(): string {
  return defaultRuntime().capturePropagation().traceparent;
}

/**
 * `{"version":1,"root_uuid":…,"parent_uuid":…}`, as it is read in every language.
 *
 * @throws InvalidArgument for what is no such context.
 */
export function propagationContextToJson(context: PropagationContext): string {
  return textOf(checked(context));
}

/**
 * The W3C header of a context.
 *
 * @throws InvalidArgument for what is no such context, or one whose parent has no span id: its last
 *   8 bytes are zeros.
 */
export function propagationContextToTraceparent(context: PropagationContext): string {
  const made = withScopeStack(createScopeStackFromPropagation(context), captureTraceparent);
  if (made === "") throw new InvalidArgument("parentUuid ends in 8 zero bytes");
  return made;
}

/**
 * Reads what `propagationContextToJson` wrote, here or in another language.
 *
 * @throws InvalidArgument, InvalidJson, LimitExceeded.
 */
export function propagationContextFromJson(value: string): PropagationContext {
  defaultRuntime().createRoot(value);
  if (!value.trimStart().startsWith("{"))
    throw new InvalidJson("a traceparent was given in place of JSON"); // The core reads both.
  const members = JSON.parse(value) as { root_uuid?: string | null; parent_uuid: string };
  const { root_uuid: rootUuid, parent_uuid: parentUuid } = members;
  return rootUuid === undefined || rootUuid === null
    ? { version: 1, parentUuid }
    : { version: 1, rootUuid, parentUuid };
}

/**
 * A stack to go on with under another process's scope: what is opened first there has it as its
 * parent, and the trace goes on.
 *
 * @param context A context, its JSON, or a W3C `traceparent`.
 * @throws InvalidArgument, InvalidJson, LimitExceeded.
 */
export function createScopeStackFromPropagation(context: PropagationContext | string): ScopeStack {
  const text = typeof context === "string" ? context : textOf(context);
  return new ScopeStack(defaultRuntime(), text);
}

function textOf(context: PropagationContext): string {
  const { version, rootUuid, parentUuid } = context;
  return JSON.stringify({ version, root_uuid: rootUuid ?? undefined, parent_uuid: parentUuid });
}

/** The core says what is wrong with it. */
function checked(context: PropagationContext): PropagationContext {
  defaultRuntime().createRoot(textOf(context));
  return context;
}
