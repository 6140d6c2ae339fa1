import { LlmArguments, ToolArguments, type Definition } from "./arguments.js";
import { disown, isThenable } from "./callbacks.js";
import { beginTool } from "./calls.js";
import { defaultRuntime } from "./default.js";
import { CallFlags, ScopeType } from "./enums.gen.js";
import { InvalidState } from "./errors.gen.js";
import {
  AgentSpan,
  ManagedAsyncGenerator,
  ManagedGenerator,
  SpannedSteps,
  StreamSteps,
  ToolSpan,
  type Steps,
} from "./generators.js";
import type { LlmStreamOptions, PushOptions, ToolCallOptions } from "./options.js";
import type { Runtime } from "./runtime.js";

/*
 * What goes around the calls of a decorated function, and the function that takes its place: one
 * for each way of being called.
 */

type Way = "plain" | "async" | "generator" | "async generator";

/** What goes around the calls of one function. */
interface Management {
  call(self: unknown, args: unknown[]): unknown;
  wait(self: unknown, args: unknown[]): Promise<unknown>;
  steps(self: unknown, args: unknown[], isAsync: boolean): Steps;
}

abstract class Managed<Options> {
  constructor(
    protected readonly definition: Definition,
    protected readonly options: Options,
    private readonly ownRuntime: Runtime | undefined,
  ) {}

  /** Looked up at each call: a test may have put another one there. */
  protected get runtime(): Runtime {
    return this.ownRuntime ?? defaultRuntime();
  }
}

/** Each call is a managed tool call. */
export class Tool extends Managed<ToolCallOptions> implements Management {
  call(self: unknown, args: unknown[]): unknown {
    const given = new ToolArguments(this.definition, self, args);
    const { name } = this.definition;
    return this.runtime.toolCallExecuteSync(
      name,
      given.request,
      (request) => atOnce(name, given.run(request)),
      this.optionsOf(given),
    );
  }

  wait(self: unknown, args: unknown[]): Promise<unknown> {
    const given = new ToolArguments(this.definition, self, args);
    return this.runtime.toolCallExecute(
      this.definition.name,
      given.request,
      (request) => given.run(request),
      this.optionsOf(given),
    );
  }

  steps(self: unknown, args: unknown[], isAsync: boolean): Steps {
    const given = new ToolArguments(this.definition, self, args);
    const { definition, runtime } = this;
    const options = this.optionsOf(given);
    const flags = isAsync ? CallFlags.None : CallFlags.Sync;
    const span = new ToolSpan(definition.name, (target) =>
      beginTool(runtime, definition.name, given.request, target, options, flags),
    );
    return new SpannedSteps(runtime, span, (request) => given.run(request));
  }

  private optionsOf({ signal }: ToolArguments): ToolCallOptions {
    return signal === undefined ? this.options : { ...this.options, signal };
  }
}

/** Each call has a scope around it. */
export class Agent extends Managed<PushOptions> implements Management {
  call(self: unknown, args: unknown[]): unknown {
    const { name } = this.definition;
    const given = new ToolArguments(this.definition, self, args);
    return this.runtime.withScopeSync(
      name,
      ScopeType.Agent,
      (scope) => (scope.output = atOnce(name, given.run(given.request))),
      this.optionsOf(given),
    );
  }

  wait(self: unknown, args: unknown[]): Promise<unknown> {
    const given = new ToolArguments(this.definition, self, args);
    return this.runtime.withScope(
      this.definition.name,
      ScopeType.Agent,
      async (scope) => (scope.output = await given.run(given.request)),
      this.optionsOf(given),
    );
  }

  steps(self: unknown, args: unknown[]): Steps {
    const given = new ToolArguments(this.definition, self, args);
    const { runtime } = this;
    const { name } = this.definition;
    const span = new AgentSpan(() => runtime.open(name, ScopeType.Agent, this.optionsOf(given)));
    return new SpannedSteps(runtime, span, () => given.run(given.request));
  }

