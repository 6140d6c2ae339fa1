import { defaultRuntime, replaceDefaultRuntime } from "./default.js";
import { dispose } from "./dispose.js";
import { InvalidArgument, InvalidState } from "./errors.gen.js";
import type { Event } from "./event.js";
import { installedEngine } from "./installed.js";
import type { RuntimeOptions } from "./options.js";
import { Runtime } from "./runtime.js";
import { treeOf } from "./tree.js";

/*
 * Tests of what an application does with scopeflow, `scopeflow/testing`: a runtime of their own,
 * and what it emitted. It works with node:test, vitest, jest and all others, and needs none:
 *
 *     test("a search", () =>
 *       isolated(async (events) => {
 *         await search("x");
 *         assert.deepEqual(events.names(), ["start search", "end search"]);
 *       }));
 *
 * The runtime's clock and ids are deterministic: two runs of the same program, one thing at a time,
 * emit the same bytes.
 */

/** 2026-01-01T00:00:00Z, the first reading of a test's clock, in nanoseconds. */
export const CLOCK_START_NS = 1_767_225_600_000_000_000n;

/** One millisecond, which passes between two readings. */
export const CLOCK_STEP_NS = 1_000_000n;

/** What an event is: the start or end of a scope or call, or a mark. */
export type Phase = "start" | "end" | "mark";

/** Which events are wanted; what is undefined does not matter. */
export interface EventQuery {
  /** What the scope, call or mark is called. */
  name?: string;
  /** Start, end or mark. */
  phase?: Phase;
  /** The kind of work, such as `tool`. */
  category?: string;
}

/**
 * The events that were captured, in order; each is as of its emission.
 *
 * @example
 * const events = new CapturedEvents();
 * registerSubscriber("captured", events.add);
 */
export class CapturedEvents implements Iterable<Event> {
  private readonly kept: Event[] = [];

  /** Keeps an event. It is the subscriber, and can be handed on without the object. */
  readonly add = (event: Event): void => {
    this.kept.push(event);
  };

  /** How many there are. */
  get length(): number {
    return this.kept.length;
  }

  [Symbol.iterator](): IterableIterator<Event> {
    return this.kept[Symbol.iterator]();
  }

  /** As of an array: negative numbers count from the end; undefined where there is none. */
  at(index: number): Event | undefined {
    return this.kept.at(index);
  }

  /** Forgets what was captured. */
  clear(): void {
    this.kept.length = 0;
  }

  /**
   * What happened, in words.
   *
   * @example
   * events.names(); // ["start plan", "mark cache miss", "end plan"]
   */
  names(): string[] {
    return this.kept.map((event) => `${phaseOf(event)} ${event.name}`);
  }

  /**
   * The events that are as said, in order; all, if nothing is said.
   *
   * @throws InvalidArgument for a phase that there is not.
   * @example
   * events.findAll("cache miss").map((event) => event.data);
   */
  findAll(query: string | EventQuery = {}): Event[] {
    const { name, phase, category } = wanted(query);
    return this.kept.filter(
      (event) =>
        (name === undefined || event.name === name) &&
        (phase === undefined || phaseOf(event) === phase) &&
        (category === undefined || event.category === category),
    );
  }

  /**
   * The one event that is as said.
   *
   * @throws Error where there is none or more than one; it tells what there is.
   * @example
   * events.find({ name: "search", phase: "end" }).data;
   */
  find(query: string | EventQuery = {}): Event {
    const [found, ...others] = this.findAll(query);
    if (found !== undefined && others.length === 0) return found;
    const { name, phase, category } = wanted(query);
    const words = [phase, category, name].filter((word) => word !== undefined).join(" ");
    const count = found === undefined ? 0 : others.length + 1;
    throw new Error(`${count} events are '${words}', not one, among: ${this.names().join(", ")}`);
  }

  /** The starts and marks right below a scope or call, of which `of` is the start or end. */
  children(of: Event): Event[] {
    return this.kept.filter(
      (event) => event.parent_uuid === of.uuid && phaseOf(event) !== "end",
    );
  }

  /**
   * All of it as text, with times and outcomes, as the command `scopeflow tree` shows it.
   *
   * @example
   * console.log(events.tree());
   * // agent plan          2.0 ms  OK
   * // └─ ◆ cache miss    +1.0 ms
   */
  tree(): string {
    return treeOf(this.kept);
  }

  /** All of it as an event file: a line of ATOF for each event, as it was emitted. */
  toJsonl(): string {
    return this.kept.map((event) => `${event.json}\n`).join("");
  }
}

