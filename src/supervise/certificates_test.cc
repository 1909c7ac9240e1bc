#include "supervise/certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace ambit::supervise {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kCertificate =
    "# Corp\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
constexpr const char* kKey = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\n";

TEST(Certificates, AreAloneInAFileThatCrosses) {
  const std::string certificate = kCertificate;
  EXPECT_TRUE(HoldsOnlyCertificates(certificate));
  EXPECT_TRUE(HoldsOnlyCertificates(certificate + certificate));
  EXPECT_TRUE(HoldsOnlyCertificates("-----BEGIN TRUSTED CERTIFICATE-----\r\nMIIB\r\n"));
  for (const std::string& text :
       {std::string(), std::string("MIIB"), std::string(kKey), certificate + kKey,
        kKey + certificate, certificate + "-----BEGIN RSA PRIVATE KEY-----\n",
        certificate +
            "x-----BEGIN ENCRYPTED PRIVATE KEY-----CERTIFICATE-----\n-----BEGIN X-----"}) {
    EXPECT_FALSE(HoldsOnlyCertificates(text)) << text;
  }
}

class CertificateFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = ::testing::TempDir() + "certificates-XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    place_ = std::filesystem::canonical(name);
  }
  void TearDown() override { std::filesystem::remove_all(place_); }

  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(place_ / name) << text;
    return place_ / name;
  }
  void Add(const Environment& environment) {
    AddCertificates(
        environment, "/home/ann/project", [&](const std::string& text) { warnings_ += text; },
        policy_);
  }

  std::filesystem::path place_;
  policy::Policy policy_;
  std::string warnings_;
};

TEST_F(CertificateFiles, CrossWithTheVariablesThatNameThem) {
  const std::string file = Write("corp.crt", kCertificate);
  Add({{"SSL_CERT_FILE", file}, {"NODE_EXTRA_CA_CERTS", file}, {"OTHER", file}});
  ASSERT_EQ(policy_.read_only.size(), 1U);
  EXPECT_EQ(policy_.read_only[0].path, file);
  ASSERT_EQ(policy_.environment.size(), 2U);
  EXPECT_EQ(policy_.environment[0].name, "SSL_CERT_FILE");
  EXPECT_EQ(policy_.environment[0].value, file);
  EXPECT_EQ(warnings_, "");
}

TEST_F(CertificateFiles, WithAKeyOrNothingOfTheKindStayOutside) {
  Add({{"SSL_CERT_FILE", Write("both", std::string(kCertificate) + kKey)},
       {"PIP_CERT", place_ / "missing"},
       {"GIT_SSL_CAINFO", "corp.crt"},
       {"CURL_CA_BUNDLE", place_}});
  EXPECT_THAT(policy_.read_only, IsEmpty());
  EXPECT_THAT(policy_.environment, IsEmpty());
  for (const char* name : {"SSL_CERT_FILE", "PIP_CERT", "GIT_SSL_CAINFO", "CURL_CA_BUNDLE"}) {
    EXPECT_THAT(warnings_, HasSubstr(name));
  }
}

TEST_F(CertificateFiles, AreNotWhatPolicySetsItself) {
  policy_.environment = {{.name = "SSL_CERT_FILE", .value = "/etc/mine"}};
  Add({{"SSL_CERT_FILE", Write("corp.crt", kCertificate)}});
  EXPECT_THAT(policy_.read_only, IsEmpty());
  EXPECT_EQ(policy_.environment.size(), 1U);
}

}  // namespace
}  // namespace ambit::supervise
