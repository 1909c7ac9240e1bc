// Of what we let go on of a connection of plain HTTP, Node's server hears of no host but those that
// we have read, in the same order: in the Host of each request and in the target of a proxy's form.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "proto/http_requests.h"

#include "cases.h"

namespace ambit::testing {
namespace {

struct Judged {
  std::string sent;
  std::string passed;
  std::vector<std::string> hosts;
};

Judged Judge(const std::string& sent) {
  Judged judged{.sent = sent, .passed = {}, .hosts = {}};
  proto::HttpRequests requests;
  std::string_view pending = sent;
  for (;;) {
    const auto progress = requests.Take(pending);
    if (!progress || progress->bytes == 0) return judged;
    if (progress->head) judged.hosts.push_back(progress->head->authority.host.text());
    judged.passed += pending.substr(0, progress->bytes);
    pending.remove_prefix(progress->bytes);
    if (pending.empty()) return judged;
  }
}

std::string Request(Cases& cases) {
  const std::string host = cases.OneIn(2) ? "example.com" : cases.Name();
  const std::string port = cases.OneIn(4) ? ":8080" : "";
  std::string target = cases.OneIn(4) ? "http://" + host + port + "/p" : "/p";
  if (cases.OneIn(10)) target = "http://" + cases.Name() + "/p";
  std::string request = (cases.OneIn(2) ? "GET " : "POST ") + target +
                        (cases.OneIn(10) ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n");
  if (!cases.OneIn(20)) request += "Host: " + host + port + "\r\n";
  if (cases.OneIn(20)) request += "hOsT : " + cases.Name() + "\r\n";
  if (cases.OneIn(10)) request += "X-Note: one\r\n two\r\n";
  const std::string inner = "GET /inner HTTP/1.1\r\nHost: inner.example\r\n\r\n";
  const auto length = fmt::format("Content-Length: {}\r\n", cases.OneIn(3) ? 0 : inner.size());
  if (cases.OneIn(3)) request += length;
  if (cases.OneIn(20)) request += length;
  const bool chunked = cases.OneIn(4);
  if (chunked)
    request +=
        cases.OneIn(4) ? "Transfer-Encoding: xchunked\r\n" : "Transfer-Encoding: chunked\r\n";
  request += "\r\n";
  if (chunked && cases.OneIn(2)) {
    request +=
        fmt::format("{:x}{}\r\n{}\r\n0\r\n\r\n", inner.size(), cases.OneIn(3) ? ";x=y" : "", inner);
  } else if (cases.OneIn(2)) {
    request += inner;
  }
  return request;
}

/// Of each connection, when it gets that much of it.
std::vector<nlohmann::json> NodeHears(const std::vector<Judged>& connections,
                                      std::string Judged::* much) {
  std::string place = "/tmp/ambit-requests-XXXXXX";
  EXPECT_GE(::mkstemp(place.data()), 0);
  std::ofstream file(place, std::ios::binary);
  for (const Judged& connection : connections) {
    const auto size = static_cast<std::uint32_t>((connection.*much).size());
    file.write(reinterpret_cast<const char*>(&size), sizeof size);
    file << connection.*much;
  }
  file.close();
  const std::string command = "node " AMBIT_SOURCE_DIR "/tests/parsers/requests.cjs " + place;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::string out;
  char block[4096];
  while (const std::size_t got = std::fread(block, 1, sizeof block, pipe)) out.append(block, got);
  EXPECT_EQ(::pclose(pipe), 0);
  ::unlink(place.c_str());
  std::vector<nlohmann::json> heard;
  for (std::size_t at = 0; at < out.size(); at = out.find('\n', at) + 1) {
    heard.push_back(nlohmann::json::parse(out.substr(at, out.find('\n', at) - at)));
  }
  return heard;
}

TEST(RequestsAndNode, HearOfTheSameHostsInTheSameOrder) {
  Cases cases(50'000);
  std::vector<Judged> connections;
  for (std::size_t i = 0; i < cases.count(); ++i) {
    std::string sent = Request(cases);
    if (cases.OneIn(2)) sent += Request(cases);
    for (std::size_t damages = cases.Below(3); damages > 0; --damages) cases.Damage(sent);
    Judged judged = Judge(sent);
    if (!judged.passed.empty()) connections.push_back(std::move(judged));
  }
  const auto heard = NodeHears(connections, &Judged::passed);
  ASSERT_EQ(heard.size(), connections.size());
  std::size_t requests = 0;
  std::size_t targets = 0;
  for (std::size_t i = 0; i < heard.size(); ++i) {
    const auto& ours = connections[i].hosts;
    ASSERT_LE(heard[i].size(), ours.size()) << connections[i].passed;
    for (std::size_t n = 0; n < heard[i].size(); ++n) {
      for (const auto& theirs : heard[i][n]) {
        if (!theirs.is_null()) ASSERT_EQ(theirs, ours[n]) << connections[i].passed;
      }
      requests += heard[i][n][0].is_null() ? 0 : 1;
      targets += heard[i][n][1].is_null() ? 0 : 1;
    }
  }
  EXPECT_GT(requests, cases.count() / 20);
  EXPECT_GT(targets, cases.count() / 200);

  // Control: it would hear of more, or others, if all were let go on.
  const auto all = NodeHears(connections, &Judged::sent);
  std::size_t beyond = 0;
  for (std::size_t i = 0; i < all.size(); ++i)
    beyond += all[i].size() > connections[i].hosts.size();
  EXPECT_GT(beyond, cases.count() / 200);
}

}  // namespace
}  // namespace ambit::testing
