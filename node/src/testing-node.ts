// `scopeflow/testing` in Node, where the package is ready once it is loaded.
import "./index.js";

export * from "./testing.js";
