#include "supervise/control_message.h"

#include <gtest/gtest.h>

#include <cstring>

namespace ambit::supervise {
namespace {

template <class Record>
std::span<const std::byte> Bytes(const Record& record) {
  return std::as_bytes(std::span(&record, 1));
}

TEST(ControlMessage, ComesBackAsItWas) {
  const ControlRequest list;
  const ControlRequest answer{.kind = ControlKind::kAnswer,
                              .scope = Scope::kAlways,
                              .allow = 1,
                              .text = TextOf("*.example.com:443")};
  const ControlRequest publish{.kind = ControlKind::kPublish, .host = 8080, .inside = 80};
  ASSERT_TRUE(DecodeRequest(Bytes(publish)));
  EXPECT_EQ(*DecodeRequest(Bytes(publish)), publish);
  const ControlReply question{
      .kind = ReplyKind::kQuestion, .number = 3, .seconds = 12, .text = TextOf("example.com:443")};
  ASSERT_TRUE(DecodeRequest(Bytes(list)));
  EXPECT_EQ(*DecodeRequest(Bytes(list)), list);
  ASSERT_TRUE(DecodeRequest(Bytes(answer)));
  EXPECT_EQ(*DecodeRequest(Bytes(answer)), answer);
  EXPECT_EQ(TextIn(answer.text), "*.example.com:443");
  ASSERT_TRUE(DecodeReply(Bytes(question)));
  EXPECT_EQ(*DecodeReply(Bytes(question)), question);
}

TEST(ControlMessage, ThatIsNotInOrderIsRefused) {
  const auto refused = [](auto change) {
    ControlRequest request{.kind = ControlKind::kAnswer, .text = TextOf("a.b")};
    change(request);
    return !DecodeRequest(Bytes(request));
  };
  EXPECT_FALSE(refused([](ControlRequest&) {}));
  EXPECT_TRUE(refused([](ControlRequest& r) { r.kind = static_cast<ControlKind>(0); }));
  EXPECT_TRUE(refused([](ControlRequest& r) { r.kind = static_cast<ControlKind>(99); }));
  EXPECT_TRUE(refused([](ControlRequest& r) { r.scope = static_cast<Scope>(4); }));
  EXPECT_TRUE(refused([](ControlRequest& r) { r.allow = 2; }));
  EXPECT_TRUE(refused([](ControlRequest& r) { r.inside = 1; }));
  EXPECT_TRUE(refused([](ControlRequest& r) { r.host = 1; }));
  EXPECT_TRUE(refused([](ControlRequest& r) { r.kind = ControlKind::kPublish; }));
  EXPECT_TRUE(refused([](ControlRequest& r) { r.text = {}; }));
  EXPECT_TRUE(refused([](ControlRequest& r) { r.text.fill('a'); }));
  EXPECT_TRUE(refused([](ControlRequest& r) { r.text[100] = 'a'; }));
  EXPECT_TRUE(refused([](ControlRequest& r) { r.kind = ControlKind::kList; }));
  const ControlRequest request;
  EXPECT_FALSE(DecodeRequest(Bytes(request).first(10)));
  EXPECT_FALSE(DecodeRequest({}));
}

TEST(ControlMessage, OfAnotherVersionIsToldAsSuchWhateverItsSize) {
  const std::byte other[] = {std::byte{2}, std::byte{1}};
  const auto decoded = DecodeRequest(other);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Errc::kUnsupported);
}

TEST(ControlMessage, TextThatIsTooLongIsCutAndEnds) {
  EXPECT_EQ(TextIn(TextOf(std::string(9999, 'x'))).size(), sizeof(ControlText) - 1);
}

}  // namespace
}  // namespace ambit::supervise
