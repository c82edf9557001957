/*
 * Thousands of viewers of one channel, at little cost: their work must not disturb what they measure.
 *
 *   viewer-sink PORT COUNT tcp|websocket CHANNEL
 *   viewer-sink PORT COUNT raw ACK_MS
 *
 * Each connects to 127.0.0.1:PORT, upgrades, greets, subscribes and acknowledges as docs/spec/wire.md says; `raw` ones only
 * connect, and acknowledge every ACK_MS. Prints {"ready":COUNT,"ackMs":X} when all are subscribed, X being how often they were
 * asked to acknowledge on average, or {"error":"…"} and ends. Then for each line on standard input:
 *
 *   reset   counts from zero, {}
 *   count   {"packets","lost","repeated","closed","lateP50Ms","lateP99Ms","lateMaxMs"}
 *
 * Packets are RTP; their last eight bytes tell when they were sent, in nanoseconds of CLOCK_MONOTONIC, little endian. Ends
 * with its standard input. Linux.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 20, EVENTS = 512, OPENING_MAX = 64, READ_BYTES = 512 * 1024, TICK_MS = 20 };
enum { KIND_CONTROL = 1, KIND_RTP = 5 };
enum { WELCOME = 2, REFUSED = 3, SUBSCRIBE = 4, SUBSCRIBED = 5, HELLO = 1, CLOSE = 9, HEARTBEAT = 16, ACK = 17 };
/* Lateness by 10 µs, up to 5 s. */
enum { SLOTS = 500000, SLOT_NS = 10000 };

enum state { CONNECTING, UPGRADING, GREETING, SUBSCRIBING, LIVE, ENDED };

struct viewer {
  int fd;
  enum state state;
  /* What came of an unfinished packet (or answer to the upgrade). */
  unsigned char *held;
  size_t held_bytes;
  /* WebSocket: what is left of the message, and a head that is not whole. */
  uint64_t message_left;
  unsigned char head[10];
  int head_bytes;
  unsigned channel, sequence, newest_sequence, acked_sequence;
  /* Bit n: the packet n before the newest came. */
  uint64_t seen;
  unsigned char source[4], generation, medium;
  int has_newest;
  int beats;
  double ack_ms, heartbeat_ms, acked_at, beat_at, sent_at, echo, echo_at;
};

static struct viewer *viewers;
static int viewer_count, opened, live, poll_fd;
static const char *channel_name;
static double acks_per_ms;
static enum { TCP, WEBSOCKET, RAW } mode;
static struct sockaddr_in site = {.sin_family = AF_INET};

static unsigned long long packets, lost, repeated, closed;
static unsigned slots[SLOTS];
static unsigned char buffer[2 * READ_BYTES];

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static double now_ms(void) { return (double)now_ns() / 1e6; }

static void fail(const char *format, ...) {
  va_list parts;
  va_start(parts, format);
  printf("{\"error\":\"");
  vprintf(format, parts);
  printf("\"}\n");
  fflush(stdout);
  exit(1);
}

static void put32(unsigned char *at, unsigned value) {
  for (int i = 0; i < 4; i++) at[i] = (unsigned char)(value >> (8 * i));
}

static unsigned get32(const unsigned char *at) {
  return at[0] | (unsigned)at[1] << 8 | (unsigned)at[2] << 16 | (unsigned)at[3] << 24;
}

static void end(struct viewer *viewer) {
  if (viewer->state == ENDED) return;
  if (viewer->state == LIVE) live--;
  viewer->state = ENDED;
  closed++;
  close(viewer->fd);
  free(viewer->held);
  viewer->held = NULL;
}

/* What a viewer says is small: a socket that does not take it is in ruins. */
static void say(struct viewer *viewer, const unsigned char *bytes, size_t size) {
  unsigned char framed[4096 + 16];
  size_t at = 0;
  if (mode == WEBSOCKET && viewer->state > UPGRADING) {
    framed[at++] = 0x82;
    if (size < 126) framed[at++] = 0x80 | (unsigned char)size;
    else {
      framed[at++] = 0x80 | 126;
      framed[at++] = (unsigned char)(size >> 8);
      framed[at++] = (unsigned char)size;
    }
    /* The mask may be any. */
    memset(framed + at, 0, 4);
    at += 4;
  }
  memcpy(framed + at, bytes, size);
  if (send(viewer->fd, framed, at + size, MSG_NOSIGNAL) != (ssize_t)(at + size)) end(viewer);
}

