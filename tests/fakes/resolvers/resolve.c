// What getaddrinfo(3) of the C library this is linked with makes of a name: one line for each
// family and flag, with the families of the addresses in order, or the library's own word.
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void Show(const char* label, const char* name, int family, int flags) {
  struct addrinfo hints, *list = NULL;
  memset(&hints, 0, sizeof hints);
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags;
  int error = getaddrinfo(name, "443", &hints, &list);
  printf("%s:", label);
  if (error == EAI_NONAME) printf(" EAI_NONAME");
#ifdef EAI_NODATA
  else if (error == EAI_NODATA) printf(" EAI_NODATA");
#endif
  else if (error != 0) printf(" %s", gai_strerror(error));
  if (error == 0) {
    for (struct addrinfo* at = list; at != NULL; at = at->ai_next)
      printf(" %s", at->ai_family == AF_INET ? "A" : "AAAA");
    freeaddrinfo(list);
  }
  printf("\n");
}

int main(int argc, char** argv) {
  const char* name = argc > 1 ? argv[1] : "";
  Show("UNSPEC", name, AF_UNSPEC, 0);
  Show("UNSPEC+ADDRCONFIG", name, AF_UNSPEC, AI_ADDRCONFIG);
  Show("INET", name, AF_INET, 0);
  Show("INET+ADDRCONFIG", name, AF_INET, AI_ADDRCONFIG);
  Show("INET6", name, AF_INET6, 0);
  Show("INET6+ADDRCONFIG", name, AF_INET6, AI_ADDRCONFIG);
  return 0;
}
