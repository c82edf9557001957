/** Something that passes every datagram of one UDP port to all subscribers: a site, or what it is held against. */
export interface Forwarder {
  /** Where it listens, on 127.0.0.1. */
  readonly port: number;
  /** CPU time of its process so far, user and system. */
  cpuSeconds(): Promise<number>;
  stop(): Promise<void>;
}

/** What a forwarder is opened with. */
export interface ForwarderOptions {
  /** Ports of the subscribers, on 127.0.0.1. */
  readonly ports: readonly number[];
  /** A folder for whatever it leaves behind. */
  readonly folder: string;
  /** False: a site makes no native calls. */
  readonly native: boolean;
  /** Sends some packets to a port: a site has outputs only for channels that something was heard on. */
  greet(port: number): Promise<void>;
}

/** Opens a forwarder; undefined where this machine lacks what it needs. */
export type OpenForwarder = (options: ForwarderOptions) => Promise<Forwarder | undefined>;
