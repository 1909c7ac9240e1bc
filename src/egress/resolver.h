#pragma once
// Looks names up outside, as the host would: its hosts file, then its name servers, by c-ares.
// Sockets are c-ares' own, waited for on the loop of the process; nothing here blocks.
//
// Made before the walls are raised, because c-ares reads /etc/resolv.conf and takes randomness for
// the numbers of its questions from a device; afterwards it opens no file, and hears from the
// supervisor when one has changed. What comes back is judged by nobody here: see policy/foreign.
//
// Who calls: egress (Make), egress/upstream (the rest). Source: ares_getaddrinfo(3),
// ares_init_options(3), ares_set_servers(3) of c-ares 1.18.
#include <ares.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "egress/hosts_file.h"
#include "egress/loop.h"
#include "egress/patience.h"

namespace ambit::egress {

class Resolver {
 public:
  /// `hosts` is the text of the host's file. Errors: c-ares could not be made.
  static Result<std::unique_ptr<Resolver>> Make(std::string_view hosts);
  /// Once, before anything is resolved.
  void RunOn(asio::io_context& loop);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Of names that are asked for at once; those who want the same one wait together.
  static constexpr std::size_t kMostAsked = 1024;

  /// The addresses in the order in which they should be tried (RFC 6724). Errors: kNotFound: there
  /// is no such name, or it has no address; kIo: nobody answered in time, with ECANCELED the
  /// patience was over first; kLimit: too many names are asked for.
  Task<Result<std::vector<policy::AddressBytes>>> Resolve(const HostName& name, Patience& patience);

  /// From now on these are asked, also what others were asked and have not answered. Not empty.
  void UseServers(const std::vector<policy::AddressBytes>& servers);
  /// As in Make.
  void UseHosts(std::string_view hosts);

 private:
  struct Watch;
  struct Answer;
  Resolver() = default;
  Task<> WaitFor(std::shared_ptr<Answer> answer, Patience& patience);
  std::shared_ptr<Answer> Ask(const HostName& name);
  void OnFound(Answer& answer, int status, const ares_addrinfo* found);
  [[nodiscard]] const std::vector<policy::AddressBytes>* Remembered(const HostName& name) const;
  void Remember(const HostName& name, const Answer& answer);
  void OnSocketState(ares_socket_t socket, bool readable, bool writable);
  Task<> WatchSocket(std::shared_ptr<Watch> watch, bool for_reading);
  Task<> WatchTime();
  void WakeTime();

  asio::io_context* loop_ = nullptr;
  HostsFile hosts_;
  /// Answers, for as long as they say, and a minute at most. They are judged anew each time.
  struct Known {
    std::vector<policy::AddressBytes> addresses;
    std::chrono::steady_clock::time_point until;
  };
  std::map<HostName, Known> remembered_;
  std::map<HostName, std::shared_ptr<Answer>> asked_;  // c-ares has not answered yet
  ares_channel channel_ = nullptr;
  std::map<ares_socket_t, std::shared_ptr<Watch>> watches_;
  std::optional<Timer> time_;
  bool timing_ = false;
};

}  // namespace ambit::egress
