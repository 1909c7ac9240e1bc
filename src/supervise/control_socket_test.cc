// Irreversible calls run in forked processes: another user is one.
#include "supervise/control_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <string>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "supervise/control_client.h"
#include "sys/file.h"

namespace ambit::supervise {
namespace {

/// A run's directory with a socket that answers every answer with its own words.
class ControlSocketTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string made = ::testing::TempDir() + "ambit-control-XXXXXX";
    ASSERT_NE(::mkdtemp(made.data()), nullptr);
    path_ = made;
    ASSERT_EQ(::chmod(made.c_str(), 0755), 0);  // so that only the socket refuses
    auto directory = sys::OpenAt(AT_FDCWD, made.c_str(), O_RDONLY | O_DIRECTORY);
    ASSERT_TRUE(directory);
    directory_ = *std::move(directory);
    auto listener = ControlSocket::Listen(directory_.get());
    ASSERT_TRUE(listener) << listener.error().what;
    server_ = ::fork();
    ASSERT_GE(server_, 0);
    if (server_ == 0) Serve(*std::move(listener));
    ASSERT_EQ(::chmod((path_ / kControlSocket).c_str(), 0666), 0);
  }
  void TearDown() override {
    ::kill(server_, SIGKILL);
    ::waitpid(server_, nullptr, 0);
    std::filesystem::remove_all(path_);
  }

  [[noreturn]] void Serve(Fd listener) const {
    boost::asio::io_context io;
    ControlSocket socket(io, std::move(listener), directory_.get(),
                         [](const ControlRequest& request) -> ControlSocket::Reply {
                           if (request.kind == ControlKind::kList) {
                             return {{.kind = ReplyKind::kQuestion, .number = 1},
                                     {.kind = ReplyKind::kDone}};
                           }
                           return {{.kind = ReplyKind::kDone, .text = request.text}};
                         });
    boost::asio::co_spawn(io, socket.Watch(), boost::asio::detached);
    io.run();
    ::_exit(0);
  }

  /// A connection as anybody can make one.
  Fd Connect() const {
    Fd client(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, (path_ / kControlSocket).c_str());
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return client;
  }

  std::filesystem::path path_;
  Fd directory_;
  pid_t server_ = -1;
};

TEST_F(ControlSocketTest, AnswersRequestAfterRequest) {
  for (int n = 0; n < 50; ++n) {
    const auto reply = Say(directory_.get(), {.kind = ControlKind::kAnswer, .text = TextOf("x.y")});
    ASSERT_TRUE(reply) << reply.error().what;
    EXPECT_EQ(TextIn(reply->back().text), "x.y");
  }
  const auto list = Say(directory_.get(), {});
  ASSERT_TRUE(list);
  EXPECT_EQ(list->size(), 2U);
}

TEST_F(ControlSocketTest, TellsWhatIsWrongWithARequest) {
  const Fd client = Connect();
  ASSERT_EQ(::send(client.get(), "\1junk", 5, 0), 5);
  std::array<std::byte, sizeof(ControlReply)> message{};
  ASSERT_EQ(::recv(client.get(), message.data(), message.size(), 0),
            static_cast<ssize_t>(message.size()));
  const auto reply = DecodeReply(message);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->kind, ReplyKind::kFailed);
}

TEST_F(ControlSocketTest, ThoseWhoSayNothingKeepNobodyElseOut) {
  std::vector<Fd> silent;
  for (std::size_t n = 0; n < ControlSocket::kMostClients; ++n) silent.push_back(Connect());
  // Each is sent away after a second; until then whoever comes waits.
  const auto reply = Say(directory_.get(), {});
  EXPECT_TRUE(reply) << reply.error().what;
  EXPECT_TRUE(Say(directory_.get(), {}));
}

TEST_F(ControlSocketTest, HearsNobodyElse) {
  if (::geteuid() != 0) return;  // only root can be another user
  const pid_t other = ::fork();
  if (other == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(2);
    const Fd client = Connect();
    const ControlRequest request;
    (void)::send(client.get(), &request, sizeof request, MSG_NOSIGNAL);
    char byte = 0;
    ::_exit(::recv(client.get(), &byte, 1, 0) <= 0 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(other, &status, 0), other);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(Say(directory_.get(), {}));  // the control: the person is heard
}

TEST(ControlSocketOfNoRun, IsToldAsSuch) {
  const auto directory = sys::OpenAt(AT_FDCWD, "/usr", O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(directory);
  const auto reply = Say(directory->get(), {});
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Errc::kNotFound);
}

}  // namespace
}  // namespace ambit::supervise
