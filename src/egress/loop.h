#pragma once
// The event loop's types: Boost.Asio coroutines on one io_context, one thread, no type-erased
// executor. Asio only waits; every byte is moved by plain system calls on non-blocking descriptors.
#include <chrono>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace ambit::egress {

namespace asio = boost::asio;

using Executor = asio::io_context::executor_type;
template <class T = void>
using Task = asio::awaitable<T, Executor>;
using Descriptor = asio::posix::basic_stream_descriptor<Executor>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;
using UseTask = asio::use_awaitable_t<Executor>;

/// Waits until `descriptor` is ready. An error means that it was closed meanwhile.
inline Task<boost::system::error_code> Ready(Descriptor& descriptor,
                                             Descriptor::wait_type readiness) {
  boost::system::error_code error;
  co_await descriptor.async_wait(readiness, asio::redirect_error(UseTask(), error));
  co_return error;
}

/// Waits until the timer expires or is cancelled, whichever comes first.
inline Task<> Wait(Timer& timer) {
  boost::system::error_code ignored;
  co_await timer.async_wait(asio::redirect_error(UseTask(), ignored));
}

}  // namespace ambit::egress
