#include "supervise/terminal_relay.h"

#include <errno.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <span>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace ambit::supervise {
namespace {

namespace asio = boost::asio;

auto Await(boost::system::error_code& error) {
  return asio::redirect_error(asio::use_awaitable, error);
}

}  // namespace

TerminalRelay::TerminalRelay(asio::io_context& io, Fd master, TerminalKeeper keeper,
                             StandardStreams streams, Showing showing)
    : keeper_(std::move(keeper)),
      pty_(io),
      streams_(streams),
      out_(streams.output ? 1 : 2),
      showing_(showing),
      filter_(keeper_.state().modes) {
  CopyWindowSize(master.get());
  pty_.assign(std::move(master).Release());
  pty_.native_non_blocking(true);
  if (streams.input) input_.emplace(io, ::dup(0));
}

TerminalRelay::~TerminalRelay() {
  WriteToTerminal(out_, Undo(keeper_.state().modes));
  MakeAsBefore(keeper_.state());
}

Status TerminalRelay::TakeUp() {
  if (!input_) return {};
  if (!IsForegroundJob()) {
    LetGo();
    return {};
  }
  AMBIT_CHECK(keeper_.StartProcess(out_));
  AMBIT_CHECK(MakeRaw(keeper_.state(), !streams_.output));
  Resize();
  return {};
}

void TerminalRelay::LetGo() {
  ShowTheRest();
  if (input_) input_->cancel();
  MakeAsBefore(keeper_.state());
}

asio::awaitable<void> TerminalRelay::CarryInput() {
  std::array<char, 4096> buffer{};
  while (input_) {
    if (!IsTakenUp()) {
      co_await AwaitForeground();
      continue;
    }
    boost::system::error_code error;
    co_await input_->async_wait(Descriptor::wait_read, Await(error));
    if (error == asio::error::operation_aborted) continue;
    if (error) co_return;
    if (!IsForegroundJob()) {
      LetGo();
      continue;
    }
    const ssize_t n = ::read(input_->native_handle(), buffer.data(), buffer.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) co_return;
    co_await asio::async_write(pty_, asio::buffer(buffer.data(), static_cast<std::size_t>(n)),
                               Await(error));
    if (error) co_return;
  }
}

/// A shell that brings a job to the foreground which was never stopped tells it nothing, and
/// reading the terminal to find out would stop it.
asio::awaitable<void> TerminalRelay::AwaitForeground() {
  constexpr auto kLook = std::chrono::milliseconds(200);
  asio::steady_timer timer(pty_.get_executor());
  while (!IsTakenUp()) {
    if (IsForegroundJob() && !TakeUp()) input_.reset();  // the terminal is gone
    if (IsTakenUp() || !input_) co_return;
    boost::system::error_code error;
    timer.expires_after(kLook);
    co_await timer.async_wait(Await(error));
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
  const std::string_view written(bytes.data(), bytes.size());
  output_bytes_ += written.size();
  std::string passed;
  filter_.Filter(written, passed);
  WriteToTerminal(out_, showing_ == Showing::kFiltered ? passed : written);
}

bool TerminalRelay::Tell(std::string_view line) {
  termios inside{};
  if (::tcgetattr(pty_.native_handle(), &inside) != 0 || (inside.c_lflag & ICANON) == 0) {
    return false;
  }
  WriteToTerminal(out_, fmt::format("{}\r\n", line));
  return true;
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
