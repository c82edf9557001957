/**
 * Everything that an audit log can say was done or wanted, in one vocabulary. docs/spec/access.md explains each.
 *
 * Names are constants: no part of one is made from input.
 */
export const AUDIT_ACTIONS = [
  // Channels
  "channel.watch",
  "channel.publish",
  "channel.unpublish",
  "channel.message",
  "output.add",
  "output.remove",
  // Streams
  "stream.create",
  "stream.move",
  "stream.attach",
  "stream.detach",
  "stream.replace",
  "stream.destroy",
  "stream.append",
  "stream.inspect",
  "stream.dead-letter",
  "code.upload",
  "code.stop",
  "code.resume",
  "policy.set",
  "policy.rollback",
  "policy.try",
  "policy.read",
  // Sites and their session
  "shell.attach",
  "session.connect",
  "session.join",
  "session.leave",
  "session.expel",
  "session.key",
  "directory.call",
  "leader.request",
  "config.set",
  "site.start",
  "site.stop",
  "site.restart",
  "site.log-level",
  "site.resume",
  "site.evacuate",
  "site.read",
  "site.request",
  "demo.act",
  // Tokens
  "token.create",
  "token.list",
  "token.revoke",
  "token.renew",
  // The log itself
  "audit.lost",
] as const;

/** What was done or wanted. */
export type AuditAction = (typeof AUDIT_ACTIONS)[number];
