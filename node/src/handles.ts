import { ScopeHandle } from "./scope.js";

/** A tool call that the application runs by itself, from `toolCall` to `toolCallEnd` (S4.8). */
export class ToolHandle extends ScopeHandle {}

/** An LLM call that the application runs by itself, from `llmCall` to `llmCallEnd` (S4.8). */
export class LlmHandle extends ScopeHandle {}
