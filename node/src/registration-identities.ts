import { defaultRuntime } from "./default.js";
import { Registry } from "./enums.gen.js";
import { InvalidArgument } from "./errors.gen.js";
import { registrationsOf, type Registration } from "./registrations.js";

/** The registries by the names that they have in every language. */
export const RuntimeRegistrationKind = {
  Subscriber: "subscriber",
  EventMetadataInjector: "event_metadata_injector",
  MarkSanitizeGuardrail: "mark_sanitize_guardrail",
  ScopeSanitizeStartGuardrail: "scope_sanitize_start_guardrail",
  ScopeSanitizeEndGuardrail: "scope_sanitize_end_guardrail",
  ToolSanitizeRequestGuardrail: "tool_sanitize_request_guardrail",
  ToolSanitizeResponseGuardrail: "tool_sanitize_response_guardrail",
  ToolConditionalExecutionGuardrail: "tool_conditional_execution_guardrail",
  ToolRequestIntercept: "tool_request_intercept",
  ToolExecutionIntercept: "tool_execution_intercept",
  LlmSanitizeRequestGuardrail: "llm_sanitize_request_guardrail",
  LlmSanitizeResponseGuardrail: "llm_sanitize_response_guardrail",
  LlmConditionalExecutionGuardrail: "llm_conditional_execution_guardrail",
  LlmRequestIntercept: "llm_request_intercept",
  LlmExecutionIntercept: "llm_execution_intercept",
  LlmStreamExecutionIntercept: "llm_stream_execution_intercept",
} as const;

/** One of the registries, by name. */
export type RuntimeRegistrationKind =
  (typeof RuntimeRegistrationKind)[keyof typeof RuntimeRegistrationKind];

/** In the order of the list; gates are not among them. */
const KINDS = Object.keys(RuntimeRegistrationKind) as (keyof typeof RuntimeRegistrationKind)[];

/** As they run (S3.2); those that are equal stay as they were registered. */
function inOrder(a: Registration, b: Registration): number {
  return a.priority - b.priority;
}

/** Who registered: here always the user of the package. */
export interface RuntimeRegistrationOwner {
  /** Always `global_api` here. */
  kind: "core" | "global_api" | "plugin";
  /** Of a plugin: its kind. There are none here. */
  pluginKind?: string;
  /** Of a plugin: which of its components. There are none here. */
  componentOrdinal?: number;
}

/** A registration of the default runtime, in the form that NeMo Relay has for it. */
export interface RuntimeRegistrationIdentity {
  /** Where it stands. */
  kind: RuntimeRegistrationKind;
  /** The name that its owner gave it. */
  localName: string;
  /** The name by which a gate and a deregistration know it. */
  effectiveName: string;
  /** Who registered it. */
  owner: RuntimeRegistrationOwner;
}

/**
 * What is registered on the default runtime now, but for gates: by registry, and within one in the
 * order in which they run. `Runtime.registrations` tells more, of scopes too.
 *
 * @param kinds The registries to list; all by default.
 * @throws InvalidArgument for a kind that there is not.
 */
export function listRuntimeRegistrations(
  kinds?: readonly RuntimeRegistrationKind[] | null,
): RuntimeRegistrationIdentity[] {
  const wanted = kinds ?? Object.values(RuntimeRegistrationKind);
  for (const kind of wanted) {
    if (KINDS.some((key) => RuntimeRegistrationKind[key] === kind)) continue;
    throw new InvalidArgument(`kinds has ${String(kind)}, which is no registry`);
  }
  const found = registrationsOf(defaultRuntime());
  return KINDS.filter((key) => wanted.includes(RuntimeRegistrationKind[key])).flatMap((key) =>
    found
      .filter(({ registry }) => registry === Registry[key])
      .sort(inOrder)
      .map(({ name }) => ({
        kind: RuntimeRegistrationKind[key],
        localName: name,
        effectiveName: name,
        owner: { kind: "global_api" },
      })),
  );
}
