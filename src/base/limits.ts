/**
 * Every bound of Meander: name, unit in the name, reason. `docs/limits.md` repeats this table for people.
 *
 * A bound that users may change is a default here and a key of the configuration.
 */
export const LIMITS = {
  /** A packet with its header fits the 16-bit length of the header. */
  packetBytesMax: 65_535,
  /** Largest RTP packet taken from a socket: what a UDP datagram over IPv4 can carry. */
  datagramBytesMax: 65_507,
  /** Packet on the network under a 1500-byte Ethernet MTU: 1500 - 20 (IPv4) - 8 (UDP). */
  linkDatagramBytes: 1_472,
  /** Fragments of one packet: 65 535 bytes in pieces of at least 576. */
  fragmentsMax: 128,
  /** Packets being put together at once per sender. */
  reassembliesMax: 64,
  /** Age at which an unfinished reassembly is given up, ms. */
  reassemblyMsMax: 1_000,
  /** Packets a channel's history keeps per source: serial arithmetic on 16 bits needs less than 2^15. */
  historyPacketsMax: 16_384,
  /** Bytes a channel's history keeps. */
  historyBytesDefault: 16 * 1024 * 1024,
  /** Sources (SSRC and generation) remembered per channel. */
  sourcesMax: 64,
  /** Channels of one site. */
  channelsMax: 4_096,
  /** Subscribers of one site unless configured otherwise. */
  subscribersDefault: 10_000,
  /** Alternatives of one input. */
  alternativesMax: 16,
  /** One video frame being put together, bytes: several times a 4K key frame. */
  frameBytesMax: 8 * 1024 * 1024,
  /** Packets held behind a missing one; a larger jump is a restart (RFC 3550 A.1, MAX_DROPOUT). */
  reorderPacketsMax: 3_000,
  /** H.264 parameter sets remembered per source: streams have two or three. */
  parameterSetsMax: 16,
  /** Bytes of those together, so that a description with them fits a control message: usual ones have below 100 each. */
  parameterSetsBytesMax: 4_096,
  /** A session description, characters: a track takes a few hundred. */
  sdpCharactersMax: 65_536,
  /** A control message in JSON, bytes. */
  controlBytesMax: 32_768,
  /** A message of a data channel, bytes: fits one packet with its headers. */
  messageBytesMax: 60_000,
  /** HTTP request body, bytes. */
  bodyBytesMax: 1024 * 1024,
  /** HTTP requests of one site waiting for their answer at once: 256 full bodies are 256 MiB. */
  requestsMax: 256,
  /** An HTTP request is answered, or given up, within this, ms. */
  requestMsMax: 30_000,
  /** A message of the directory's protocol, bytes: a largest value, page or part of a blob fits. */
  directoryMessageBytesMax: 1024 * 1024,
  /** Time between heartbeats when nothing else is sent, ms; docs/spec/wire.md [W25]. */
  heartbeatMs: 50,
  /** Silence after which a neighbour is suspected, ms. */
  suspectMs: 150,
  /** Silence after which a suspicion is confirmed and the connection is closed, ms. */
  confirmMs: 2_000,
  /** How often a player acknowledges, ms. */
  ackMs: 250,
  /** Lag after which a subscriber skips to the next key frame, ms. */
  lagSkipMs: 1_000,
  /** Lag after which a subscriber is disconnected, ms. */
  lagCloseMs: 10_000,
  /** Bytes in flight to one stream subscriber before it counts as lagging, whatever the time. */
  backlogBytesMax: 8 * 1024 * 1024,
  /** Most bytes of one coalesced write, and of one WebSocket message: more than any frame of video; bounds what a peer makes us hold. */
  batchBytesMax: 1024 * 1024,
  /** Bytes a datagram connection keeps until its handler is set: a burst of one round trip. */
  earlyBytesMax: 256 * 1024,
  /** Connections one UDP socket accepts: a forged source address holds an entry until the owner gives it up. */
  udpAcceptedMax: 4_096,
  /** Buffer asked of the kernel for each UDP socket, each way, bytes: the usual default holds 92 packets. */
  udpBufferBytes: 4 * 1024 * 1024,
  /** Time for a connection to open, ms. */
  connectMsMax: 5_000,
  /** Time a closed stream has to deliver what was sent before, ms; then it is cut. */
  closeMsMax: 2_000,
  /** Length of a stack string, characters. */
  stackTextMax: 1_000,
  /** Layers of a stack, the transport included. */
  stackLayersMax: 16,
  /** Resumes are paced at this multiple of the channel's rate. */
  resumeRateMax: 4,
  /** Unanswered requests are repeated after this, ms. */
  requestRetryMs: 100,
  /** A missing packet is asked for after this, ms: reordering within a host's queues is shorter. */
  repairDelayMs: 10,
  /** A missing packet older than this is counted as lost, ms. */
  repairMsMax: 500,
  /** An on-demand input is kept this long after its last subscriber, ms. */
  lingerMs: 5_000,
  /** Leases of sites, ms. */
  leaseMs: 15_000,
  /** A key of the directory, characters. */
  directoryKeyLengthMax: 200,
  /** Keys of a directory: what a leader of 4 096 channels and as many sites needs, many times over. */
  directoryKeysMax: 65_536,
  /** A value of the directory in JSON, bytes. */
  directoryValueBytesMax: 256 * 1024,
  /** Arrays and objects within each other in a value: what any parser takes without running out of stack. */
  directoryValueDepthMax: 64,
  /** A blob, bytes. */
  directoryBlobBytesMax: 16 * 1024 * 1024,
  /** All blobs of a directory, bytes. */
  directoryBlobsBytesMax: 4 * 1024 * 1024 * 1024,
  /** Blobs travel in parts of this many bytes: in base64 one fits a message. */
  directoryBlobPartBytes: 512 * 1024,
  /** Lists travel in pages of about this many bytes: with one largest value more it fits a message. */
  directoryPageBytes: 256 * 1024,
  /** Leases at once. */
  directoryLeasesMax: 4_096,
  /** Shortest time of a lease, ms. */
  directoryLeaseMsMin: 100,
  /** Longest time of a lease, ms. */
  directoryLeaseMsMax: 3_600_000,
  /** Clients of one directory at once. */
  directoryClientsMax: 1_024,
  /** Watches of one client. */
  directoryWatchesMax: 64,
  /** Unanswered calls of one client. */
  directoryCallsMax: 256,
  /** A call to the directory is given up after this, ms. */
  directoryCallMs: 5_000,
  /** A directory client asks for a sign of life this often, ms, and reconnects when none came by the next time. */
  directoryPingMs: 5_000,
  /** First pause between attempts to reconnect, ms. */
  reconnectMsMin: 100,
  /** Longest pause between attempts to reconnect, ms. */
  reconnectMsMax: 2_000,
} as const;
