/**
 * Policies that ship with Meander, a file each.
 *
 * @module
 */
export {
  flagOf,
  type PolicyOption,
  READY_POLICIES,
  type ReadyPolicy,
  readyPolicy,
} from "./ready-policies.ts";
