// OpenSSL reads the same name in a ClientHello as we do, or we refuse it; and it takes two names
// for the same exactly when we do.
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/host_name.h"
#include "proto/client_hello.h"

#include "cases.h"

namespace ambit::testing {
namespace {

template <auto kFree>
struct Freer {
  void operator()(auto* object) const { kFree(object); }
};
using Context = std::unique_ptr<SSL_CTX, Freer<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, Freer<SSL_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;

std::string WithoutDot(std::string name) {
  if (name.ends_with('.')) name.pop_back();
  return name;
}

std::string Small(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

/// Client and server without a certificate: neither gets beyond the first message.
class Hellos {
 public:
  Hellos() {
    SSL_CTX_set_tlsext_servername_callback(server_.get(), &Heard);
    SSL_CTX_set_tlsext_servername_arg(server_.get(), this);
  }

  /// The bytes of a ClientHello for `name`; empty when OpenSSL will not write one.
  std::string For(const std::string& name) const {
    const Session session(SSL_new(client_.get()));
    if (SSL_set_tlsext_host_name(session.get(), name.c_str()) != 1) return {};
    SSL_set_bio(session.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(session.get());
    SSL_do_handshake(session.get());
    std::string bytes(4096, '\0');
    const int got =
        BIO_read(SSL_get_wbio(session.get()), bytes.data(), static_cast<int>(bytes.size()));
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }

  /// What a server of OpenSSL hears in it.
  std::optional<std::string> HeardIn(const std::string& hello) {
    heard_.reset();
    const Session session(SSL_new(server_.get()));
    SSL_set_bio(session.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_accept_state(session.get());
    BIO_write(SSL_get_rbio(session.get()), hello.data(), static_cast<int>(hello.size()));
    SSL_do_handshake(session.get());
    return heard_;
  }

 private:
  static int Heard(SSL* session, int*, void* self) {
    const char* name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
    if (name != nullptr) static_cast<Hellos*>(self)->heard_ = name;
    return SSL_TLSEXT_ERR_ALERT_FATAL;  // nothing further is wanted
  }

  Context client_{SSL_CTX_new(TLS_client_method())};
  Context server_{SSL_CTX_new(TLS_server_method())};
  std::optional<std::string> heard_;
};

std::optional<std::string> WeRead(const std::string& hello) {
  const auto read = proto::ReadClientHello(std::as_bytes(std::span(hello)));
  if (!read || !*read || (**read).encrypted || !(**read).server_name) return std::nullopt;
  return (**read).server_name->text();
}

TEST(NamesAndOpenssl, ReadTheSameServerNameInAHello) {
  Cases cases(30'000);
  Hellos hellos;
  std::size_t agreed = 0;
  std::size_t refused = 0;  // control: OpenSSL hears a name and we take it for none
  for (std::size_t i = 0; i < cases.count(); ++i) {
    std::string name = cases.Name();
    std::string hello = hellos.For(name);
    if (hello.empty()) continue;
    // Bytes that no client library writes: the damage is anywhere, or in the name.
    const auto at = hello.find(name);
    if (cases.OneIn(3)) cases.Damage(hello);
    if (cases.OneIn(3) && at != std::string::npos && !name.empty() &&
        at + name.size() <= hello.size()) {
      hello[at + cases.Below(name.size())] = static_cast<char>(cases.Below(256));
    }
    const auto ours = WeRead(hello);
    const auto theirs = hellos.HeardIn(hello);
    refused += theirs && !ours ? 1 : 0;
    if (!ours || !theirs) continue;
    ++agreed;
    ASSERT_EQ(*ours, WithoutDot(Small(*theirs))) << "written for " << name;
  }
  EXPECT_GT(agreed, cases.count() / 20);
  EXPECT_GT(refused, cases.count() / 20);
}

Certificate CertificateFor(const std::string& name) {
  Certificate certificate(X509_new());
  GENERAL_NAMES* names = sk_GENERAL_NAME_new_null();
  GENERAL_NAME* entry = GENERAL_NAME_new();
  ASN1_IA5STRING* text = ASN1_IA5STRING_new();
  ASN1_STRING_set(text, name.data(), static_cast<int>(name.size()));
  GENERAL_NAME_set0_value(entry, GEN_DNS, text);
  sk_GENERAL_NAME_push(names, entry);
  X509_add1_ext_i2d(certificate.get(), NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT);
  GENERAL_NAMES_free(names);
  return certificate;
}

TEST(NamesAndOpenssl, TakeTwoNamesForTheSameTogether) {
  Cases cases(100'000);
  std::size_t same = 0;
  std::size_t others = 0;
  for (std::size_t i = 0; i < cases.count(); ++i) {
    const std::string first = cases.Name();
    std::string second = first;
    if (cases.OneIn(2)) cases.Damage(second);
    for (char& c : second) {
      if (cases.OneIn(2) && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
        c = static_cast<char>(c ^ 0x20);
    }
    const auto one = HostName::Parse(first);
    const auto other = HostName::Parse(second);
    if (!one || !other) continue;
    const std::string asked = WithoutDot(second);
    const bool theirs = X509_check_host(CertificateFor(one->text()).get(), asked.data(),
                                        asked.size(), X509_CHECK_FLAG_NO_WILDCARDS, nullptr) == 1;
    ASSERT_EQ(*one == *other, theirs) << first << " and " << second;
    ++(theirs ? same : others);
  }
  EXPECT_GT(same, cases.count() / 50);
  EXPECT_GT(others, cases.count() / 1000);
}

}  // namespace
}  // namespace ambit::testing
