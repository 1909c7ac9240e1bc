#include "supervise/terminal_questions.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/text.h"
#include "supervise/typed_answers.h"

namespace ambit::supervise {

namespace asio = boost::asio;

namespace {

/// A job that comes to the foreground is told nothing.
constexpr std::chrono::milliseconds kLook(500);

auto Await(boost::system::error_code& error) {
  return asio::redirect_error(asio::use_awaitable, error);
}

}  // namespace

Fd OpenFreeTerminal(const StandardStreams& streams) {
  if (streams.AnyTerminal()) return {};
  return Fd(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
}

TerminalQuestions::TerminalQuestions(asio::io_context& io, Fd terminal, const Approvals& approvals,
                                     Answer answer)
    : terminal_(io, std::move(terminal).Release()),
      approvals_(approvals),
      answer_(std::move(answer)),
      woken_(io) {}

const Approvals::Question* TerminalQuestions::NextUnasked() const {
  const auto& waiting = approvals_.Waiting();
  const auto next = std::ranges::find_if(
      waiting, [&](const Approvals::Question& question) { return question.id > last_asked_; });
  return next != waiting.end() ? &*next : nullptr;
}

bool TerminalQuestions::IsForeground() {
  return ::tcgetpgrp(terminal_.native_handle()) == ::getpgrp();
}

asio::awaitable<void> TerminalQuestions::Watch() {
  for (;;) {
    const Approvals::Question* const question = IsForeground() ? NextUnasked() : nullptr;
    if (question == nullptr) {
      boost::system::error_code ignored;
      woken_.expires_after(kLook);
      co_await woken_.async_wait(Await(ignored));
      continue;
    }
    (void)::tcflush(terminal_.native_handle(), TCIFLUSH);  // typed before it was asked
    last_asked_ = question->id;
    const std::string target = question->target;  // it may be gone when the answer comes
    Show(fmt::format("ambit: the run waits for {}\n  {}\n> ", Printable(target), kTypedAnswers));
    auto typed = co_await ReadLine();
    while (typed && !typed->empty() && !ReadTypedAnswer(*typed)) {
      Show(fmt::format("{}\n> ", TextForNoAnswer(*typed)));
      typed = co_await ReadLine();
    }
    if (!typed) co_return;
    const auto said = ReadTypedAnswer(*typed);
    if (!said) continue;
    const Status answered = answer_({.allow = said->allow, .scope = said->scope, .target = target});
    if (!answered) Show(fmt::format("ambit: {}\n", answered.error().what));
  }
}

/// nullopt: the terminal is gone.
asio::awaitable<std::optional<std::string>> TerminalQuestions::ReadLine() {
  std::array<char, 256> line{};
  for (;;) {
    boost::system::error_code error;
    co_await terminal_.async_wait(Descriptor::wait_read, Await(error));
    if (error) co_return std::nullopt;
    const ssize_t got = ::read(terminal_.native_handle(), line.data(), line.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) co_return std::nullopt;
    std::string_view text(line.data(), static_cast<std::size_t>(got));
    co_return std::string(text.substr(0, text.find('\n')));
  }
}

}  // namespace ambit::supervise
