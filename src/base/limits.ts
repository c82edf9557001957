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
  /** Packets held of another SSRC than the source of a track, until it is known whether it succeeds that source. */
  newcomerPacketsMax: 4_096,
  /** Bytes of those: two seconds of 16 Mbit/s. */
  newcomerBytesMax: 4 * 1024 * 1024,
  /** Packets held that do not fit the run of their source, until two in order show that it has started again. */
  doubtfulPacketsMax: 64,
  /** Inputs of one channel that are gone and whose counts are kept. */
  pastInputsMax: 64,
  /** Channels of one site. */
  channelsMax: 4_096,
  /** Subscribers of one site unless configured otherwise. */
  subscribersDefault: 10_000,
  /** Inputs that one publisher has open at a site. */
  publisherInputsMax: 64,
  /** Tracks that it receives from groups. */
  publisherGroupsMax: 32,
  /** Lowest port on which publishers are received, unless configured otherwise: what RFC 3551 assigns to RTP. */
  rtpPortMin: 5_004,
  /** Origins whose pages a site allows to use it. */
  allowedOriginsMax: 64,
  /** Alternatives of one input. */
  alternativesMax: 16,
  /** One video frame being put together, bytes: several times a 4K key frame. */
  frameBytesMax: 8 * 1024 * 1024,
  /** Packets held behind a missing one; a larger jump is a restart (RFC 3550 A.1, MAX_DROPOUT). */
  reorderPacketsMax: 3_000,
  /** H.264 parameter sets remembered per source: streams have two or three. */
  parameterSetsMax: 16,
  /**
   * Bytes of those together, so that a description with them fits a control message: typical ones have below 100 each.
   */
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
  /** How often a player acknowledges, ms, unless it is asked for less. */
  ackMs: 250,
  /** Least often that a player is asked to, ms: lags are known that much later. */
  ackMsMax: 1_000,
  /**
   * Acknowledgements that a site wants per second from all its viewers together; with more than 100 viewers, each is
   * asked for fewer.
   */
  acksPerSecond: 400,
  /** Lag after which a subscriber skips to the next key frame, ms. */
  lagSkipMs: 1_000,
  /** Lag after which a subscriber is disconnected, ms. */
  lagCloseMs: 10_000,
  /** Bytes in flight to one stream subscriber before it counts as lagging, whatever the time. */
  backlogBytesMax: 8 * 1024 * 1024,
  /** How often a site reads what its viewers over TCP have sent, ms: it is not urgent, and there may be thousands. */
  patientReadMs: 100,
  /** The same while it sends to them anyway, at most. */
  eagerReadMs: 40,
  /**
   * Bytes that the kernel accepts from a byte stream ahead of what it has sent, where that can be set: a typical key
   * frame.
   */
  notSentBytesMax: 128 * 1024,
  /**
   * Most bytes of one coalesced write, and of one WebSocket message: more than any video frame; bounds the memory that
   * a peer can make us use.
   */
  batchBytesMax: 1024 * 1024,
  /** Bytes a datagram connection keeps until its handler is set: a burst of one round trip. */
  earlyBytesMax: 256 * 1024,
  /** Connections one UDP socket accepts: a forged source address holds an entry until the owner gives it up. */
  udpAcceptedMax: 4_096,
  /** Buffer asked of the kernel for each UDP socket, each way, bytes: the usual default holds 92 packets. */
  udpBufferBytes: 4 * 1024 * 1024,
  /** Messages of one system call: the kernel takes no more (UIO_MAXIOV). */
  datagramBatchMax: 1_024,
  /** Datagrams of a train, which the kernel cuts one buffer into: what all kernels with UDP_SEGMENT take. */
  gsoSegmentsMax: 64,
  /** Bytes of a train: a buffer with its headers has at most 65 535. */
  gsoBytesMax: 64_000,
  /** Datagrams received by one system call: each has a place of 64 KiB, shared by all sockets of a thread. */
  receiveBatchMax: 32,
  /** Such calls in one turn of the event loop; then others have theirs. */
  receiveCallsMax: 8,
  /** Sockets that are polled outside of the event loop: with more, polling each costs more than returning to it. */
  arrivalWaitMax: 64,
  /** Times that datagrams are taken before the event loop has its turn even though it may have nothing to do. */
  arrivalRoundsMax: 16,
  /** Time for a connection to open, ms. */
  connectMsMax: 5_000,
  /** Time a closed stream has to deliver what was sent before, ms; then it is cut. */
  closeMsMax: 2_000,
  /** Length of a stack string, characters. */
  stackTextMax: 1_000,
  /** Layers of a stack, the transport included. */
  stackLayersMax: 16,
  /** Units sealed with one key: their number has 32 bits, and no number may come twice. */
  sealedUnitsMax: 0xffff_ffff,
  /** Greetings of strangers looked at per second and connection: each costs several hashes. */
  handshakesPerConnection: 20,
  /** Greetings looked at per second at one site: 500 take a twentieth of a core. */
  handshakesPerSite: 500,
  /** Bytes that wait on a datagram connection until keys are agreed; what is beyond is refused. */
  unboundBytesMax: 1024 * 1024,
  /** Bytes that a `fault` module delays at once: 10 Gbit/s for 50 ms. */
  faultQueueBytesMax: 64 * 1024 * 1024,
  /** Packets that a `trace` module remembers, at 28 bytes. */
  traceEventsMax: 65_536,
  /** Ways that a site remembers a channel to have taken, and changes of its source. */
  waysMax: 16,
  /** Sites in a row that a channel passes: a path with more is not believed. */
  pathSitesMax: 64,
  /** Sites that continue a channel at one site within a second: each is caught up from the history at once. */
  orphansPerSecond: 100,
  /** Sites of each kind that a neighbour tells of one channel. */
  relationSitesMax: 16,
  /** Channels of which a neighbour tells in one message: with 16 names of usual length it fits. */
  relationChannelsMax: 64,
  /** The leader tells all sites what room they have this often, ms; a multiple of `sitePingMs`. */
  roomsToldMs: 10_000,
  /** Sites whose room it tells at once; where there are more, in turns. */
  roomsToldMax: 256,
  /** Resumes are paced at this multiple of the channel's rate. */
  resumeRateMax: 4,
  /** Unanswered requests are repeated after this, ms. */
  requestRetryMs: 100,
  /** A missing packet is asked for after this, ms: reordering within a host's queues is shorter. */
  repairDelayMs: 10,
  /** A missing packet older than this is counted as lost, ms. */
  repairMsMax: 500,
  /** Recordings by configuration at one site: each has its own thread. */
  recordingsMax: 64,
  /**
   * Bytes of a recording that wait for a slow disk, or for their times to be known; over it skips to the next key
   * frame.
   */
  recordBacklogBytesMax: 32 * 1024 * 1024,
  /** Bytes of an MP4 fragment: when no key frame has ended it by then, the file ends. */
  recordFragmentBytesMax: 64 * 1024 * 1024,
  /** An on-demand input is kept this long after its last subscriber, ms. */
  lingerMs: 5_000,
  /** Leases of sites, ms. */
  leaseMs: 15_000,
  /** A clock may be this much too fast or too slow, millionths: a lease is counted short by twice as much. */
  clockDriftPpmMax: 1_000,
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
  /** Redo log of a directory, bytes: 512 commits before its tables are written. */
  directoryRedoBytes: 2 * 1024 * 1024,
  /**
   * Keys changed since a directory's tables were written, above which they are: that blocks the leader for some 15 µs a
   * key.
   */
  directoryRedoKeysMax: 512,
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
  /** Leases of one member that run at once: it needs one. */
  directoryLeasesPerMember: 8,
  /** Writes of one member to a directory, leases included, per second. */
  directoryWritesPerSecond: 20,
  /** As many at once, after a silence. */
  directoryWritesBurst: 200,
  /** What one member writes to a directory, bytes per second. */
  directoryWrittenBytesPerSecond: 256 * 1024,
  /** As many at once, after a silence. */
  directoryWrittenBytesBurst: 8 * 1024 * 1024,
  /** Blobs of one member, bytes per second: some 700 MB a day. */
  directoryBlobBytesPerSecond: 8 * 1024,
  /** As many at once, after a silence: an eighth of what a directory keeps. */
  directoryBlobBytesBurst: 512 * 1024 * 1024,
  /** Unanswered calls of one client. */
  directoryCallsMax: 256,
  /** A call to the directory is given up after this, ms. */
  directoryCallMs: 5_000,
  /** A directory client asks for a sign of life this often, ms, and reconnects when none came by the next time. */
  directoryPingMs: 5_000,
  /**
   * A call of the leader to a site, or its answer, in JSON, bytes: with its envelope, it fits a message of the
   * directory.
   */
  siteCallBytesMax: 960 * 1024,
  /** First pause between attempts to reconnect, ms. */
  reconnectMsMin: 100,
  /** Longest pause between attempts to reconnect, ms. */
  reconnectMsMax: 2_000,
  /** A message between a shell and its site, bytes: a largest briefcase in base64 fits. */
  shellMessageBytesMax: 2 * 1024 * 1024,
  /**
   * Bytes that wait in the socket of a shell which does not read, before it is disconnected: all answers it may have
   * open, and more.
   */
  shellBacklogBytesMax: 16 * 1024 * 1024,
  /** An answer to a shell above this many characters is fetched in parts. */
  shellAnswerInlineMax: 64 * 1024,
  /** Characters of such a part: as UTF-8 in JSON it fits a message. */
  shellAnswerPartMax: 512 * 1024,
  /** Characters of all answers that a site keeps for one shell to fetch. */
  shellAnswersMax: 32 * 1024 * 1024,
  /** Unanswered calls of one shell. */
  shellCallsMax: 256,
  /** Of these, appends and sleeps: the others can still look and act while all of them wait. */
  shellAppendsMax: 240,
  /** Events kept for a reader; when it is slower, the oldest go, counted. */
  shellEventsMax: 10_000,
  /** Events in one message: a thousand usual ones have about 200 KiB. */
  shellEventBatchMax: 1_000,
  /** Readers of events of one shell. */
  shellSubscriptionsMax: 64,
  /** Shells of one site. */
  shellsMax: 1_024,
  /** Each end of a shell's connection asks for a sign of life this often, ms. */
  shellPingMs: 5_000,
  /** Such times without a sign of life, after which the connection is given up. */
  shellSilencesMax: 3,
  /**
   * Streams of a session: half of the directory's keys; the other half are sites, channels, policies and finalizers.
   */
  streamsMax: 32_768,
  /** Agents of one stream. */
  streamAgentsMax: 64,
  /** Sites that a stream's record remembers: with their names it still fits a value of the directory. */
  streamVisitedMax: 1_000,
  /** Control requests that wait for one stream. */
  controlQueueMax: 64,
  /** A leader's command to a site is given up after this, ms: a handler may run for 5 s before. */
  controlCallMs: 10_000,
  /** A leader waits this long, ms, for a site to attach an agent, whose process may have to wait for its turn. */
  attachCallMs: 25_000,
  /** Commands to one site under way at once: well below the calls that a connection takes. */
  siteCommandsMax: 64,
  /** Shortest deadline of a move, ms. */
  moveMsMin: 100,
  /** Deadline of a move unless given, ms. */
  moveMsDefault: 5_000,
  /** Longest deadline of a move, ms. */
  moveMsMax: 60_000,
  /** The leader asks each site for a sign of life this often, ms. */
  sitePingMs: 500,
  /** Silence after which a site counts as out of contact, ms. */
  siteSilenceMs: 2_000,
  /** Pause before the leader tries again to have a lost stream taken over, ms. */
  recoverRetryMs: 2_000,
  /** Permits of the leader for other sites that a site remembers. */
  permitsMax: 1_024,
  /** How long a permit counts, ms. */
  permitMs: 30_000,
  /** Rules of one policy. */
  policyRulesMax: 256,
  /** Policies of one scope that are kept, with the one in force. */
  policyHistoryMax: 32,
  /** The same in JSON, bytes; when they are larger, fewer are kept. */
  policyHistoryBytesMax: 196_608,
  /** Policies that a leader keeps as it has read them, so that not every request reads them. */
  policiesReadMax: 1_024,
  /** Requests that the leader's policies have judged, which it remembers for trying others on them. */
  judgedRequestsMax: 1_000,
  /** The same, bytes. */
  judgedRequestsBytesMax: 1_048_576,
  /** Policies that are tried at once. */
  policyTrialsMax: 2,
  /** Longest trial of a policy, ms; requests that it had no time for are left out, and counted. */
  policyTrialMs: 20_000,
  /** Requests with another verdict that a trial tells of, the newest; all are counted. */
  policyTrialShownMax: 200,
  /** Time in which a policy that is code gives its verdict, ms; later ones deny. */
  policyMsMax: 1_000,
  /** Requests that wait for one such policy. */
  policyWaitingMax: 1_024,
  /** A policy that has ended its process this often within `policyDeathsMs` is not started again before that. */
  policyDeathsMax: 5,
  /** See `policyDeathsMax`, ms. */
  policyDeathsMs: 30_000,
  /** How long it holds that a policy's code has let a sender append, ms. It ends with the policy, too. */
  grantMs: 30_000,
  /** How long it holds that it has not, ms. */
  grantDeniedMs: 5_000,
  /** How long a site waits for what a policy says of a sender, the start of its process included, ms. */
  grantAskMsMax: 5_000,
  /** Senders and readers of which a site keeps what policies have said; the one that was used longest ago goes. */
  grantsMax: 4_096,
  /** Of those, what is asked at once; more are denied. */
  grantsAskedMax: 256,
  /** Messages of a stream that wait until a policy has judged their senders, bytes; those beyond it are sent again. */
  appendsHeldBytesMax: 1024 * 1024,
  /** Events that wait for a reader about which a policy is being asked; those beyond it are counted. */
  eventsHeldMax: 1_000,
  /** Policies that are code and run at once, at the leader; the one that judged longest ago makes room. */
  codePoliciesMax: 32,
  /** What such a policy starts with, packed, bytes. */
  policyBriefcaseBytesMax: 65_536,
  /** Characters of the reason that a policy gives. */
  policyReasonMax: 500,
  /** Finalizers that wait for sites that cannot be reached. */
  finalizersMax: 8_192,
  /** A finalizer is given up after this, ms: a day. */
  finalizerMsMax: 86_400_000,
  /**
   * Segments between a sender and a receiver that are not consumed; the longest message is about half of it over
   * datagrams.
   */
  streamWindowSegmentsMax: 2_048,
  /** Bytes of those, above which the sender waits. */
  streamWindowBytesMax: 2 * 1024 * 1024,
  /** A message to a stream, packed, bytes. */
  streamMessageBytesMax: 1024 * 1024,
  /** Messages waiting at a stream; the senders keep those beyond it. */
  mailboxMessagesMax: 8_192,
  /** Bytes of those. */
  mailboxBytesMax: 16 * 1024 * 1024,
  /** Dead letters of a stream; a stream with more halts instead. */
  deadLettersMax: 1_000,
  /** A message or an event that has ended this many executors becomes a dead letter, whatever its agent's policy is. */
  executorDeathsMax: 2,
  /** Messages of a stream of which it is remembered that they ran when an executor ended; the oldest are forgotten. */
  streamSuspectsMax: 256,
  /** Timers that the agents of a stream may have set at once. */
  streamTimersMax: 1_000,
  /** Events of a stream besides timers that its agents have not handled yet; further ones are dropped. */
  streamEventsMax: 1_000,
  /** A move waits this long, ms, for departure handlers that failed and are retried; at most half of its deadline. */
  departureRetryMsMax: 1_000,
  /** A message to a stream of an unknown name is kept this long, ms: its creation may be under way. */
  unknownStreamMs: 5_000,
  /**
   * What a source sent is forgotten by its receiver after this silence, ms, when the source's stream no longer exists.
   */
  senderForgottenMs: 600_000,
  /** A frame between sites over TCP, bytes: the kernel's batches fit, and a peer makes us hold no more than one. */
  streamFrameBytesMax: 256 * 1024,
  /** A frame between sites over UDP, bytes: one fits a datagram. */
  datagramFrameBytesMax: 1_200,
  /** A datagram of frames, bytes: passes tunnels under a 1500-byte Ethernet MTU. */
  frameDatagramBytes: 1_400,
  /** Frames kept for one site that takes none, bytes; more are dropped, and repeated by the windows above. */
  frameBacklogBytesMax: 16 * 1024 * 1024,
  /** Time to connect to a site's port for frames and to prove membership, ms. */
  frameHandshakeMs: 3_000,
  /** Connections to it at once that have not proven membership; then one of the address with most of them goes. */
  frameHandshakesMax: 256,
  /** Of those, from one address; this machine may have all. */
  frameHandshakesPerAddress: 32,
  /** Sites that may send frames to one site at once. */
  framePeersMax: 1_024,
  /**
   * A frame connection whose peer reads and answers nothing for this long is closed, ms: longer than a handler may
   * block a site.
   */
  frameSilenceMs: 6_000,
  /** What is kept of an agent besides code and briefcase, in JSON, bytes: a hash for each handler is below 2 KiB. */
  agentSpecBytesMax: 16 * 1024,
  /** Messages handed to an agent at once: what divides the cost of reaching its process. */
  deliveryBatchMax: 64,
  /** Longest pause before a failed message, or an agent that does not start, is tried again, ms. */
  retryPauseMsMax: 10_000,
  /** First pause before an agent that does not start is tried again, ms. */
  agentStartPauseMs: 100,
  /** Instances that a site keeps of agents whose stream is elsewhere, with what they remember of it. */
  waitingAgentsMax: 256,
  /** Agents of which a site remembers that they were initialised there: about 100 bytes each. */
  agentVisitsMax: 16_384,
  /** Messages and timers that one handler may send and set: far above use, far below what fills a heap. */
  handlerEffectsMax: 10_000,
  /** Bytes of those, packed. */
  handlerEffectBytesMax: 16 * 1024 * 1024,
  /** Answers of its site that one handler may wait for at once. */
  handlerCallsMax: 64,
  /** Characters of a line that an agent prints. */
  handlerLineCharactersMax: 2_000,
  /** Characters that are made of the values of one `console.log`, before they are cut into lines. */
  handlerTextCharactersMax: 100_000,
  /** Lines that one agent may print at once, after a silence. */
  agentLinesBurst: 1_000,
  /** Lines per second of one agent; more are left out, and counted. */
  agentLinesPerSecond: 50,
  /** What all agents of one owner may print at once at one site; a line counts once for each 200 characters. */
  ownerLinesBurst: 2_000,
  /** The same per second: 20 KB of the site's log. */
  ownerLinesPerSecond: 100,
  /** What all agents of a site may print at once. */
  siteLinesBurst: 10_000,
  /** The same per second: 100 KB of the site's log, 9 GB a day at most. */
  siteLinesPerSecond: 500,
  /** Timers that the agents of one owner may set at once at one site. */
  ownerTimersBurst: 1_000,
  /** The same per second; more expire later: each costs the site some 50 µs. */
  ownerTimersPerSecond: 500,
  /** Messages that the agents of one owner may send to their own streams at once. */
  ownerSelfSendsBurst: 4_000,
  /** The same per second; a stream with more waits before it goes on: a tenth of a core. */
  ownerSelfSendsPerSecond: 2_000,
  /** Requests to the session that the agents of one owner may make at once: moves, creations, uploads and the like. */
  ownerRequestsBurst: 200,
  /** The same per second: a leader answers some thousands from all sites. */
  ownerRequestsPerSecond: 50,
  /** Streams that the agents of one owner may create at once. */
  ownerStreamsBurst: 200,
  /** The same per second. */
  ownerStreamsPerSecond: 10,
  /** Uploads of new code by one owner at once, a shell or what its agents do. */
  ownerUploadsBurst: 100,
  /** The same per second: reading one takes up to 100 ms of a core. */
  ownerUploadsPerSecond: 5,
  /** A request beyond these rates waits up to this, ms; then it is refused. */
  rateWaitMsMax: 2_000,
  /** Timers, and streams that send to themselves, are put off up to this, ms. */
  ratePauseMsMax: 10_000,
  /** Owners whose rates a site remembers; those that have been still for long are forgotten first. */
  ratedOwnersMax: 4_096,
  /** Processes for agents at one site, unless it is told otherwise: each has some 30 MB before its first agent. */
  agentProcessesMax: 64,
  /** Agents of one process; then their owner gets another. */
  processAgentsMax: 1_024,
  /** Memory that one of them may be promised, MiB, unless the site is told otherwise. */
  processMemoryMbMax: 1_024,
  /** Memory that all of them together are promised, MiB, unless the site is told otherwise. */
  processesMemoryMbMax: 4_096,
  /** Longest deadline that a handler gets, ms, unless the site is told otherwise. */
  processHandlerMsMax: 60_000,
  /**
   * A process without agents is kept this long, ms: starting one takes 200 ms, which a returning stream would wait for.
   */
  processIdleMs: 30_000,
  /** A process that was given nothing for this long, ms, may make room for another owner's. */
  processQuietMs: 1_000,
  /** An agent waits this long, ms, for room for its process. */
  processRoomMs: 5_000,
  /** Processes that are being started at once: each takes some 0.15 s of a core. */
  processStartsMax: 4,
  /** Of those, for agents of one owner. */
  ownerProcessStartsMax: 2,
  /** An agent waits this long, ms, for its turn to get a process. */
  processTurnMs: 10_000,
  /** Agents of one owner that wait for one at once: a leader has fewer commands under way at a site. */
  ownerProcessWaitsMax: 40,
  /** A process begins what it is given within this after it was started, ms, or is ended. */
  processStartMs: 10_000,
  /** A process that has started begins what it is given within this, ms, or is ended: it was stopped. */
  processSilenceMs: 5_000,
  /** A letter to or from a process, bytes: what 64 handlers print and send at their limits. */
  processLetterBytesMax: 256 * 1024 * 1024,
  /** Source of one agent, or of one handler, bytes: thousands of lines; preparing it takes the site some 50 ms. */
  agentCodeBytesMax: 256 * 1024,
  /** Prepared code that a site keeps in memory, bytes: hundreds of usual agents. */
  agentCodeCacheBytesMax: 16 * 1024 * 1024,
  /** Longest deadline that a handler may have, ms. */
  handlerMsMax: 600_000,
  /** Most memory that an agent may ask for, MiB. */
  agentMemoryMbMax: 65_536,
  /** Preparing uploaded code, and evaluating it to read its definition, are each given up after this, ms. */
  describeMsMax: 2_000,
  /** Uploads that are read at once, each of another owner in a process of its own. */
  uploadsReadMax: 4,
  /** Uploads of one owner that wait to be read. */
  uploadsWaitingMax: 64,
  /** Streams at one site at once. */
  residentStreamsMax: 16_384,
  /** The leader answers a control message about a stream, or it is given up, within this, ms. */
  controlMs: 10_000,
  /** All streams of a site are moved away, or that is given up, within this, ms. */
  evacuateMsMax: 120_000,
  /** A site that dies within this after its start, ms, has died soon. */
  quickDeathMs: 60_000,
  /** A site of which so many runs in a row died soon starts with its streams halted. */
  quickDeathsMax: 2,
  /** A site that stops has those it serves go on elsewhere for at most this long, ms. */
  departureMs: 3_000,
  /** It ends when no viewer has left for this long, ms: connecting elsewhere takes three round trips. */
  departureIdleMs: 1_000,
  /**
   * Its viewers are redirected one after the other within this, ms: thousands at once would overload the sites they go
   * to.
   */
  departureSpreadMs: 1_000,
  /** Slow subscribers that a site names. */
  slowestMax: 20,
  /** Series of statistics that a site keeps: one of all its times has 15 KB. The longest idle one makes room. */
  statsSeriesMax: 384,
  /** Statistics kept from one start of a site to the next, bytes: all series fit. */
  statsFileBytesMax: 8 * 1024 * 1024,
  /** Reasons of drops that statistics list per channel; further ones only count in the sum. */
  statsReasonsMax: 8,
  /** Descriptors that a site keeps for links, disk and its API: viewers are refused before. */
  descriptorsReserved: 64,
  /** Of these, reserved for disk and for answers: a client gets an answer before it is disconnected. */
  descriptorsReservedLast: 16,
  /** Longest time for which a level of the log is changed, ms: a day. */
  logLevelMsMax: 86_400_000,
  /** An access token, characters: a usual one has 300. */
  tokenCharactersMax: 2_048,
  /** Channel patterns in one token, and of channels that anybody may watch. */
  channelPatternsMax: 16,
  /** Clocks of authors may be ahead of the leader's by so much, ms. */
  envelopeEarlyMsMax: 60_000,
  /** Until when what a shell has its author sign counts, ms: long enough for an upload that waits. */
  envelopeMs: 300_000,
  /** Longest life of a token, ms: 366 days. */
  tokenMsMax: 366 * 86_400_000,
  /** Tokens of a session that have not expired: the leader lists and revokes them. */
  tokensMax: 10_000,
  /** Channels of a session, a quarter of its directory's keys: no site can fill that with them. */
  sessionChannelsMax: 16_384,
  /** Sites that were put out of a session whose instances its record names. */
  expelledMax: 64,
  /** Time for the other end of a link to prove a new link key, ms: it may be cut off from the leader. */
  linkProofMs: 30_000,
  /** Names of sites that joined with one token, or with those made from it. */
  namesPerTokenMax: 256,
  /** Tokens whose signature a thread of a site remembers as good: about 1 KB each. */
  tokenCacheMax: 4_096,
  /** Tokens that are being checked at once, in a thread of a site. */
  tokenChecksMax: 512,
  /** Forged or unreadable tokens that one address may show at once; then one a second. */
  tokenFailuresMax: 20,
  /** Addresses whose failures are remembered. */
  tokenAddressesMax: 4_096,
  /** Channels that one viewer watches over one connection while a site asks for tokens. */
  viewerChannelsMax: 64,
  /** Connections to the HTTP port that have not shown who they are; never more than a quarter of the descriptors. */
  strangersMax: 2_048,
  /** Of those, from one address; this machine may have all. */
  strangersPerAddress: 256,
  /** Such a connection sends its request within this, and again the greeting behind it, ms, or is cut. */
  strangerMs: 3_000,
  /** Bytes that it may send before it is known: a greeting with a token has 2.5 KB. */
  strangerBytesMax: 16 * 1024,
  /** Requests without a token that wait for their answer at once, on a site that asks for tokens. */
  strangerRequestsMax: 64,
  /** Such requests of one address at once, and then in a second: a page takes some 20. This machine has 16 times it. */
  strangerRequestRateMax: 200,
  /** Datagram connections that have not shown who they are; forged addresses cost an attacker nothing. */
  strangerDatagramsMax: 1_024,
  /** Of those, from one address; this machine may have all. */
  strangerDatagramsPerAddress: 64,
  /** Connections to the HTTP port from one address, unless configured otherwise: many viewers may share one. */
  connectionsPerAddressDefault: 1_024,
  /** This machine, where proxies run, has this many times the share of an address. */
  loopbackShare: 16,
  /** Connections that the kernel keeps until the site takes them: a burst of thousands loses none. */
  listenBacklog: 4_096,
  /** Requests on one connection that wait for their answer at once. */
  connectionRequestsMax: 16,
  /** The head of a request arrives within this, ms, once it has begun. */
  headerMsMax: 5_000,
  /** A body may take this, ms, and then the time of its bytes at the rate below. */
  bodyGraceMs: 5_000,
  /** Slowest rate of a body, bytes per second. */
  bodyRateMin: 8_000,
  /** A client takes something of its answer within this, ms. */
  answerStallMs: 30_000,
  /** A connection between requests is kept for this, ms. */
  idleMs: 5_000,
  /** How often a site looks whether the files of its certificate have changed, ms. */
  certificateLookMs: 5_000,
  /** Records of its audit log that a site has in memory, the newest: so many may wait for a disk that takes nothing. */
  auditRecordsMax: 1_000,
  /** A file of the audit log, bytes: some 30 000 records. */
  auditFileBytesMax: 8 * 1024 * 1024,
  /** Files of one audit log; the oldest is removed. */
  auditFilesMax: 8,
  /** Characters of one text in a record. */
  auditTextMax: 200,
  /** Equal acts that are recorded one by one; of further ones the number. */
  auditAlikeMax: 3,
  /** That number is recorded after this, ms. */
  auditFoldMs: 10_000,
  /** While they go on, it is recorded this seldom, ms. */
  auditFoldMsMax: 60_000,
  /** Acts that are counted apart from each other at once. */
  auditFoldsMax: 1_024,
  /** Acts of one principal that are recorded one by one at once; of further ones the number. */
  auditBurst: 500,
  /** The same per second. */
  auditPerSecond: 1,
  /** Acts that one principal is denied, at once: strangers are one together. */
  auditDeniedBurst: 100,
  /** The same per second: with what is counted, some 10 MB a day, whatever they try. */
  auditDeniedPerSecond: 0.1,
  /** Principals whose rates are remembered. */
  auditPrincipalsMax: 1_024,
  /** Records in one answer about an audit log. */
  auditPageMax: 1_000,
} as const;
