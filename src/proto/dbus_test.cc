#include "proto/dbus.h"

#include <gtest/gtest.h>

namespace ambit::proto::dbus {
namespace {

using std::string_literals::operator""s;

// Written by hand from the specification, not by Encode.
const std::string kCall =
    "l\x01\x00\x01\x08\x00\x00\x00\x07\x00\x00\x00\x27\x00\x00\x00"s  // 16 + 16 + 7 bytes of fields
    "\x01\x01o\x00\x02\x00\x00\x00/a\x00\x00\x00\x00\x00\x00"s
    "\x03\x01s\x00\x01\x00\x00\x00M\x00\x00\x00\x00\x00\x00\x00"s
    "\x08\x01g\x00\x01s\x00\x00"s
    "\x03\x00\x00\x00xyz\x00"s;

Message Call() {
  Writer body;
  body.String("xyz");
  return {
      .serial = 7, .path = "/a", .member = "M", .signature = "s", .body = std::move(body).Take()};
}

TEST(Dbus, ALoginNamesTheUserInHexadecimalDigits) {
  EXPECT_EQ(LoginAs(1000), "\0AUTH EXTERNAL 31303030\r\n"s);
}

TEST(Dbus, AMessageIsTheBytesOfTheSpecification) {
  std::string bytes = kCall;
  EXPECT_EQ(Encode(Call()), bytes);
  const auto taken = TakeMessage(bytes);
  ASSERT_TRUE(taken && *taken);
  EXPECT_EQ(**taken, Call());
  EXPECT_TRUE(bytes.empty());
}

TEST(Dbus, AMessageIsTakenOnlyWhenItIsWhole) {
  const std::string whole = Encode(Call());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::string part = whole.substr(0, size);
    const auto taken = TakeMessage(part);
    ASSERT_TRUE(taken.has_value()) << size;
    EXPECT_FALSE(taken->has_value()) << size;
  }
  std::string two = whole + whole;
  EXPECT_TRUE(TakeMessage(two).value().has_value());
  EXPECT_EQ(two, whole);
}

TEST(Dbus, WhatIsNotInOrderIsRefused) {
  const auto refused = [](std::size_t at, char value) {
    std::string bytes = Encode(Call());
    bytes[at] = value;
    return !TakeMessage(bytes).has_value();
  };
  EXPECT_TRUE(refused(0, 'B'));
  EXPECT_TRUE(refused(1, 0));
  EXPECT_TRUE(refused(3, 2));
  EXPECT_TRUE(refused(7, 1)) << "a body of 16 MiB";
  EXPECT_TRUE(refused(8, 0)) << "no serial number";
  EXPECT_TRUE(refused(17, 2)) << "a signature that ends elsewhere";
  EXPECT_TRUE(refused(20, 100)) << "a path longer than the header";
  EXPECT_FALSE(refused(24, '/')) << "the control";
}

TEST(Dbus, AReaderNeverLeavesItsBytes) {
  const std::string cut = "\x08\x00\x00\x00ab"s;
  Reader in(cut);
  EXPECT_EQ(in.String(), "");
  EXPECT_TRUE(in.failed());
  EXPECT_EQ(in.Uint64(), 0U);
  const std::string endless = "\xff\xff\xff\xff"s;
  Reader array(endless);
  array.BeginArray(8);
  EXPECT_TRUE(array.failed());
}

}  // namespace
}  // namespace ambit::proto::dbus
