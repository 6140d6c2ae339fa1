// What is done to the calls of agents without their knowing: guardrails and intercepts.

import { setTimeout as sleep } from "node:timers/promises";
import { APIError } from "openai";
import * as scopeflow from "scopeflow";
import type { Event, EventSanitizeFields, LlmRequest, LlmRequestInterceptArgs } from "scopeflow";

const PERSONAL =
  /[\p{L}\p{N}_.+-]+@[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)+|\b\d{4}(?:[ -]?\d{4}){3}\b/gu;
const TRY_LIMIT = 4;
const FIRST_WAIT_S = 0.05;
const WAIT_LIMIT_S = 2;

/** Has all of it in force until the function that it gives is called. */
export function install(): () => void {
  const { deregisterToolConditionalExecutionGuardrail: deregisterGuard } = scopeflow;
  scopeflow.registerToolConditionalExecutionGuardrail("read-only SQL", 10, refuseWrites);
  scopeflow.registerLlmSanitizeRequestGuardrail("privacy", 10, redactRequest);
  scopeflow.registerScopeSanitizeStartGuardrail("privacy", 10, redactEvent);
  scopeflow.registerScopeSanitizeEndGuardrail("privacy", 10, redactEvent);
  scopeflow.registerMarkSanitizeGuardrail("privacy", 10, redactEvent);
  scopeflow.registerLlmRequestIntercept("agent's name", 10, false, nameAgent);
  scopeflow.registerLlmExecutionIntercept("retry", 10, retry);
  scopeflow.registerLlmStreamExecutionIntercept("retry", 10, retry);
  return () => {
    deregisterGuard("read-only SQL");
    scopeflow.deregisterLlmSanitizeRequestGuardrail("privacy");
    scopeflow.deregisterScopeSanitizeStartGuardrail("privacy");
    scopeflow.deregisterScopeSanitizeEndGuardrail("privacy");
    scopeflow.deregisterMarkSanitizeGuardrail("privacy");
    scopeflow.deregisterLlmRequestIntercept("agent's name");
    scopeflow.deregisterLlmExecutionIntercept("retry");
    scopeflow.deregisterLlmStreamExecutionIntercept("retry");
  };
}

/** A guardrail: SQL may read, and nothing else. Gives the reason of a refusal. */
export function refuseWrites(name: string, args: { statement: string }): string | null {
  if (name !== "sql") return null;
  const [, verb] = /^[\s(]*([\p{L}\p{N}_]*)/u.exec(args.statement.toUpperCase())!;
  if (["SELECT", "WITH", "EXPLAIN"].includes(verb!)) return null;
  return `only statements that read are allowed, and this one begins with ${verb || "no word"}`;
}

/** A sanitizer: observers see no personal data in what a model is asked. The model does. */
function redactRequest({ headers, content }: LlmRequest): LlmRequest {
  return { headers: redact(headers), content: redact(content) };
}

/** A sanitizer of events: the same for whatever else they tell, of agents and of tools. */
function redactEvent(event: Event, fields: EventSanitizeFields): EventSanitizeFields {
  // The longest of them, and `redactRequest` has been there.
  if (event.category === "llm" && event.scope_category === "start") return fields;
  return redact(fields);
}

/** A JSON value with `(hidden)` for each e-mail address and card number. */
export function redact<T>(value: T): T {
  const redacted = (item: unknown): unknown => {
    if (typeof item === "string") return item.replace(PERSONAL, "(hidden)");
    if (typeof item !== "object" || item === null) return item;
    if (Array.isArray(item)) return item.map(redacted);
    return Object.fromEntries(Object.entries(item).map(([key, each]) => [key, redacted(each)]));
  };
  return redacted(value) as T;
}

/** A request intercept: the model's server is told which agent asks. */
function nameAgent({ request }: LlmRequestInterceptArgs): LlmRequest {
  const headers = { ...request.headers, "x-agent": scopeflow.getHandle().name };
  return { headers, content: request.content };
}

/**
 * An execution intercept: who is turned away by a busy server (503) asks again, after a while.
 *
 * It waits as long as `Retry-After` says, and longer each time, but neither for ever nor often.
 */
export async function retry(
  request: LlmRequest,
  next: (request: LlmRequest) => Promise<unknown>,
): Promise<unknown> {
  for (let attempt = 0; attempt < TRY_LIMIT - 1; attempt++) {
    let waitS: number;
    try {
      return await next(request);
    } catch (error) {
      if (!(error instanceof APIError) || error.status !== 503) throw error;
      waitS = Math.max(retryAfterS(error), FIRST_WAIT_S * 2 ** attempt);
      if (waitS > WAIT_LIMIT_S) throw error;
    }
    scopeflow.event("backoff", { data: { status: 503, wait_s: waitS } });
    await sleep(waitS * 1000);
  }
  return next(request);
}

function retryAfterS({ headers }: APIError): number {
  const seconds = headers?.get("retry-after") ?? "";
  return /^\d+$/.test(seconds) ? Number(seconds) : 0;
}
