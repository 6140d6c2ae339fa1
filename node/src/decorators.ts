import type { Definition } from "./arguments.js";
import { checkBoolean, checkText, checkUnsigned, isGiven } from "./checks.js";
import type { CodecName } from "./core-codec.js";
import { InvalidArgument } from "./errors.gen.js";
import type { LlmCodec, LlmResponseCodec } from "./intercepts.js";
import { Agent, Llm, managedFunction, Tool } from "./managed.js";
import { Runtime } from "./runtime.js";

/*
 * Decorators that put a function under management, for methods by the syntax of the standard and
 * for every function as a plain call:
 *
 *     const search = tool(async (query: string) => …, { name: "search" });
 *
 *     class Planner {
 *       @agent
 *       async plan(goal: string) { … }
 *
 *       @llm({ modelName: "gpt" })
 *       async *ask({ prompt }: { prompt: string }) { yield … }
 *     }
 *
 * All take plain functions, async functions, generator functions and async generator functions, and
 * keep `this`. JavaScript does not tell what parameters are called: a single argument stands for
 * itself in what guards, intercepts and events see, several are an array, none is an empty object.
 * `parameters` gives them names, which then are an object.
 *
 * An AbortSignal as the last argument of a call belongs to the call: guards, intercepts and events
 * do not see it, the function gets it as it was given, and once it is aborted a call of a tool or
 * a model ends as cancelled and is rejected with its reason.
 */

type AnyFunction = (this: any, ...args: any[]) => any;

/** What all decorators take. What is undefined or null is absent. */
export interface DecoratorOptions {
  /** What the work is called; by default what the function is. */
  name?: string | null;
  /**
   * What the arguments are called in what guards, intercepts and events see, in order. Further
   * arguments are left out, for the function too. An intercept may leave one out, for which the
   * function's own default then holds.
   */
  parameters?: readonly string[] | null;
  /** That the function gives promises, where it is not declared `async`; false by default. */
  async?: boolean | null;
  /** The metadata of each start event. */
  metadata?: unknown;
  /** The runtime; by default the default one. */
  runtime?: Runtime | null;
}

/** What `tool` takes. */
export interface ToolDecoratorOptions extends DecoratorOptions {
  /** `ToolAttributes` of each call. */
  attributes?: number | null;
}

/** What `agent` takes. */
export interface AgentDecoratorOptions extends DecoratorOptions {
  /** `ScopeAttributes` of each scope. */
  attributes?: number | null;
}

/** What `llm` takes. */
export interface LlmDecoratorOptions extends DecoratorOptions {
  /** `LlmAttributes` of each call. */
  attributes?: number | null;
  /** The name of the model; by default what a member `model` of the request says. */
  modelName?: string | null;
  /** With it intercepts see and edit the request's annotated form (S4.11). */
  codec?: LlmCodec | CodecName | null;
  /** Annotates the response for observers (S2.8). */
  responseCodec?: LlmResponseCodec | CodecName | null;
  /** Of a generator: whether to emit a mark for each chunk; false by default. */
  chunkMarks?: boolean | null;
}

/** A decorator that knows its options: of a method, of a field that holds a function, or a call. */
export interface Decorator {
  /** Decorates a method, or any function as a plain call. */
  <F extends AnyFunction>(func: F, context?: ClassMethodDecoratorContext): F;
  /** Decorates a field that holds a function. */
  <F extends AnyFunction>(func: undefined, context: ClassFieldDecoratorContext): (initial: F) => F;
}

/** A decorator, which can also be given the options first. */
export interface Decorating<Options> {
  /** Decorates a method, or any function as a plain call with its options. */
  <F extends AnyFunction>(func: F, options?: Options | ClassMethodDecoratorContext): F;
  /** Decorates a field that holds a function. */
  <F extends AnyFunction>(func: undefined, context: ClassFieldDecoratorContext): (initial: F) => F;
  /** Takes the options first. */
  (options: Options): Decorator;
}

/**
 * Makes a function a managed tool: each call goes through `toolCallExecute`, or
 * `toolCallExecuteSync` where it is not async.
 *
 * The function gets the very objects that it was called with; where a request intercept changed
 * one, the changed one. An AbortSignal behind them cancels the call. A generator's call lasts until
 * the generator ends; since no execution intercept can wrap one, a call to which one applies is
 * refused with InvalidState.
 *
 * @returns The function that takes its place. Calls throw, or are rejected with, what
 *   `toolCallExecute` is rejected with, and InvalidArgument for arguments of an intercept that the
 *   function cannot take.
 * @throws InvalidArgument for what is no function, for an anonymous one without a name, and for
 *   wrong options.
 * @example
 * const add = tool((a, b = 1) => a + b, { name: "add", parameters: ["a", "b"] });
 * add(2); // 3, and the start event's data is { a: 2 }
 * @example
 * const load = tool((url, signal) => fetch(url, { signal }), { name: "load", async: true });
 * await load("https://example.com", AbortSignal.timeout(5000));
 */
export const tool: Decorating<ToolDecoratorOptions> = decorating("tool", (given, definition) => {
  const { attributes, metadata } = given;
  return new Tool(definition, { attributes, metadata }, given.runtime ?? undefined);
});

/**
 * Puts an agent's scope around each call of a function: its arguments are the scope's input, what
 * it returns the output.
 *
 * @returns The function that takes its place. Calls throw, or are rejected with, what the function
 *   throws.
 * @throws InvalidArgument for what is no function, for an anonymous one without a name, and for
 *   wrong options.
 * @example
 * const plan = agent(async function plan(goal) {
 *   return `a way to ${goal}`;
 * });
 */
