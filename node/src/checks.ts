import { InvalidArgument } from "./errors.gen.js";

/*
 * What must hold for a value to reach the core as it is. The core itself checks ranges, names and
 * flag bits, so that its answer is the same in every language.
 */

/** Whether an option was given: what is undefined or null is absent. */
export function isGiven<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}

export function checkText(value: unknown, name: string): asserts value is string {
  if (typeof value !== "string") refuse(value, name, "a string");
}

/** A whole number of 32 bits. */
export function checkInteger(value: unknown, name: string): asserts value is number {
  if (typeof value !== "number" || (value | 0) !== value) refuse(value, name, "a 32-bit integer");
}

/** A whole number of 32 bits that is not negative. */
export function checkUnsigned(value: unknown, name: string): asserts value is number {
  if (typeof value !== "number" || value >>> 0 !== value) {
    refuse(value, name, "a 32-bit integer of at least 0");
  }
}

export function checkNumber(value: unknown, name: string): asserts value is number {
  if (typeof value !== "number") refuse(value, name, "a number");
}

/** A bigint of 64 bits. */
export function checkBigInt(value: unknown, name: string): asserts value is bigint {
  if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value) {
    refuse(value, name, "a bigint of 64 bits");
  }
}

export function checkBoolean(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== "boolean") refuse(value, name, "a boolean");
}

export function checkFunction(value: unknown, name: string): asserts value is Function {
  if (typeof value !== "function") refuse(value, name, "a function");
}

/** An object that is no array: options, or what an event has as an object. */
export function checkObject(value: unknown, name: string): asserts value is object {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  refuse(value, name, "an object");
}

function refuse(value: unknown, name: string, wanted: string): never {
  const isNumber = typeof value === "number" || typeof value === "bigint";
  const given = isNumber ? String(value) : kind(value);
  throw new InvalidArgument(`${name} must be ${wanted}, not ${given}`);
}

function kind(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : typeof value;
}
