/*
 * Drains many UDP ports at little cost: its work must not disturb what it measures.
 *
 *   sink COUNT BYTES     ports to open on 127.0.0.1, size of the datagrams that count
 *
 * Prints {"ports":[…]}, then {"packets":N} for each line on standard input. Ends with its standard input. Linux.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, EVENTS = 256, PEEK = 16 };

static char heads[BATCH][PEEK];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];
static unsigned long long packets;

static int open_port(void) {
  struct sockaddr_in address = {.sin_family = AF_INET};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  int buffer = 1024 * 1024;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0) exit(1);
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  if (getsockname(fd, (struct sockaddr *)&address, &size) < 0) exit(1);
  printf("%d", ntohs(address.sin_port));
  return fd;
}

/* Takes only the heads; MSG_TRUNC tells the true sizes. */
static void drain(int fd, unsigned expected) {
  int count;
  do {
    count = recvmmsg(fd, messages, BATCH, MSG_DONTWAIT | MSG_TRUNC, NULL);
    for (int i = 0; i < count; i++) packets += messages[i].msg_len == expected;
  } while (count == BATCH);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  int count = atoi(argv[1]);
  unsigned expected = (unsigned)atoi(argv[2]);
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){.iov_base = heads[i], .iov_len = PEEK};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }

  /* One descriptor for each port. */
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }

  int poll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = 0};
  if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, 0, &event) < 0) return 1;
  printf("{\"ports\":[");
  for (int i = 0; i < count; i++) {
    if (i > 0) printf(",");
    event.data.fd = open_port();
    if (epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event) < 0) return 1;
  }
  printf("]}\n");
  fflush(stdout);

  /* While it sleeps nobody has to wake it, as no sender has to wake a receiver on another machine. */
  const struct timespec rest = {.tv_nsec = 1000000};
  struct epoll_event ready[EVENTS];
  for (;;) {
    int many = epoll_wait(poll, ready, EVENTS, -1);
    for (int i = 0; i < many; i++) {
      if (ready[i].data.fd != 0) {
        drain(ready[i].data.fd, expected);
        continue;
      }
      char line[256];
      ssize_t bytes = read(0, line, sizeof line);
      if (bytes <= 0) return 0;
      for (ssize_t at = 0; at < bytes; at++) {
        if (line[at] == '\n') printf("{\"packets\":%llu}\n", packets);
      }
      fflush(stdout);
    }
    if (many < EVENTS) nanosleep(&rest, NULL);
  }
}