static size_t put_control(struct viewer *viewer, unsigned char *packet, unsigned channel, int type, const void *body, size_t size) {
  memset(packet, 0, HEADER);
  size_t length = HEADER + 1 + size;
  packet[0] = 1 << 4 | KIND_CONTROL;
  packet[2] = (unsigned char)length;
  packet[3] = (unsigned char)(length >> 8);
  put32(packet + 4, channel);
  put32(packet + 8, (unsigned)viewer->fd);
  put32(packet + 16, viewer->sequence++);
  packet[HEADER] = (unsigned char)type;
  memcpy(packet + HEADER + 1, body, size);
  return length;
}

static void say_json(struct viewer *viewer, int type, const char *format, ...) {
  char text[2048];
  unsigned char packet[4096];
  va_list parts;
  va_start(parts, format);
  int size = vsnprintf(text, sizeof text, format, parts);
  say(viewer, packet, put_control(viewer, packet, 0, type, text, (size_t)size));
}

/* Acknowledges what is new, and answers heartbeats, when it is time: in one piece. */
static void tend(struct viewer *viewer, double now) {
  unsigned char bytes[128], body[24];
  size_t size = 0;
  if (viewer->has_newest && viewer->newest_sequence != viewer->acked_sequence && now - viewer->acked_at >= viewer->ack_ms) {
    viewer->acked_at = now;
    viewer->acked_sequence = viewer->newest_sequence;
    memcpy(body, viewer->source, 4);
    body[4] = viewer->generation;
    body[5] = viewer->medium;
    put32(body + 6, viewer->newest_sequence);
    size = put_control(viewer, bytes, viewer->channel, ACK, body, 10);
  }
  double beat_ms = viewer->beats < 8 ? 1000 : 5000;
  if (beat_ms < viewer->heartbeat_ms) beat_ms = viewer->heartbeat_ms;
  if (mode != RAW && (now - viewer->beat_at >= beat_ms || now - viewer->sent_at >= viewer->heartbeat_ms)) {
    viewer->beat_at = now;
    viewer->beats++;
    double held = now - viewer->echo_at;
    memcpy(body, &now, 8);
    memcpy(body + 8, &viewer->echo, 8);
    memcpy(body + 16, &held, 8);
    size += put_control(viewer, bytes + size, 0, HEARTBEAT, body, 24);
  }
  if (size == 0) return;
  viewer->sent_at = now;
  say(viewer, bytes, size);
}

static void join(struct viewer *viewer) {
  viewer->state = LIVE;
  viewer->acked_at = viewer->beat_at = viewer->sent_at = now_ms();
  acks_per_ms += 1 / viewer->ack_ms;
  if (++live == viewer_count) {
    printf("{\"ready\":%d,\"ackMs\":%.1f}\n", live, live / acks_per_ms);
    fflush(stdout);
  }
}

static double number_in(const char *text, const char *key, double otherwise) {
  const char *at = strstr(text, key);
  return at == NULL ? otherwise : atof(at + strlen(key));
}

static void take_control(struct viewer *viewer, const unsigned char *body, size_t size) {
  char text[4096];
  size_t length = size - 1 < sizeof text - 1 ? size - 1 : sizeof text - 1;
  switch (body[0]) {
    case WELCOME:
      memcpy(text, body + 1, length);
      text[length] = 0;
      viewer->heartbeat_ms = number_in(text, "\"heartbeatMs\":", 1000);
      viewer->ack_ms = number_in(text, "\"ackMs\":", 250);
      viewer->state = SUBSCRIBING;
      say_json(viewer, SUBSCRIBE, "{\"request\":1,\"channel\":\"%s\",\"forward\":true,\"resume\":[]}", channel_name);
      return;
    case SUBSCRIBED:
      memcpy(text, body + 1, length);
      text[length] = 0;
      viewer->channel = (unsigned)number_in(text, "\"id\":", 0);
      if (viewer->state == SUBSCRIBING) join(viewer);
      return;
    case REFUSED:
      fail("a viewer was refused");
      return;
    case CLOSE:
      end(viewer);
      return;
    case HEARTBEAT:
      memcpy(&viewer->echo, body + 1, 8);
      viewer->echo_at = now_ms();
  }
}

/* A packet behind the newest: one that was missing until now, or one that came before. */
static void take_late(struct viewer *viewer, unsigned behind) {
  if (behind >= 64 || viewer->seen >> behind & 1) {
    repeated++;
    return;
  }
  viewer->seen |= (uint64_t)1 << behind;
  packets++;
  if (lost > 0) lost--;
}

