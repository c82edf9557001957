/**
 * Who asks, and how that is shown.
 *
 * @module
 */
export {
  ANONYMOUS,
  isSamePrincipal,
  type Principal,
  principalText,
  readPrincipal,
} from "./principal.ts";
