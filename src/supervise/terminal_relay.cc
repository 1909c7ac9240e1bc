#include "supervise/terminal_relay.h"

#include <errno.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <span>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace ambit::supervise {
namespace {

namespace asio = boost::asio;

auto Await(boost::system::error_code& error) {
  return asio::redirect_error(asio::use_awaitable, error);
}

/// Blocks until the terminal has taken everything, also one that somebody made non-blocking.
void WriteAll(int fd, std::span<const char> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n > 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      pollfd terminal{.fd = fd, .events = POLLOUT, .revents = 0};
      ::poll(&terminal, 1, -1);
    } else if (errno != EINTR) {
      return;  // the terminal is gone; the run goes on without it
    }
  }
}

}  // namespace

TerminalRelay::TerminalRelay(asio::io_context& io, Fd master, StandardStreams streams,
                             Showing showing)
    : pty_(io), out_(streams.output ? 1 : 2), showing_(showing) {
  CopyWindowSize(master.get());
  pty_.assign(std::move(master).Release());
  pty_.native_non_blocking(true);
  if (!streams.input) return;
  if (auto raw = RawTerminal::Enter(!streams.output)) raw_.emplace(*std::move(raw));
  input_.emplace(io, ::dup(0));
}

TerminalRelay::~TerminalRelay() { WriteAll(out_, Undo(modes_)); }

asio::awaitable<void> TerminalRelay::CarryInput() {
  std::array<char, 4096> buffer{};
  for (;;) {
    boost::system::error_code error;
    co_await input_->async_wait(Descriptor::wait_read, Await(error));
    if (error) co_return;
    const ssize_t n = ::read(input_->native_handle(), buffer.data(), buffer.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) co_return;
    co_await asio::async_write(pty_, asio::buffer(buffer.data(), static_cast<std::size_t>(n)),
                               Await(error));
    if (error) co_return;
  }
}

asio::awaitable<void> TerminalRelay::CarryOutput() {
  std::array<char, 16384> buffer{};
  for (;;) {
    boost::system::error_code error;
    const std::size_t n = co_await pty_.async_read_some(asio::buffer(buffer), Await(error));
    if (error) co_return;
    Show(std::span(buffer).first(n));
  }
}

void TerminalRelay::Show(std::span<const char> bytes) {
  std::string passed;
  filter_.Filter(std::string_view(bytes.data(), bytes.size()), passed);
  WriteAll(out_, showing_ == Showing::kFiltered ? std::span<const char>(passed) : bytes);
}

std::vector<std::string> TerminalRelay::Dropped() const {
  std::vector<std::string> all;
  if (showing_ == Showing::kUnfiltered) return all;
  for (const auto& [name, count] : filter_.dropped()) {
    all.push_back(fmt::format("{}: {}", name, count));
  }
  return all;
}

void TerminalRelay::Resize() { CopyWindowSize(pty_.native_handle()); }

void TerminalRelay::ShowTheRest() {
  std::array<char, 16384> rest{};
  for (ssize_t n = 0; (n = ::read(pty_.native_handle(), rest.data(), rest.size())) > 0;) {
    Show(std::span(rest).first(static_cast<std::size_t>(n)));
  }
}

}  // namespace ambit::supervise
