#pragma once
// The event loop's types: Boost.Asio coroutines on one io_context, one thread, no type-erased
// executor. Asio only waits; every byte is moved by plain system calls on non-blocking descriptors.
#include <boost/asio/awaitable.hpp>
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
using UseTask = asio::use_awaitable_t<Executor>;

/// Waits until `descriptor` is ready. An error means that it was closed meanwhile.
inline Task<boost::system::error_code> Ready(Descriptor& descriptor,
                                             Descriptor::wait_type readiness) {
  boost::system::error_code error;
  co_await descriptor.async_wait(readiness, asio::redirect_error(UseTask(), error));
  co_return error;
}

}  // namespace ambit::egress
