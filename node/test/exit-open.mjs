// A program that ends with scopes open and promises pending; its code is the count of its events.
import { pushScope, registerSubscriber, ScopeType, toolCallExecute } from "scopeflow";

let count = 0;
registerSubscriber("count", () => {
  count += 1;
});
pushScope("left open", ScopeType.Agent, { metadata: { a: 1 }, input: [1, 2] });
toolCallExecute("pending", { q: 1 }, () => new Promise(() => {}));
toolCallExecute("slow", { q: 1 }, () => new Promise((resolve) => setTimeout(resolve, 60_000)));
process.exit(count);
