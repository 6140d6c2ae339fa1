import { InvalidArgument } from "./errors.gen.js";

/** How grave a mark is. The peers have it in a mark's metadata, under the same name. */
export enum LogSeverity {
  /** Of interest to who follows each step. */
  Trace = 0,
  /** Of interest to who looks for a fault. */
  Debug = 1,
  /** As it should be. */
  Info = 2,
  /** Not as it should be, and the work goes on. */
  Warn = 3,
  /** Something failed. */
  Error = 4,
}

export const SEVERITY_KEY = "nemo_relay.log.severity";

/** @internal The metadata of a mark with its severity: an object of its own. */
export function withSeverity(metadata: unknown, severity: LogSeverity | null | undefined): unknown {
  if (severity === undefined || severity === null) return metadata;
  const name = typeof severity === "number" ? LogSeverity[severity] : undefined;
  if (name === undefined)
    throw new InvalidArgument(`severity must be a LogSeverity, not ${String(severity)}`);
  const given = metadata ?? {};
  if (typeof given !== "object" || Array.isArray(given))
    throw new InvalidArgument("a mark with a severity needs metadata that is an object");
  return { ...given, [SEVERITY_KEY]: name.toLowerCase() };
}
