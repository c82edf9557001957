/*
 * Fan-out at the limit of one system call per datagram: receives on a UDP port of its own and sends each datagram to
 * every destination.
 *
 *   fanout PORT,PORT,…     destinations on 127.0.0.1
 *
 * Prints {"port":N} when it listens. Ends when its standard input does.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int main(int argc, char **argv) {
  static struct sockaddr_in destinations[65536];
  size_t count = 0;
  if (argc != 2) return 2;
  for (char *at = argv[1]; *at != '\0' && count < 65536; at += *at == ',') {
    destinations[count++] = loopback((int)strtol(at, &at, 10));
  }

  int in = socket(AF_INET, SOCK_DGRAM, 0);
  int out = socket(AF_INET, SOCK_DGRAM, 0);
  int buffer = 4 * 1024 * 1024;
  setsockopt(in, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
  struct sockaddr_in here = loopback(0);
  socklen_t size = sizeof here;
  if (in < 0 || out < 0 || bind(in, (struct sockaddr *)&here, size) < 0) return 1;
  if (getsockname(in, (struct sockaddr *)&here, &size) < 0) return 1;
  printf("{\"port\":%d}\n", ntohs(here.sin_port));
  fflush(stdout);

  static char packet[65536];
  struct pollfd ready[2] = {{.fd = in, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
  for (;;) {
    /* Asked only when nothing waits, so a burst costs one system call per datagram. */
    ssize_t bytes = recvfrom(in, packet, sizeof packet, MSG_DONTWAIT, NULL, NULL);
    if (bytes < 0) {
      if (poll(ready, 2, -1) > 0 && ready[1].revents != 0) return 0;
      continue;
    }
    for (size_t i = 0; i < count; i++) {
      sendto(out, packet, (size_t)bytes, 0, (struct sockaddr *)&destinations[i], sizeof destinations[i]);
    }
  }
}
