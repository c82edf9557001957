/**
 * One end of message traffic, by number. Never used again within a session.
 *
 * Streams: 1 to 2^32-1, given by the leader. Shells: from {@link SHELL_ID_MIN}, drawn at random by their home site.
 * Sites themselves: {@link siteEndpoint}.
 */
export type EndpointId = number;

export const SHELL_ID_MIN = 2 ** 32;
const SITE_ID_MIN = 2 ** 49;
/** The source of what has no sender: events of the stream itself. */
export const EVENT_SOURCE: EndpointId = 0;

/** One run of a site: a site that restarts has another instance. */
export interface SiteInstance {
  readonly site: string;
  /** Drawn at random when the site starts; u32. */
  readonly instance: number;
}

/** The endpoint that stands for a site itself, as long as this instance of it runs. */
export function siteEndpoint(siteInstance: SiteInstance): EndpointId {
  return SITE_ID_MIN + siteInstance.instance;
}

/** Whether an endpoint is a stream, and so can move. */
export function isStream(id: EndpointId): boolean {
  return id < SHELL_ID_MIN;
}

/**
 * What of a stream survives the crash of its site.
 *
 * `none`: its name, its agents and the briefcases they were attached with. `checkpoint`: its state after every `every`
 * messages. `message`: its state after each message, and each message it had sent; nothing is lost, repeated or
 * reordered between such streams.
 */
export type Durability =
  | { readonly type: "none" }
  | { readonly type: "checkpoint"; readonly every: number }
  | { readonly type: "message" };

/** A message's name: `foo>bar#17`, `shell-1f3a>bar#3`. */
export interface MessageName {
  readonly from: string;
  readonly to: string;
  readonly seq: number;
}

export function formatMessageName({ from, to, seq }: MessageName): string {
  return `${from}>${to}#${seq}`;
}

/** Undefined when the text is not the name of a message. */
export function parseMessageName(text: string): MessageName | undefined {
  const match = /^([^>#\s]+)>([^>#\s]+)#([1-9]\d{0,14})$/.exec(text);
  if (match === null) return undefined;
  return { from: match[1] as string, to: match[2] as string, seq: Number(match[3]) };
}
