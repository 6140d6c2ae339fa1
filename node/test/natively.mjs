// Middleware of a case in C (ADR 0020): the callables that only look, refuse or return JSON are
// registered as native ones, and everything has to come out as it does with JavaScript's.

import * as scopeflow from "scopeflow";
import { Registered } from "./native-callables.mjs";

const BREAK_CHAIN = 2;
/** What the answers of each kind may have; null for nothing. */
const OUTCOMES = {
  tool_conditional_execution_guardrail: "refuse",
  llm_conditional_execution_guardrail: "refuse",
  tool_sanitize_request_guardrail: "return",
  tool_sanitize_response_guardrail: "return",
  llm_sanitize_request_guardrail: "return",
  llm_sanitize_response_guardrail: "return",
  tool_request_intercept: null,
  mark_sanitize_guardrail: "return",
  scope_sanitize_start_guardrail: "return",
  scope_sanitize_end_guardrail: "return",
  event_metadata_injector: "return",
};

/** How many were registered so. */
export const counts = { registered: 0 };

/** Does a step's registration so; false if it is none, or only JavaScript can do it. */
export function register(runner, step, owner) {
  const [, kind] = /^(?:scope_)?register_(.*)$/.exec(step.op) ?? [];
  const { name, priority = 0, callable: script } = step.args ?? {};
  if (!Object.hasOwn(OUTCOMES, kind ?? "") || typeof name !== "string") return false;
  if ((priority | 0) !== priority || script === undefined || script.async) return false;
  if (!(script.answers ?? []).every((answer) => canAnswer(OUTCOMES[kind], answer))) return false;

  const next = runner.scripts.answers(script.answers);
  const run = () => {
    runner.scripts.record(script.label);
    const answer = next();
    return { refuse: answer.refuse, replace: answer.return?.json };
  };
  const flags = script.break_chain ? BREAK_CHAIN : 0;
  try {
    const pascal = kind.replace(/(^|_)(.)/g, (_, __, letter) => letter.toUpperCase());
    new Registered(owner, scopeflow.Registry[pascal], "run", { name, priority, flags, run });
    counts.registered++;
  } catch (error) {
    throw ownError(error);
  }
  return true;
}

function canAnswer(outcome, answer) {
  if (Object.keys(answer).some((key) => key !== outcome)) return false;
  if (outcome !== "return" || answer.return === undefined) return true;
  return answer.return.json !== undefined && answer.return.json !== "null";
}

/** The addon knows the number of an error only. */
function ownError(error) {
  const classes = Object.values(scopeflow).filter(
    (value) => value.prototype instanceof scopeflow.ScopeflowError,
  );
  for (const Made of classes) {
    const own = new Made(error.message);
    if (String(own.status) === error.code) return own;
  }
  return error;
}