/**
 * A runtime whose ids count, whose clock goes on by a step at each reading, and that writes
 * payloads in the canonical form (RFC 8785).
 *
 * @param options What else a Runtime takes, and other values for `clockStartNs` and `clockStepNs`.
 * @example
 * const runtime = deterministicRuntime();
 * runtime.pushScope("turn", ScopeType.Agent).uuid; // 01900000-0000-7000-8000-000000000001
 */
export function deterministicRuntime(options: RuntimeOptions = {}): Runtime {
  return new Runtime({
    deterministic: true,
    canonical: true,
    clockStartNs: CLOCK_START_NS,
    clockStepNs: CLOCK_STEP_NS,
    ...options,
  });
}

/** What is captured until it is closed. */
export interface Capture extends Disposable {
  /** What was captured so far. */
  readonly events: CapturedEvents;
  /** Captures no more. Closing again does nothing. */
  close(): void;
}

/**
 * Captures what a runtime emits from now on.
 *
 * @param runtime The default one by default.
 * @param name The subscriber's name.
 * @throws AlreadyExists where the name is taken.
 * @example
 * using capturing = capture();
 * toolCallExecuteSync("search", { query: "x" }, () => 3);
 * capturing.events.names(); // ["start search", "end search"]
 */
export function capture(
  runtime: Runtime = defaultRuntime(),
  name = "scopeflow.testing",
): Capture {
  const events = new CapturedEvents();
  runtime.registerSubscriber(name, events.add);
  let isOpen = true;
  const close = (): void => {
    if (isOpen) runtime.deregisterSubscriber(name);
    isOpen = false;
  };
  return { events, close, [dispose]: close };
}

/** A runtime in the place of the default one, until it is closed. */
export interface Isolation extends Disposable {
  /** The runtime that is the default one meanwhile. */
  readonly runtime: Runtime;
  /** What it has emitted, the ends of what `close` found open among it. */
  readonly events: CapturedEvents;
  /** Ends what is open and puts the default runtime back. Closing again does nothing. */
  close(): void;
}

let isIsolated = false;

/**
 * Puts a fresh deterministic runtime in the place of the default one, for runners whose hooks stand
 * before and after a test.
 *
 * The module's functions and decorated functions use it. What was registered before is not in force
 * inside, and what is registered inside is gone afterwards. Nothing is current in it to begin with:
 * a scope that is open outside is no parent.
 *
 * @param options Those of `deterministicRuntime`.
 * @throws InvalidState inside another isolation: one default runtime serves the whole thread, so
 *   tests that run at once need runtimes of their own, `deterministicRuntime`.
 * @example
 * let test;
 * beforeEach(() => (test = isolate()));
 * afterEach(() => test.close());
 */
export function isolate(options: RuntimeOptions = {}): Isolation {
  if (isIsolated) throw new InvalidState("invalid state: a test is isolated already, close it");
  const runtime = deterministicRuntime(options);
  const { events } = capture(runtime);
  const outer = replaceDefaultRuntime(runtime);
  isIsolated = true;
  let isOpen = true;
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    isIsolated = false;
    replaceDefaultRuntime(outer);
    runtime.close();
  };
  return { runtime, events, close, [dispose]: close };
}

/**
 * Runs a test in the isolation that `isolate` describes, and ends that whatever comes of it.
 *
 * @param test Gets the events and the runtime. May return a promise.
 * @param options Those of `deterministicRuntime`.
 * @returns What the test returned. Rejected with what it threw, and with InvalidState inside
 *   another isolation.
 * @example
 * await isolated(async (events) => {
 *   await search("x");
 *   assert.equal(events.find({ name: "search", phase: "end" }).data, 3);
 * });
 */
export async function isolated<R>(
  test: (events: CapturedEvents, runtime: Runtime) => R | PromiseLike<R>,
  options: RuntimeOptions = {},
): Promise<R> {
  if (typeof test !== "function") throw new InvalidArgument("test must be a function");
  const isolation = isolate(options);
  try {
    const { context } = installedEngine();
    return await context.run(undefined, test, isolation.events, isolation.runtime);
  } finally {
    isolation.close();
  }
}

function phaseOf(event: Event): Phase {
  return event.scope_category ?? "mark";
}

function wanted(query: string | EventQuery): EventQuery {
  if (typeof query === "string") return { name: query };
  const { phase } = query;
  if (phase !== undefined && !["start", "end", "mark"].includes(phase)) {
    throw new InvalidArgument(`phase must be "start", "end" or "mark", not ${String(phase)}`);
  }
  return query;
}
