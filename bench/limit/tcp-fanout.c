/*
 * Fan-out over TCP at the limit of one write per frame and viewer: receives RTP on a UDP port, puts the 20-byte header of
 * docs/spec/wire.md before each packet, and writes the packets of a frame (up to the RTP marker) to everyone connected. What
 * viewers say is read and thrown away.
 *
 *   tcp-fanout VIEWERS     how many at most
 *
 * Prints {"rtp":PORT,"tcp":PORT} when it listens. Ends when its standard input does. Linux.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEADER = 20, FRAME_MAX = 1024 * 1024, EVENTS = 256, FD_MAX = 65536 };

/* What a viewer's socket did not take of a frame; it gets no other before this is out. */
static struct {
  unsigned char *bytes;
  size_t size, at;
} rest[FD_MAX];
static int viewers[FD_MAX];
static int places[FD_MAX];
static int count;

static unsigned char frame[FRAME_MAX];
static size_t filled;
static int poll_fd;

static struct sockaddr_in loopback(void) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static int open_socket(int type, int *port) {
  struct sockaddr_in here = loopback();
  socklen_t size = sizeof here;
  int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&here, size) < 0) exit(1);
  if (getsockname(fd, (struct sockaddr *)&here, &size) < 0) exit(1);
  *port = ntohs(here.sin_port);
  return fd;
}

static void watch(int fd, unsigned events, int operation) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(poll_fd, operation, fd, &event) < 0) exit(1);
}

static void leave(int fd) {
  int last = viewers[--count];
  viewers[places[fd]] = last;
  places[last] = places[fd];
  free(rest[fd].bytes);
  rest[fd].bytes = NULL;
  close(fd);
}

static void enter(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    places[fd] = count;
    viewers[count++] = fd;
    watch(fd, EPOLLIN, EPOLL_CTL_ADD);
  }
}

static void send_frame(void) {
  for (int i = 0; i < count; i++) {
    int fd = viewers[i];
    if (rest[fd].bytes != NULL) continue;
    ssize_t taken = write(fd, frame, filled);
    if (taken == (ssize_t)filled || (taken < 0 && errno != EAGAIN)) continue;
    size_t at = taken < 0 ? 0 : (size_t)taken;
    rest[fd].size = filled - at;
    rest[fd].at = 0;
    rest[fd].bytes = malloc(rest[fd].size);
    if (rest[fd].bytes == NULL) exit(1);
    memcpy(rest[fd].bytes, frame + at, rest[fd].size);
    watch(fd, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
  }
  filled = 0;
}

static void send_rest(int fd) {
  ssize_t taken = write(fd, rest[fd].bytes + rest[fd].at, rest[fd].size - rest[fd].at);
  if (taken > 0) rest[fd].at += (size_t)taken;
  if (rest[fd].at < rest[fd].size) return;
  free(rest[fd].bytes);
  rest[fd].bytes = NULL;
  watch(fd, EPOLLIN, EPOLL_CTL_MOD);
}

static void put32(unsigned char *at, unsigned value) {
  for (int i = 0; i < 4; i++) at[i] = (unsigned char)(value >> (8 * i));
}

static void take_packets(int in) {
  for (;;) {
    if (filled + HEADER + 65536 > sizeof frame) filled = 0;
    unsigned char *header = frame + filled, *rtp = header + HEADER;
    ssize_t bytes = recv(in, rtp, 65536, 0);
    if (bytes < 0) return;
    if (bytes < 12) continue;
    size_t length = HEADER + (size_t)bytes;
    memset(header, 0, HEADER);
    header[0] = 1 << 4 | 5;
    header[2] = (unsigned char)length;
    header[3] = (unsigned char)(length >> 8);
    put32(header + 4, 1);
    memcpy(header + 8, rtp + 8, 4);
    header[14] = 2;
    put32(header + 16, (unsigned)(rtp[2] << 8 | rtp[3]));
    filled += length;
    if (rtp[1] & 0x80) send_frame();
  }
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_cur < (rlim_t)atoi(argv[1]) + 16) return 1;

  int rtp_port, tcp_port, buffer = 4 * 1024 * 1024;
  int in = open_socket(SOCK_DGRAM, &rtp_port);
  int listener = open_socket(SOCK_STREAM, &tcp_port);
  setsockopt(in, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  if (listen(listener, 4096) < 0) return 1;
  poll_fd = epoll_create1(0);
  watch(in, EPOLLIN, EPOLL_CTL_ADD);
  watch(listener, EPOLLIN, EPOLL_CTL_ADD);
  watch(0, EPOLLIN, EPOLL_CTL_ADD);
  printf("{\"rtp\":%d,\"tcp\":%d}\n", rtp_port, tcp_port);
  fflush(stdout);

  struct epoll_event ready[EVENTS];
  static char words[65536];
  for (;;) {
    int many = epoll_wait(poll_fd, ready, EVENTS, -1);
    for (int i = 0; i < many; i++) {
      int fd = ready[i].data.fd;
      if (fd == 0) {
        if (read(0, words, sizeof words) <= 0) return 0;
      } else if (fd == in) take_packets(in);
      else if (fd == listener) enter(listener);
      else {
        if ((ready[i].events & EPOLLOUT) != 0) send_rest(fd);
        if ((ready[i].events & ~(unsigned)EPOLLOUT) == 0) continue;
        ssize_t bytes = read(fd, words, sizeof words);
        if (bytes == 0 || (bytes < 0 && errno != EAGAIN)) leave(fd);
      }
    }
  }
}
