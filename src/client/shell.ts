/**
 * Shells for programs in Node: `import { connect, defineAgent } from "meander/shell"`. Pages get `session/shell` under
 * the same name.
 *
 * @module
 */
export * from "../session/shell/index.ts";
export { connect } from "./connect.ts";
