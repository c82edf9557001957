/*
 * Fan-out at the limit of the kernel: receives on a UDP port of its own and sends each datagram to every destination, with
 * nothing in between.
 *
 *   fanout batched PORT,PORT,…   as few system calls as can be: recvmmsg, one sendmmsg for all destinations, and
 *                                datagrams that came together as one train for each destination (UDP_SEGMENT)
 *   fanout sendto PORT,PORT,…    one system call per datagram
 *
 * Destinations are on 127.0.0.1. Prints {"port":N} when it listens. Ends when its standard input does. Linux.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/* A train has at most 64 segments, and fits a datagram. */
enum { BATCH = 64, TRAIN_BYTES = 65507, PACKET_BYTES = 2048, MANY = 65536, VECTOR = 1024 };

static struct sockaddr_in destinations[MANY];
static struct mmsghdr outgoing[MANY];
static size_t count;

static char packets[BATCH][PACKET_BYTES];
static struct iovec parts[BATCH];
static struct mmsghdr incoming[BATCH];
/* Not every device takes trains; then packets leave one by one. */
static int can_train = 1;

static union {
  char bytes[CMSG_SPACE(sizeof(uint16_t))];
  struct cmsghdr header;
} segment;

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/* False when the kernel takes no trains. Other failures concern one destination, and are its own affair. */
static int send_all(int fd) {
  for (size_t at = 0; at < count;) {
    size_t left = count - at;
    int sent = sendmmsg(fd, outgoing + at, left < VECTOR ? (unsigned)left : VECTOR, 0);
    if (sent > 0) {
      at += (size_t)sent;
    } else {
      if (outgoing[at].msg_hdr.msg_controllen > 0 && (errno == EIO || errno == EINVAL)) return 0;
      at++;
    }
  }
  return 1;
}

/* The packets from `first` on, as one train if there are several. False when the kernel takes none. */
static int send_train(int fd, int first, int length) {
  int is_train = length > 1;
  if (is_train) {
    uint16_t size = (uint16_t)parts[first].iov_len;
    memcpy(CMSG_DATA(&segment.header), &size, sizeof size);
  }
  for (size_t i = 0; i < count; i++) {
    struct msghdr *message = &outgoing[i].msg_hdr;
    message->msg_iov = &parts[first];
    message->msg_iovlen = (size_t)length;
    message->msg_control = is_train ? segment.bytes : NULL;
    message->msg_controllen = is_train ? sizeof segment.bytes : 0;
  }
  return send_all(fd);
}

/* How many packets from `first` on go into one train: all of one size, but the last may be shorter. */
static int train_at(int first, int end) {
  size_t size = parts[first].iov_len;
  size_t bytes = size;
  int length = 1;
  while (can_train && first + length < end && parts[first + length - 1].iov_len == size) {
    size_t next = parts[first + length].iov_len;
    if (next > size || next == 0 || bytes + next > TRAIN_BYTES) break;
    bytes += next;
    length++;
  }
  return length;
}

static void forward_batch(int out, int received) {
  for (int i = 0; i < received; i++) parts[i].iov_len = incoming[i].msg_len;
  for (int first = 0; first < received;) {
    int length = train_at(first, received);
    if (send_train(out, first, length)) first += length;
    else can_train = 0;
  }
  for (int i = 0; i < received; i++) parts[i].iov_len = PACKET_BYTES;
}

static int receive_batch(int in) {
  return recvmmsg(in, incoming, BATCH, MSG_DONTWAIT, NULL);
}

static int forward_one(int in, int out) {
  ssize_t bytes = recv(in, packets[0], PACKET_BYTES, MSG_DONTWAIT);
  if (bytes < 0) return 0;
  for (size_t i = 0; i < count; i++) {
    sendto(out, packets[0], (size_t)bytes, 0, (struct sockaddr *)&destinations[i], sizeof destinations[i]);
  }
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int batched = strcmp(argv[1], "batched") == 0;
  for (char *at = argv[2]; *at != '\0' && count < MANY; at += *at == ',') {
    destinations[count++] = loopback((int)strtol(at, &at, 10));
  }
  for (size_t i = 0; i < count; i++) {
    outgoing[i].msg_hdr = (struct msghdr){.msg_name = &destinations[i], .msg_namelen = sizeof destinations[i]};
  }
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){.iov_base = packets[i], .iov_len = PACKET_BYTES};
    incoming[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }
  segment.header = (struct cmsghdr){
      .cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT, .cmsg_len = CMSG_LEN(sizeof(uint16_t))};

  int in = socket(AF_INET, SOCK_DGRAM, 0);
  int out = socket(AF_INET, SOCK_DGRAM, 0);
  int buffer = 4 * 1024 * 1024;
  setsockopt(in, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  setsockopt(out, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
  /* Datagrams that are never cut need no number each. */
  int whole = IP_PMTUDISC_DO;
  if (batched) setsockopt(out, IPPROTO_IP, IP_MTU_DISCOVER, &whole, sizeof whole);
  struct sockaddr_in here = loopback(0);
  socklen_t size = sizeof here;
  if (in < 0 || out < 0 || bind(in, (struct sockaddr *)&here, size) < 0) return 1;
  if (getsockname(in, (struct sockaddr *)&here, &size) < 0) return 1;
  printf("{\"port\":%d}\n", ntohs(here.sin_port));
  fflush(stdout);

  struct pollfd ready[2] = {{.fd = in, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
  for (;;) {
    if (poll(ready, 2, -1) < 0) return 1;
    if (ready[1].revents != 0) return 0;
    /* Asks for more only as long as there was some, so that a burst costs one poll. */
    if (batched) {
      for (int received; (received = receive_batch(in)) > 0;) forward_batch(out, received);
    } else {
      while (forward_one(in, out)) continue;
    }
  }
}
