/**
 * The sites that work together under one leader: what they are, how they join, how they are configured.
 *
 * @module
 */
export {
  type AccessMode,
  type AccessPolicy,
  accessPolicySchema,
  allowsSite,
  allowsStream,
  channelPatternSchema,
  channelPatternsSchema,
  matchesChannel,
  type Revocation,
  RIGHTS,
  type Right,
  revocationSchema,
  sitePatternsSchema,
  streamPatternsSchema,
  type TokenRecord,
  type TokenRights,
  tokenIdSchema,
  tokenNameSchema,
  tokenRecordSchema,
} from "./access.ts";
export {
  ANONYMOUS_SHELL,
  type Asker,
  checkScope,
  commandAsker,
  controls,
  makeAsker,
  maySetPolicy,
  notYours,
  outOfScope,
  type ShellIdentity,
  signature,
} from "./asker.ts";
export { OPEN_SESSION, type SessionTokens } from "./askers.ts";
export { type AuthorChecks, authorOfAgent, authorOfStream } from "./authorship.ts";
export { BARRED_KEYS, barOwner, barredOwnerSchema, letOwner } from "./barred-owners.ts";
export { checkSpeaksFor, notAllowed } from "./caller-checks.ts";
export { checkChannelName } from "./channel-name.ts";
export {
  type CodePolicy,
  codePolicySchema,
  type PolicyJudge,
  type TrialJudge,
} from "./code-policy.ts";
export { KEY_RIGHTS, MEMBER_RIGHTS } from "./directory-rights.ts";
export { parseJson } from "./json-fault.ts";
export { Leader, type LeaderOptions } from "./leader.ts";
export { MemberNames, type NameOwner } from "./member-names.ts";
export { Membership, type MembershipEvents, type MembershipOptions } from "./membership.ts";
export {
  type Address,
  type ChannelConfig,
  type ChannelRecord,
  channelNameSchema,
  defaultChannelConfig,
  defaultRouteConfig,
  type InputConfig,
  type RecordConfig,
  type ReshapingConfig,
  type RouteConfig,
  routeConfigSchema,
  type SessionRecord,
  type SiteRecord,
  siteNameSchema,
} from "./model.ts";
export {
  decide,
  denied,
  enforce,
  type PolicyDecision,
  type PolicyQuestion,
  placeOf,
  ruleWords,
  type StreamQuestion,
} from "./policy.ts";
export { parsePolicy, parseRules } from "./policy-file.ts";
export { channelRecordSchema, type SiteSelf, siteRecordSchema } from "./records.ts";
export { renameKeys } from "./renamed-keys.ts";
export { isRouteKey, parseRouteConfig } from "./route-config.ts";
export { SiteConfig } from "./site-config.ts";
export { type JudgeAnswer, scopesAtSite } from "./site-judgement.ts";
export { StreamControl, type StreamControlOptions } from "./stream-control.ts";
export {
  agentSpecSchema,
  policyRulesSchema,
  streamNameSchema,
  streamRecordSchema,
} from "./stream-record-schema.ts";
export type {
  AgentRecord,
  AskerClaim,
  CommandAsker,
  ControlRequests,
  PolicyRule,
  SiteCommand,
  StreamAction,
  StreamRecord,
} from "./stream-records.ts";
