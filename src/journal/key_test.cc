#include "journal/key.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/hex.h"
#include "sys/file.h"

namespace ambit::journal {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class JournalKey : public ::testing::Test {
 protected:
  JournalKey() {
    EXPECT_NE(::mkdtemp(path_.data()), nullptr);
    secret_ = path_ + "/journal.key";
  }
  ~JournalKey() override { std::filesystem::remove_all(path_); }
  std::string path_ = ::testing::TempDir() + "/key-XXXXXX";
  std::string secret_;
};

std::string TextOf(const PublicKey& key) {
  std::string text;
  AppendHex(key, text);
  return text;
}

TEST(SigningKey, SignsAsTheStandardSays) {
  // RFC 8032, 7.1, test 3.
  std::array<std::uint8_t, 32> seed{};
  ASSERT_TRUE(FromHex("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7", seed));
  const SigningKey key = SigningKey::FromSeed(seed);
  EXPECT_EQ(TextOf(key.public_key()),
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025");
  Signature signature = key.Sign("\xaf\x82");
  std::string text;
  AppendHex(signature, text);
  EXPECT_EQ(text,
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a");
  EXPECT_TRUE(IsSignedBy(key.public_key(), "\xaf\x82", signature));
  EXPECT_FALSE(IsSignedBy(key.public_key(), "\xaf\x83", signature));
  signature[5] ^= 1;
  EXPECT_FALSE(IsSignedBy(key.public_key(), "\xaf\x82", signature));
}

TEST_F(JournalKey, IsMadeOnceAndOnlyTheOwnerReadsIt) {
  const auto first = SigningKey::LoadOrMake(path_);
  ASSERT_TRUE(first) << first.error().what;
  struct stat info{};
  ASSERT_EQ(::stat(secret_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777U, 0600U);
  EXPECT_EQ(info.st_nlink, 1U) << "the temporary name is gone";
  const auto second = SigningKey::LoadOrMake(path_);
  ASSERT_TRUE(second);
  EXPECT_EQ(first->public_key(), second->public_key());
  const auto published = ReadPublicKey(path_);
  ASSERT_TRUE(published);
  EXPECT_EQ(*published, first->public_key());
}

TEST_F(JournalKey, OfManyMakersAtOnceIsOne) {
  for (int round = 0; round < 20; ++round) {
    std::filesystem::remove(secret_);
    std::filesystem::remove(path_ + "/journal.pub");
    int gate[2];
    int results[2];
    ASSERT_EQ(::pipe(gate), 0);
    ASSERT_EQ(::pipe(results), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < 6; ++i) {
      const pid_t child = ::fork();
      if (child == 0) {
        char byte = 0;
        ::close(gate[1]);
        (void)!::read(gate[0], &byte, 1);  // until the gate is closed
        const auto key = SigningKey::LoadOrMake(path_);
        const std::string line = key ? TextOf(key->public_key()) : std::string(64, '-');
        (void)!::write(results[1], line.data(), line.size());
        ::_exit(0);
      }
      children.push_back(child);
    }
    ::close(gate[0]);
    ::close(gate[1]);
    ::close(results[1]);
    for (const pid_t child : children) ::waitpid(child, nullptr, 0);
    std::set<std::string> keys;
    std::string key(64, '\0');
    while (::read(results[0], key.data(), key.size()) == 64) keys.insert(key);
    ::close(results[0]);
    EXPECT_EQ(keys.size(), 1U);
    const auto published = ReadPublicKey(path_);
    ASSERT_TRUE(published);
    EXPECT_THAT(keys, ::testing::Contains(TextOf(*published)));
  }
}

TEST_F(JournalKey, IsRefusedByNameWhenOthersCanUseIt) {
  ASSERT_TRUE(SigningKey::LoadOrMake(path_));
  for (const mode_t mode : {0640U, 0604U, 0660U, 0622U}) {
    ASSERT_EQ(::chmod(secret_.c_str(), mode), 0);
    const auto key = SigningKey::LoadOrMake(path_);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, Errc::kDenied);
    EXPECT_THAT(key.error().what, AllOf(HasSubstr(secret_), HasSubstr("mode 06")));
  }
  ASSERT_EQ(::chmod(secret_.c_str(), 0600), 0);
  EXPECT_TRUE(SigningKey::LoadOrMake(path_));
  ASSERT_EQ(::chmod((path_ + "/journal.pub").c_str(), 0666), 0);
  EXPECT_FALSE(ReadPublicKey(path_));
}

TEST_F(JournalKey, OfAnotherOwnerIsRefusedByName) {
  if (::geteuid() != 0) return;  // only root can give a file away
  ASSERT_TRUE(SigningKey::LoadOrMake(path_));
  ASSERT_EQ(::chown(secret_.c_str(), 12345, 12345), 0);
  const auto key = SigningKey::LoadOrMake(path_);
  ASSERT_FALSE(key);
  EXPECT_THAT(key.error().what, AllOf(HasSubstr(secret_), HasSubstr("owned by uid 12345")));
}

TEST_F(JournalKey, IsNoLinkNoPipeAndNothingElse) {
  ASSERT_EQ(::symlink("/dev/zero", secret_.c_str()), 0);
  EXPECT_FALSE(SigningKey::LoadOrMake(path_));
  ::unlink(secret_.c_str());
  ASSERT_EQ(::mkfifo(secret_.c_str(), 0600), 0);
  EXPECT_FALSE(SigningKey::LoadOrMake(path_));
  const Fd dir(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (const std::string& content : {std::string(), std::string("short\n"), std::string(65, 'a'),
                                     std::string(64, 'G') + "\n", std::string(66, 'a') + "\n"}) {
    ::unlink(secret_.c_str());
    ASSERT_TRUE(sys::WriteNewFile(dir.get(), "journal.key", content, 0600));
    const auto key = SigningKey::LoadOrMake(path_);
    ASSERT_FALSE(key) << content;
    EXPECT_THAT(key.error().what, HasSubstr(secret_));
  }
}

}  // namespace
}  // namespace ambit::journal