static void take_rtp(struct viewer *viewer, const unsigned char *packet, size_t length, uint64_t now) {
  uint64_t sent;
  memcpy(&sent, packet + length - 8, 8);
  unsigned sequence = get32(packet + 16);
  if (viewer->has_newest) {
    unsigned ahead = (sequence - viewer->newest_sequence) & 0xffff;
    if (ahead == 0 || ahead > 0x8000) {
      take_late(viewer, (0x10000 - ahead) & 0xffff);
      return;
    }
    lost += ahead - 1;
    viewer->seen = ahead < 64 ? viewer->seen << ahead : 0;
  }
  viewer->seen |= 1;
  viewer->has_newest = 1;
  viewer->newest_sequence = sequence;
  memcpy(viewer->source, packet + 8, 4);
  viewer->medium = packet[14];
  viewer->generation = packet[15];
  packets++;
  uint64_t slot = sent < now ? (now - sent) / SLOT_NS : 0;
  slots[slot < SLOTS ? slot : SLOTS - 1]++;
}

/* Takes whole packets; how many bytes that was. */
static size_t take_packets(struct viewer *viewer, const unsigned char *bytes, size_t size, uint64_t now) {
  size_t at = 0;
  while (size - at >= HEADER && viewer->state != ENDED) {
    const unsigned char *packet = bytes + at;
    size_t length = packet[2] | (size_t)packet[3] << 8;
    if (packet[0] >> 4 != 1 || length < HEADER) fail("a viewer got bytes that are no packet");
    if (length > size - at) break;
    int kind = packet[0] & 15;
    if (kind == KIND_RTP && length >= HEADER + 20) take_rtp(viewer, packet, length, now);
    if (kind == KIND_CONTROL && length > HEADER) take_control(viewer, packet + HEADER, length - HEADER);
    at += length;
  }
  return at;
}

/* Takes the frames off, in place; how many bytes of messages are left. */
static size_t unframe(struct viewer *viewer, unsigned char *bytes, size_t size) {
  size_t from = 0, to = 0;
  while (from < size) {
    if (viewer->message_left > 0) {
      size_t part = viewer->message_left < size - from ? (size_t)viewer->message_left : size - from;
      memmove(bytes + to, bytes + from, part);
      viewer->message_left -= part;
      from += part;
      to += part;
      continue;
    }
    viewer->head[viewer->head_bytes++] = bytes[from++];
    if (viewer->head_bytes < 2) continue;
    if (viewer->head[0] == 0x88) {
      end(viewer);
      return to;
    }
    int kind = viewer->head[1] & 127, more = kind == 126 ? 2 : kind == 127 ? 8 : 0;
    if (viewer->head_bytes < 2 + more) continue;
    viewer->message_left = (uint64_t)(more == 0 ? kind : 0);
    for (int i = 0; i < more; i++) viewer->message_left = viewer->message_left << 8 | viewer->head[2 + i];
    viewer->head_bytes = 0;
  }
  return to;
}

static void greet(struct viewer *viewer) {
  viewer->state = GREETING;
  say_json(viewer, HELLO, "{\"role\":\"viewer\",\"name\":\"bench\",\"instance\":%d,\"token\":\"\",\"heartbeatMs\":300}", viewer->fd);
}

static void take(struct viewer *viewer, uint64_t now) {
  size_t held = viewer->held_bytes;
  if (held > 0) memcpy(buffer, viewer->held, held);
  ssize_t got = recv(viewer->fd, buffer + held, READ_BYTES, 0);
  if (got <= 0) {
    if (got < 0 && errno == EAGAIN) return;
    end(viewer);
    return;
  }
  unsigned char *bytes = buffer;
  size_t size = held + (size_t)got;
  if (viewer->state == UPGRADING) {
    unsigned char *behind = memmem(bytes, size, "\r\n\r\n", 4);
    if (behind != NULL) {
      if (memmem(bytes, size, " 101 ", 5) == NULL) fail("an upgrade was refused");
      size -= (size_t)(behind + 4 - bytes);
      bytes = behind + 4;
      greet(viewer);
      if (mode == WEBSOCKET) size = unframe(viewer, bytes, size);
    }
  } else if (mode == WEBSOCKET) size = held + unframe(viewer, bytes + held, (size_t)got);
  size_t used = viewer->state > UPGRADING ? take_packets(viewer, bytes, size, now) : 0;
  if (viewer->state == ENDED) return;
  viewer->held_bytes = size - used;
  if (viewer->held_bytes == 0) return;
  viewer->held = realloc(viewer->held, viewer->held_bytes);
  if (viewer->held == NULL) exit(1);
  memcpy(viewer->held, bytes + used, viewer->held_bytes);
}

