// Decorators by the syntax of the standard, which the compiler turns into what Node runs.
import { agent, llm, Runtime, tool } from "scopeflow";

const runtime = new Runtime();
const told: string[] = [];
runtime.registerSubscriber("told", ({ scope_category, category, name, data }) => {
  if (scope_category !== "start") return;
  const given = category === "llm" ? (data as { content: unknown }).content : data;
  told.push(`${category} ${name}: ${typeof given === "string" ? given : JSON.stringify(given)}`);
});

class Planner {
  private readonly prefix = "for ";

  @agent({ runtime })
  async plan(goal: string): Promise<string> {
    const found: string[] = await this.search("leaves");
    const words: string[] = [];
    for await (const word of this.ask(found[0]!)) words.push(word);
    return this.prefix + goal + words.join(" ") + Planner.total(1, 2) + this.#hidden();
  }

  @tool({ runtime, parameters: ["query"] })
  async search(query: string): Promise<string[]> {
    return [query];
  }

  @llm({ runtime })
  async *ask(prompt: string): AsyncGenerator<string> {
    yield prompt.toUpperCase();
  }

  @tool({ runtime })
  static total(a: number, b: number): number {
    return a + b;
  }

  @tool({ runtime })
  #hidden(): string {
    return "!";
  }

  @agent({ runtime })
  field = (n: number): number => n + this.prefix.length;

  @tool
  bare(): number {
    return 1;
  }
}

const planner = new Planner();
const answer: string = await planner.plan("tea");
const sum: number = planner.field(3);
if (answer !== "for teaLEAVES3!" || sum !== 7 || planner.bare() !== 1) throw new Error(answer);
const wrapped: (n: number) => string = tool((n: number) => String(n), { name: "w", runtime });
// @ts-expect-error The wrapped function takes what it took before.
const never = (): string => wrapped("x");
void never;
console.log(JSON.stringify(told));
