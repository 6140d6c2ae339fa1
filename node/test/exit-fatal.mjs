// A program that dies of what nobody catches, while lines wait for the file: what, and where, are
// given.
import { AtofExporter, event, pushScope, ScopeType, toolCallExecute } from "scopeflow";

const [outputDirectory, ending] = process.argv.slice(2);
new AtofExporter({ outputDirectory, filename: "events" }).register("file");
const mine = new Error("mine");
const endings = {
  "a rejection": () => Promise.reject(mine),
  "a call that nobody awaits": () => {
    toolCallExecute("t", 1, async () => {
      throw mine;
    });
  },
  "an error in a timer": () => {
    setTimeout(() => {
      throw mine;
    });
  },
  "an error of the program": () => {
    throw mine;
  },
};
pushScope("left open", ScopeType.Agent);
for (let i = 0; i < 500; i++) event(`mark ${i}`);
endings[ending]();