static void connected(struct viewer *viewer) {
  int error = 0, on = 1;
  socklen_t size = sizeof error;
  getsockopt(viewer->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) fail("a viewer cannot connect: %s", strerror(error));
  setsockopt(viewer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = viewer};
  epoll_ctl(poll_fd, EPOLL_CTL_MOD, viewer->fd, &event);
  if (mode == RAW) {
    viewer->channel = 1;
    viewer->ack_ms = atof(channel_name);
    join(viewer);
    return;
  }
  viewer->state = UPGRADING;
  char text[512];
  int bytes = snprintf(
      text, sizeof text,
      "GET /link HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: Upgrade\r\nUpgrade: %s\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
      ntohs(site.sin_port), mode == WEBSOCKET ? "websocket" : "meander");
  say(viewer, (unsigned char *)text, (size_t)bytes);
}

static void open_one(void) {
  struct viewer *viewer = &viewers[opened++];
  viewer->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (viewer->fd < 0) fail("no socket for a viewer: %s", strerror(errno));
  viewer->echo = 0.0 / 0.0;
  if (connect(viewer->fd, (struct sockaddr *)&site, sizeof site) < 0 && errno != EINPROGRESS) {
    fail("a viewer cannot connect: %s", strerror(errno));
  }
  struct epoll_event event = {.events = EPOLLOUT, .data.ptr = viewer};
  if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, viewer->fd, &event) < 0) exit(1);
}

static double lateness(double share, unsigned long long total) {
  unsigned long long below = 0;
  for (int i = 0; i < SLOTS; i++) {
    below += slots[i];
    if (total > 0 && (double)below >= share * (double)total) return (i + 1) * (SLOT_NS / 1e6);
  }
  return 0;
}

static void answer(char *line) {
  if (strncmp(line, "reset", 5) == 0) {
    packets = lost = repeated = 0;
    memset(slots, 0, sizeof slots);
    printf("{}\n");
  } else {
    unsigned long long total = packets;
    printf("{\"packets\":%llu,\"lost\":%llu,\"repeated\":%llu,\"closed\":%llu,\"lateP50Ms\":%.2f,\"lateP99Ms\":%.2f,\"lateMaxMs\":%.2f}\n",
           packets, lost, repeated, closed, lateness(0.5, total), lateness(0.99, total), lateness(1, total));
  }
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  site.sin_port = htons((unsigned short)atoi(argv[1]));
  site.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  viewer_count = atoi(argv[2]);
  mode = argv[3][0] == 't' ? TCP : argv[3][0] == 'w' ? WEBSOCKET : RAW;
  channel_name = argv[4];
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < (rlim_t)viewer_count + 16) fail("%d viewers need more descriptors than %lu", viewer_count, (unsigned long)files.rlim_cur);
  viewers = calloc((size_t)viewer_count, sizeof *viewers);
  poll_fd = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  if (viewers == NULL || poll_fd < 0 || epoll_ctl(poll_fd, EPOLL_CTL_ADD, 0, &event) < 0) return 1;

  /* While it sleeps nobody has to wake it, as no sender has to wake a receiver on another machine. */
  const struct timespec nap = {.tv_nsec = 1000000};
  struct epoll_event ready[EVENTS];
  double tended_at = 0;
  for (;;) {
    while (opened < viewer_count && opened - live - (int)closed < OPENING_MAX) open_one();
    int many = epoll_wait(poll_fd, ready, EVENTS, TICK_MS);
    uint64_t at = now_ns();
    for (int i = 0; i < many; i++) {
      struct viewer *viewer = ready[i].data.ptr;
      if (viewer == NULL) {
        char line[256];
        ssize_t bytes = read(0, line, sizeof line - 1);
        if (bytes <= 0) return 0;
        line[bytes] = 0;
        answer(line);
      } else if (viewer->state == CONNECTING) connected(viewer);
      else if (viewer->state != ENDED) {
        take(viewer, at);
        if (viewer->state == LIVE) tend(viewer, (double)at / 1e6);
      }
    }
    double now = now_ms();
    if (now - tended_at >= TICK_MS) {
      tended_at = now;
      for (int i = 0; i < opened; i++) {
        if (viewers[i].state == LIVE) tend(&viewers[i], now);
      }
    }
    if (many < EVENTS && live == viewer_count) nanosleep(&nap, NULL);
  }
}
