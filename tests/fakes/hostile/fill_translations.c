/* Fills what the kernel remembers of the connections of its network namespace, with entries that
   it does not throw out when others want in. Those are of UDP that was answered and goes on after
   two seconds ("assured": nf_conntrack_udp_packet, early_drop of the kernel's net/netfilter). Says
   how many there are, of how many. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kAsks = 40000, kAnswers = 40001, kAtOnce = 256 };

static long Read(const char* name) {
  char path[99];
  long value = -1;
  snprintf(path, sizeof path, "/proc/sys/net/netfilter/%s", name);
  FILE* file = fopen(path, "r");
  if (file == NULL || fscanf(file, "%ld", &value) != 1) perror(path);
  if (file != NULL) fclose(file);
  return value;
}

static struct sockaddr_in At(in_addr_t address, int port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
  at.sin_addr.s_addr = htonl(address);
  return at;
}

static int Bound(in_addr_t address, int port) {
  const int bound = socket(AF_INET, SOCK_DGRAM, 0);
  const struct sockaddr_in at = At(address, port);
  if (bind(bound, (const struct sockaddr*)&at, sizeof at) != 0) perror("bind");
  return bound;
}

/* The far end of connection `number`: an address of the loopback for each. */
static in_addr_t FarEnd(long number) { return 0x7f010000 + number; }

struct Batch {
  struct mmsghdr messages[kAtOnce];
  struct sockaddr_in peers[kAtOnce];
  union {
    char bytes[CMSG_SPACE(sizeof(struct in_pktinfo))];
    struct cmsghdr head;
  } from[kAtOnce];
  struct iovec byte;
};

static void Send(int socket, struct Batch* batch, int size) {
  /* What the kernel refuses is not sent; the others go on behind it. */
  for (int n = 0, sent; n < size; n += sent > 0 ? sent : 1)
    sent = sendmmsg(socket, batch->messages + n, size - n, MSG_DONTWAIT);
}

/* A datagram over each of `size` connections from `first` on. Whoever reads them does not matter.
 */
static void Ask(int asks, long first, int size) {
  struct Batch batch = {.byte = {.iov_base = "x", .iov_len = 1}};
  for (int n = 0; n < size; ++n) {
    batch.peers[n] = At(FarEnd(first + n), kAnswers);
    batch.messages[n].msg_hdr = (struct msghdr){.msg_name = &batch.peers[n],
                                                .msg_namelen = sizeof batch.peers[n],
                                                .msg_iov = &batch.byte,
                                                .msg_iovlen = 1};
  }
  Send(asks, &batch, size);
}

/* And back, each from its far end (IP_PKTINFO, ip(7)). */
static void Answer(int answers, long first, int size) {
  struct Batch batch = {.byte = {.iov_base = "x", .iov_len = 1}};
  for (int n = 0; n < size; ++n) {
    struct cmsghdr* const head = &batch.from[n].head;
    *head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo)),
                             .cmsg_level = IPPROTO_IP,
                             .cmsg_type = IP_PKTINFO};
    ((struct in_pktinfo*)CMSG_DATA(head))->ipi_spec_dst.s_addr = htonl(FarEnd(first + n));
    batch.peers[n] = At(INADDR_LOOPBACK, kAsks);
    batch.messages[n].msg_hdr = (struct msghdr){.msg_name = &batch.peers[n],
                                                .msg_namelen = sizeof batch.peers[n],
                                                .msg_iov = &batch.byte,
                                                .msg_iovlen = 1,
                                                .msg_control = head,
                                                .msg_controllen = sizeof batch.from[n]};
  }
  Send(answers, &batch, size);
}

int main(void) {
  const long most = Read("nf_conntrack_max");
  const int asks = Bound(INADDR_LOOPBACK, kAsks), answers = Bound(INADDR_ANY, kAnswers);
  long made = 0;
  for (long left = most; left > 0 && made < 2 * most; left = most - Read("nf_conntrack_count")) {
    const int size = left < kAtOnce ? left : kAtOnce;
    Ask(asks, made, size);
    Answer(answers, made, size);
    made += size;
  }
  usleep(2100000);
  for (long first = 0; first < made; first += kAtOnce)
    Ask(asks, first, made - first < kAtOnce ? made - first : kAtOnce);
  const long count = Read("nf_conntrack_count");
  printf("%s: %ld of %ld\n", most > 0 && count >= most ? "full" : "not full", count, most);
  return 0;
}
