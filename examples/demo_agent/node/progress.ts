// Progress, shown while the agents work: events by a subscriber, the answer as it is streamed.

import type { Event } from "scopeflow";

const INDENT = 24;

/** Prints a line for each event: when, in whose work, what began, ended or was refused. */
export class Progress {
  private readonly beganAt = performance.now();
  /** Name of the agent that a scope belongs to, by the scope's uuid. */
  private readonly agents = new Map<string, string>();
  private isWithinLine = false;

  /** @param write What gets the text. */
  constructor(private readonly write: (text: string) => void) {}

  /** Shows a piece of the answer, on a line that goes on until the next event. */
  readonly say = (piece: string): void => {
    if (piece === "") return;
    this.write((this.isWithinLine ? "" : " ".repeat(INDENT)) + piece);
    this.isWithinLine = true;
  };

  /** The subscriber. */
  readonly show = (event: Event): void => {
    const agent = this.agentOf(event).padEnd(12);
    const elapsed = ((performance.now() - this.beganAt) / 1000).toFixed(3).padStart(7);
    const line = `${elapsed} s  ${agent} ${textOf(event)}\n`;
    this.write((this.isWithinLine ? "\n" : "") + line);
    this.isWithinLine = false;
  };

  private agentOf({ kind, category, name, uuid, parent_uuid, scope_category }: Event): string {
    const isAgent = kind === "scope" && category === "agent";
    const agent = isAgent ? name : (this.agents.get(parent_uuid ?? "") ?? "");
    if (scope_category === "start") this.agents.set(uuid, agent);
    else if (scope_category === "end") this.agents.delete(uuid);
    return agent;
  }
}

function textOf(event: Event): string {
  const { kind, scope_category, category, name, data, metadata } = event;
  if (kind === "mark") {
    const reason = (data as { rejection_reason?: string } | null)?.rejection_reason;
    return `! ${name}` + (reason === undefined ? "" : ` refused: ${reason}`);
  }
  if (scope_category === "start") return `> ${category} ${name}`;
  const status = String(metadata?.["otel.status_code"] ?? "");
  return `< ${category} ${name} ${status}${tokensOf(event)}`.trimEnd();
}

function tokensOf(event: Event): string {
  const usage = event.annotated_response?.usage;
  return usage ? `  ${usage.prompt_tokens} + ${usage.completion_tokens} tokens` : "";
}
