import { defaultRuntime } from "./default.js";
import { InvalidArgument } from "./errors.gen.js";
import type { Maybe } from "./positional.js";
import type { ScopeHandle } from "./scope.js";
import type { Timestamp } from "./time.js";

/*
 * Measurements as marks, in the form that NeMo Relay has for them: `data` is
 * `{"measurements": […]}`, and `data_schema` says so. What is measured is checked here, so that
 * whoever reads the file can rely on it.
 */

/** What a measurement is of. */
export enum MetricKind {
  /** A sum that only grows. */
  Counter = 0,
  /** A sum that may shrink. */
  UpDownCounter = 1,
  /** A level. */
  Gauge = 2,
  /** Values of which the distribution counts. */
  Histogram = 3,
}

/** What the value of a measurement is. */
export enum MetricValueType {
  /** An integer of 0 and more. */
  U64 = 0,
  /** An integer. */
  I64 = 1,
  /** A finite number. */
  F64 = 2,
}

type Scalar = string | number | boolean;

/** One measured value. */
export interface MetricMeasurement {
  /** What is measured: a letter, then at most 254 of letters, digits, `_`, `.`, `-`, `/`. */
  name: string;
  /** What kind of thing is measured. */
  kind: MetricKind;
  /** Of a counter or histogram U64 or F64, of an up-down counter I64 or F64, of a gauge any. */
  valueType: MetricValueType;
  /** Of a counter 0 or more. Integers are numbers within ±(2^53-1), or bigints below 2^63. */
  value: number | bigint;
  /** Its unit: ASCII, at most 63 characters. */
  unit?: string;
  /** What it says, for people. */
  description?: string;
  /** What tells it from others: texts, numbers, booleans, or lists of one kind of them. */
  attributes?: Record<string, Scalar | Scalar[]>;
  /** Of a histogram: at most 64 upper limits, each greater than the one before. */
  boundaries?: number[];
}

const SCHEMA = { name: "nemo.relay.metric_measurements", version: "1" };
const BOUNDARY_LIMIT = 64;
const NAME = /^[A-Za-z][A-Za-z0-9_.\-/]{0,254}$/;
const UNIT = /^[\x00-\x7f]{0,63}$/;
const HIGHEST = 2n ** 63n - 1n;

const KIND_NAMES = ["counter", "up_down_counter", "gauge", "histogram"];
const TYPE_NAMES = ["u64", "i64", "f64"];
const { U64, I64, F64 } = MetricValueType;
const TYPES_OF_KIND = [[U64, F64], [I64, F64], [U64, I64, F64], [U64, F64]];

/**
 * Emits a mark of measurements under the current scope of the default runtime.
 *
 * @param name What the mark is called.
 * @param measurements At least one. Two of one name, upper or lower case, agree on kind, value type
 *   and unit.
 * @param handle An open scope to stand under instead of the current one.
 * @throws InvalidArgument that says which measurement is wrong, and how.
 * @example
 * const tokens = { name: "llm.tokens", kind: MetricKind.Counter, valueType: MetricValueType.U64 };
 * metric("usage", [{ ...tokens, value: 812 }]);
 */
export function metric(
  name: string,
  measurements: readonly MetricMeasurement[],
  handle?: Maybe<ScopeHandle>,
  metadata?: unknown,
  timestamp?: Maybe<Timestamp>,
): void {
  if (!Array.isArray(measurements) || measurements.length === 0)
    throw new InvalidArgument("measurements must be an array of at least one measurement");
  const known = new Map<string, string>();
  for (const measurement of measurements) check(measurement, known);
  const data = { measurements: measurements.map(written) };
  defaultRuntime().event(name, handle, data, metadata, timestamp, SCHEMA);
}

function check(measurement: MetricMeasurement, known: Map<string, string>): void {
  const { name, kind, valueType, unit } = Object(measurement) as MetricMeasurement;
  const problem = problemOf(Object(measurement) as MetricMeasurement);
  if (problem !== undefined)
    throw new InvalidArgument(`measurement ${JSON.stringify(name)}: ${problem}`);
  const facts = JSON.stringify([kind, valueType, unit]);
  const key = name.toLowerCase();
  if ((known.get(key) ?? facts) !== facts) {
    const which = `measurement ${JSON.stringify(name)} stands here twice`;
    throw new InvalidArgument(`${which}, with another kind, value type or unit`);
  }
  known.set(key, facts);
}

/** What is wrong with a measurement, if anything. */
function problemOf(measurement: MetricMeasurement): string | undefined {
  const { name, kind, valueType, unit, description, attributes, boundaries } = measurement;
  if (typeof name !== "string" || !NAME.test(name))
    return "name must be a letter and at most 254 of letters, digits, _ . - /";
  const types = TYPES_OF_KIND[kind];
  if (types === undefined) return `kind must be a MetricKind, not ${String(kind)}`;
  if (!types.includes(valueType)) {
    const allowed = types.map((type) => TYPE_NAMES[type]).join(", ");
    return `valueType of a ${KIND_NAMES[kind]} must be ${allowed}`;
  }
  if (unit !== undefined && (typeof unit !== "string" || !UNIT.test(unit)))
    return "unit must be ASCII of at most 63 characters";
  if (description !== undefined && typeof description !== "string")
    return "description must be a string";
  for (const [key, value] of Object.entries(attributes ?? {})) {
    if (!isAttribute(value))
      return `attribute ${JSON.stringify(key)} must be a text, number, boolean or list of one`;
  }
  return problemOfValue(measurement) ?? problemOfBoundaries(kind, boundaries);
}

function problemOfValue({ kind, valueType, value }: MetricMeasurement): string | undefined {
  if (valueType === F64) {
    if (typeof value !== "number" || !Number.isFinite(value))
      return `value must be a finite number, not ${String(value)}`;
  } else if (!isInteger(value)) {
    return `value must be an integer up to ${HIGHEST}, not ${String(value)}`;
  }
  if (value < 0 && (valueType === U64 || kind === MetricKind.Counter))
    return `value must be 0 or more, not ${value}`;
  return undefined;
}

function isInteger(value: unknown): boolean {
  if (typeof value === "bigint") return value >= -HIGHEST && value <= HIGHEST;
  return Number.isSafeInteger(value);
}

function problemOfBoundaries(
  kind: MetricKind,
  boundaries: number[] | undefined,
): string | undefined {
  if (boundaries === undefined) return undefined;
  if (kind !== MetricKind.Histogram)
    return `boundaries are of histograms, not of a ${KIND_NAMES[kind]}`;
  if (!Array.isArray(boundaries) || boundaries.length > BOUNDARY_LIMIT)
    return `boundaries must be an array of at most ${BOUNDARY_LIMIT}`;
  if (!boundaries.every((boundary) => Number.isFinite(boundary)))
    return "boundaries must be finite numbers";
  const isRising = boundaries.every((boundary, i) => i === 0 || boundaries[i - 1]! < boundary);
  return isRising ? undefined : "each boundary must be greater than the one before";
}

function isAttribute(value: unknown): boolean {
  if (!Array.isArray(value)) return isScalar(value);
  return value.every((element) => isScalar(element) && typeof element === typeof value[0]);
}

function isScalar(value: unknown): boolean {
  return ["string", "boolean"].includes(typeof value) || Number.isFinite(value);
}

/** As it stands in the mark. */
function written(measurement: MetricMeasurement): unknown {
  const { name, kind, valueType, value, unit, description, attributes, boundaries } = measurement;
  const facts = { kind: KIND_NAMES[kind], value_type: TYPE_NAMES[valueType], value };
  return { name, ...facts, unit, description, attributes, boundaries };
}