export const agent: Decorating<AgentDecoratorOptions> = decorating("agent", (given, definition) => {
  const { attributes, metadata } = given;
  return new Agent(definition, { attributes, metadata }, given.runtime ?? undefined);
});

/**
 * Makes a function a managed call of a language model: each call goes through `llmCallExecute` or
 * `llmCallExecuteSync`, that of a generator function through `llmStreamCallExecute(Sync)`.
 *
 * The request is the first argument where that is one, an object of `headers` and `content`. Else
 * one is made: its content is what a tool's arguments would be, its headers are taken from the
 * member `headers` of it, whose credentials observers never see.
 *
 * @returns The function that takes its place. Calls throw, or are rejected with, what
 *   `llmCallExecute` is rejected with, and InvalidArgument for a request of an intercept that the
 *   function cannot take.
 * @throws InvalidArgument for what is no function, for an anonymous one without a name, and for
 *   wrong options.
 * @example
 * const ask = llm(async function* ask({ prompt }) {
 *   yield* prompt.split(" ");
 * }, { modelName: "gpt-4o" });
 * for await (const word of ask({ prompt: "say hello" })) console.log(word);
 */
export const llm: Decorating<LlmDecoratorOptions> = decorating("llm", (given, definition) => {
  const { attributes, metadata, modelName, codec, responseCodec, chunkMarks } = given;
  const options = { attributes, metadata, modelName, codec, responseCodec, chunkMarks };
  return new Llm(definition, options, given.runtime ?? undefined);
});

type Manage<Options> = (
  options: Options,
  definition: Definition,
) => Parameters<typeof managedFunction>[0];

function decorating<Options extends DecoratorOptions>(
  kind: string,
  manage: Manage<Options>,
): Decorating<Options> {
  const wrap = (func: unknown, options: Options, place?: string | symbol): Function => {
    const definition = definitionOf(kind, func, options, place);
    return managedFunction(manage(options, definition), definition, options.async ?? undefined);
  };
  const decorate = (
    options: Options,
    func: unknown,
    context: unknown,
    more: unknown[],
  ): unknown => {
    const isKey = typeof context === "string" || typeof context === "symbol";
    if (isKey && more.length > 0) {
      throw new InvalidArgument(
        `@${kind} is a decorator of the standard; experimentalDecorators must be off`,
      );
    }
    if (context === undefined) return wrap(func, options);
    if (!isContext(context)) throw new InvalidArgument(`options of ${kind} must be an object`);
    if (context.kind === "field") return (initial: unknown) => wrap(initial, options, context.name);
    if (context.kind === "method") return wrap(func, options, context.name);
    throw new InvalidArgument(`@${kind} decorates methods and fields, not a ${context.kind}`);
  };
  return ((first: unknown, second: unknown, ...more: unknown[]): unknown => {
    if (isOptions(first) && second === undefined) {
      checkOptions(kind, first);
      return (func: unknown, context: unknown, ...others: unknown[]): unknown =>
        decorate(first as Options, func, context, others);
    }
    if (!isOptions(second)) return decorate({} as Options, first, second, more);
    checkOptions(kind, second);
    return decorate(second as Options, first, undefined, more);
  }) as Decorating<Options>;
}

interface DecoratorPlace {
  readonly kind: string;
  readonly name: string | symbol;
}

/** Whether a decorator was told by the language what it decorates. */
function isContext(value: unknown): value is DecoratorPlace {
  return (
    typeof value === "object" &&
    value !== null &&
    typeof (value as DecoratorPlace).kind === "string" &&
    typeof (value as { addInitializer?: unknown }).addInitializer === "function"
  );
}

function isOptions(value: unknown): value is DecoratorOptions {
  return typeof value === "object" && value !== null && !isContext(value);
}

function definitionOf(
  kind: string,
  func: unknown,
  options: DecoratorOptions,
  place: string | symbol | undefined,
): Definition {
  if (typeof func !== "function" || /^class\b/.test(Function.prototype.toString.call(func))) {
    const given = typeof func === "function" ? "a class" : func === null ? "null" : typeof func;
    throw new InvalidArgument(`${kind} decorates a function, not ${given}`);
  }
  const known = typeof place === "symbol" ? place.description : place;
  const name = options.name ?? (known || func.name);
  if (name === "") throw new InvalidArgument(`${kind} needs a name for a function without one`);
  return { name, func, parameters: options.parameters ?? undefined };
}

function checkOptions(kind: string, options: LlmDecoratorOptions): void {
  const { name, parameters, async, runtime, attributes, modelName, chunkMarks } = options;
  if (isGiven(name)) checkText(name, `name of ${kind}`);
  if (isGiven(async)) checkBoolean(async, `async of ${kind}`);
  if (isGiven(attributes)) checkUnsigned(attributes, `attributes of ${kind}`);
  if (isGiven(modelName)) checkText(modelName, `modelName of ${kind}`);
  if (isGiven(chunkMarks)) checkBoolean(chunkMarks, `chunkMarks of ${kind}`);
  if (isGiven(runtime) && !(runtime instanceof Runtime)) {
    throw new InvalidArgument(`runtime of ${kind} must be a Runtime`);
  }
  if (!isGiven(parameters)) return;
  const isList = Array.isArray(parameters) && parameters.every((each) => typeof each === "string");
  if (!isList || new Set(parameters).size !== parameters.length) {
    throw new InvalidArgument(`parameters of ${kind} must be an array of different names`);
  }
}
