/** Every verb of the command line, in the order of the help. */
export const VERB_NAMES = [
  "demo",
  "site",
  "publish",
  "play",
  "record",
  "sites",
  "channels",
  "streams",
  "stream",
  "why",
  "trace",
  "run",
  "sim",
  "policy",
  "author",
  "status",
  "top",
  "stats",
  "log",
  "restart",
  "config",
  "token",
  "audit",
  "stop",
  "test",
  "doctor",
] as const;

export type VerbName = (typeof VERB_NAMES)[number];

/** Whether an argument names a verb. */
export function isVerbName(name: string): name is VerbName {
  return VERB_NAMES.some((each) => each === name);
}
