import { InvalidArgument } from "./errors.gen.js";
import { isLlmRequest, type LlmRequest } from "./intercepts.js";
import { isContainer, isUnchangedCopy } from "./private-copy.js";

/*
 * The arguments of a decorated function as one request, and back. Guards, intercepts and events see
 * what an intercept may also change. What it leaves alone reaches the function as the very object
 * that the caller gave (S3.10).
 */

type Members = Record<string, unknown>;

/** What is known of a decorated function. */
export interface Definition {
  readonly name: string;
  readonly func: Function;
  /** What its arguments are called in the request, in order. */
  readonly parameters: readonly string[] | undefined;
}

/**
 * One call's arguments: `request` is what goes through the middleware. An AbortSignal behind all
 * others is the call's, and no part of it.
 */
export class ToolArguments {
  readonly request: unknown;
  readonly signal: AbortSignal | undefined;
  private readonly args: readonly unknown[];
  /** How many arguments stand before the signal. */
  private readonly before: number;

  constructor(
    private readonly definition: Definition,
    private readonly self: unknown,
    given: readonly unknown[],
  ) {
    const { parameters } = definition;
    const last = given.at(-1);
    this.signal = last instanceof AbortSignal ? last : undefined;
    this.before = this.signal === undefined ? given.length : given.length - 1;
    const isWhole = parameters === undefined && this.signal === undefined;
    const count = Math.min(this.before, parameters?.length ?? Infinity);
    this.args = isWhole ? given : given.slice(0, count);
    this.request = requestOf(this.args, parameters);
  }

  /** Calls the function with what the middleware made of the request. */
  run(request: unknown): unknown {
    const isSame = Object.is(request, this.request);
    const { args, definition } = this;
    return this.call(isSame ? args : argsOf(definition, args, this.request, request));
  }

  private call(args: readonly unknown[]): unknown {
    const { definition, self, signal } = this;
    if (signal === undefined) return Reflect.apply(definition.func, self, args);
    const all = [...args];
    all[Math.max(args.length, this.before)] = signal;
    return Reflect.apply(definition.func, self, Array.from(all));
  }
}

/**
 * As a tool's, with a request for the provider: the first argument where it is an LlmRequest, else
 * one that is made of all, with the member `headers` for its headers.
 */
export class LlmArguments {
  readonly request: LlmRequest;
  /** What a tool's request would be. */
  private readonly given: ToolArguments;
  private readonly takesHeaders: boolean;

  constructor(
    private readonly definition: Definition,
    private readonly self: unknown,
    private readonly args: readonly unknown[],
  ) {
    this.given = new ToolArguments(definition, self, args);
    const { request } = this.given;
    const { parameters } = definition;
    this.takesHeaders = isObject(request) && (parameters?.includes("headers") ?? true);
    this.request = this.isGiven ? (args[0] as LlmRequest) : this.made(request);
  }

  /** What a member `model` says, if it is a text. */
  get model(): string | undefined {
    const { request } = this.given;
    const model: unknown = isObject(request) ? request["model"] : undefined;
    return typeof model === "string" ? model : undefined;
  }

  get signal(): AbortSignal | undefined {
    return this.given.signal;
  }

  run(request: LlmRequest): unknown {
    if (Object.is(request, this.request)) return this.given.run(this.given.request);
    if (this.isGiven) {
      return Reflect.apply(this.definition.func, this.self, [request, ...this.args.slice(1)]);
    }
    return this.given.run(this.unmade(request));
  }

  private get isGiven(): boolean {
    return isLlmRequest(this.args[0]);
  }

  private made(request: unknown): LlmRequest {
    if (!this.takesHeaders || (request as Members)["headers"] === undefined) {
      return { headers: {}, content: request };
    }
    const { headers, ...content } = request as Members;
    return { headers: headers ?? {}, content };
  }

  /** What the request would be if the function were a tool. */
  private unmade(request: LlmRequest): unknown {
    const { content } = request;
    const isSame = isUnchangedCopy(request.headers, this.request.headers);
    if (!this.takesHeaders) {
      if (!isSame) throw refused(this.definition, "have headers, for which it has no parameter");
      return content;
    }
    if (!isObject(content)) {
      throw refused(this.definition, `are ${kindOf(content)}, no object`);
    }
    const given = (this.given.request as Members)["headers"];
    const headers = isSame ? given : request.headers;
    return headers === undefined ? content : { ...content, headers };
  }
}

/** An argument stands for itself, several are a list; with names they are an object. */
function requestOf(args: readonly unknown[], parameters: readonly string[] | undefined): unknown {
  if (parameters !== undefined) {
    return Object.fromEntries(args.map((value, index) => [parameters[index]!, value]));
  }
  if (args.length === 0) return {};
  return args.length === 1 ? args[0] : [...args];
}

/** The arguments that make up a request which an intercept gave. */
function argsOf(
  definition: Definition,
  args: readonly unknown[],
  original: unknown,
  request: unknown,
): readonly unknown[] {
  const { parameters } = definition;
  if (parameters !== undefined) {
    if (!isObject(request)) throw refused(definition, `are ${kindOf(request)}, no object`);
    return byName(definition, parameters, restored(request, original) as Members);
  }
  if (args.length === 0) return isUnchangedCopy(request, original) ? [] : [request];
  if (args.length === 1) return [restored(request, original)];
  if (!Array.isArray(request)) throw refused(definition, `are ${kindOf(request)}, no array`);
  return restored(request, original) as unknown[];
}

function byName(
  definition: Definition,
  parameters: readonly string[],
  members: Members,
): readonly unknown[] {
  const args: unknown[] = [];
  for (const [name, value] of Object.entries(members)) {
    const index = parameters.indexOf(name);
    if (index < 0) throw refused(definition, `have a member '${name}', which it does not take`);
    args[index] = value;
  }
  // What was left out is undefined, so that the function's own default takes its place.
  return Array.from(args);
}

/** The originals in the place of their copies: of the whole, else of each item or member. */
function restored(value: unknown, original: unknown): unknown {
  if (isUnchangedCopy(value, original)) return original;
  if (Array.isArray(value) && Array.isArray(original)) {
    return value.map((item, index) => itemOf(item, original[index]));
  }
  if (!isObject(value) || !isObject(original)) return value;
  const entries = Object.entries(value).map(([name, item]) => [name, itemOf(item, original[name])]);
  const isNew = entries.some(([name, item]) => !Object.is(item, value[name as string]));
  return isNew ? (Object.fromEntries(entries) as Members) : value;
}

function itemOf(item: unknown, original: unknown): unknown {
  return isUnchangedCopy(item, original) ? original : item;
}

function isObject(value: unknown): value is Members {
  return isContainer(value) && !Array.isArray(value) && !(value instanceof Map);
}

function kindOf(value: unknown): string {
  return value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
}

function refused(definition: Definition, what: string): InvalidArgument {
  return new InvalidArgument(
    `invalid argument: the arguments that an intercept gave for '${definition.name}' ${what}`,
  );
}
