import { InvalidArgument } from "./errors.gen.js";

/**
 * A moment: a `Date`, microseconds since 1970-01-01 UTC as a number, or nanoseconds since then as a
 * bigint.
 */
export type Timestamp = Date | number | bigint;

/** A moment in nanoseconds, undefined for none. Throws InvalidArgument for what is no moment. */
export function nanoseconds(moment: Timestamp | null | undefined): bigint | undefined {
  if (moment === undefined || moment === null) return undefined;
  if (typeof moment === "bigint") {
    if (BigInt.asIntN(64, moment) === moment) return moment;
    throw new InvalidArgument(`timestamp ${moment} is beyond 64 bits of nanoseconds`);
  }
  const microseconds = moment instanceof Date ? moment.getTime() * 1000 : moment;
  if (!Number.isSafeInteger(microseconds)) {
    throw new InvalidArgument(
      "timestamp must be a safe integer number of Unix microseconds, a bigint of nanoseconds " +
        `or a Date, not ${String(moment)}`,
    );
  }
  return nanoseconds(BigInt(microseconds) * 1000n);
}
