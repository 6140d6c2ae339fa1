import { Runtime } from "./runtime.js";
import { ScopeStack, withScopeStack } from "./stack.js";

/**
 * Makes the marks that tell of lost events (S5.6), in a runtime of its own: what that draws is the
 * system's, and no one else hears of it.
 */
export class DroppedMarks {
  private readonly runtime = new Runtime();

  /**
   * @param put Gets each mark as a line without its end. While another event is being delivered
   *   that is once it has reached everybody (S5.1), else at once.
   */
  constructor(put: (line: string) => void) {
    this.runtime.registerSubscriber("line", (event) => put(event.json));
  }

  /** @param root The root of the runtime that emitted them, the mark's parent. */
  tell(count: number, root: string): void {
    const propagation = JSON.stringify({ version: 1, root_uuid: root, parent_uuid: root });
    const stack = new ScopeStack(this.runtime, propagation);
    const data = { dropped: count };
    withScopeStack(stack, () => this.runtime.event("events dropped", { data }));
  }
}