  private optionsOf(given: ToolArguments): PushOptions {
    return { ...this.options, input: given.request };
  }
}

/** Each call is a managed call of a language model; a generator is a managed stream. */
export class Llm extends Managed<LlmStreamOptions> implements Management {
  call(self: unknown, args: unknown[]): unknown {
    const given = new LlmArguments(this.definition, self, args);
    const { name } = this.definition;
    return this.runtime.llmCallExecuteSync(
      name,
      given.request,
      (request) => atOnce(name, given.run(request)),
      this.optionsOf(given),
    );
  }

  wait(self: unknown, args: unknown[]): Promise<unknown> {
    const given = new LlmArguments(this.definition, self, args);
    return this.runtime.llmCallExecute(
      this.definition.name,
      given.request,
      (request) => given.run(request),
      this.optionsOf(given),
    );
  }

  steps(self: unknown, args: unknown[], isAsync: boolean): Steps {
    const given = new LlmArguments(this.definition, self, args);
    const { runtime } = this;
    const { name } = this.definition;
    const options = this.optionsOf(given);
    const execute = (produce: (request: any) => unknown): unknown =>
      isAsync
        ? runtime.llmStreamCallExecute(name, given.request, produce, options)
        : runtime.llmStreamCallExecuteSync(name, given.request, produce, options);
    return new StreamSteps(runtime, execute, (request) => given.run(request));
  }

  private optionsOf(given: LlmArguments): LlmStreamOptions {
    const { model, signal } = given;
    return { ...this.options, modelName: this.options.modelName ?? model, signal };
  }
}

/** A call that does not wait has its result at once, or never. */
function atOnce(name: string, result: unknown): unknown {
  if (!isThenable(result)) return result;
  disown(result);
  const what = `'${name}' gave a promise and is not declared async`;
  throw new InvalidState(`invalid state: ${what}; decorate it with async: true`);
}

// --- What takes the function's place ---

const AsyncFunction = (async () => {}).constructor;
const GeneratorFunction = function* () {}.constructor;
const AsyncGeneratorFunction = async function* () {}.constructor;

/** Of functions that were decorated already, which look like others. */
const knownWays = new WeakMap<Function, Way>();

/** @param isAsync Whether it is said to give promises, or async iterators; else it is looked up. */
function wayOf(func: Function, isAsync: boolean | undefined): Way {
  const known = knownWays.get(func);
  if (known !== undefined) return known;
  if (func instanceof AsyncGeneratorFunction) return "async generator";
  if (func instanceof GeneratorFunction) return "generator";
  return isAsync || func instanceof AsyncFunction ? "async" : "plain";
}

/** The function under management. */
export function managedFunction(
  managed: Management,
  definition: Definition,
  isAsync: boolean | undefined,
): Function {
  const { func, name } = definition;
  const way = wayOf(func, isAsync);
  const wrapper = wrapperOf(managed, name, way);
  for (const property of ["name", "length"] as const) {
    Object.defineProperty(wrapper, property, { value: func[property], configurable: true });
  }
  knownWays.set(wrapper, way);
  return wrapper;
}

function wrapperOf(managed: Management, name: string, way: Way): Function {
  switch (way) {
    case "plain":
      return function (this: unknown, ...args: unknown[]): unknown {
        return managed.call(this, args);
      };
    case "async":
      return async function (this: unknown, ...args: unknown[]): Promise<unknown> {
        return managed.wait(this, args);
      };
    case "generator":
      return function (this: unknown, ...args: unknown[]): ManagedGenerator {
        return new ManagedGenerator(managed.steps(this, args, false), name);
      };
    case "async generator":
      return function (this: unknown, ...args: unknown[]): ManagedAsyncGenerator {
        return new ManagedAsyncGenerator(managed.steps(this, args, true), name);
      };
  }
}
