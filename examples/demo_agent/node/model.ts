// The model's server, in a process of its own: the same one that the agents in Python ask.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { join } from "node:path";

/** The name of the model that it serves. */
export const MODEL = "rule-planner-1";

/** A running server. It ends with this process, whatever becomes of that. */
export interface ModelServer {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Starts the server, with the interpreter that PYTHON names, or `python3`; it needs no package.
 *
 * @param examples The folder with `demo_agent`.
 * @param options Those of `python -m demo_agent.model`.
 */
export async function serve(examples: string, options: readonly string[]): Promise<ModelServer> {
  const python = process.env["PYTHON"] ?? "python3";
  const server = spawn(python, ["-m", "demo_agent.model", ...options], {
    cwd: join(examples),
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
    // It ends when its standard input does.
    stdio: ["pipe", "pipe", "inherit"],
  });
  const url = await Promise.race([firstLine(server), failure(server)]);
  return {
    url,
    async stop() {
      const exit = once(server, "exit");
      server.stdin!.end();
      await exit;
    },
  };
}

async function firstLine(server: ChildProcess): Promise<string> {
  const [line] = (await once(createInterface(server.stdout!), "line")) as [string];
  return line;
}

async function failure(server: ChildProcess): Promise<never> {
  const [code] = (await once(server, "exit")) as [number | null];
  throw new Error(`the model's server ended with ${code} before it told its address`);
}
