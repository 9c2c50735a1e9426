#include "host/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <string>

#include "base/error_detail.h"

namespace grpc_os::host {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kNowMs = 1'800'000'000'000;
constexpr int64_t kDayS = 86'400;
constexpr char kName[] = "os.example.com";

// Of this name, signed by itself or by another.
struct Made {
  X509* certificate = X509_new();
  EVP_PKEY* key = nullptr;

  ~Made() {
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  std::string Chain() const {
    return Written([this](BIO* bio) { PEM_write_bio_X509(bio, certificate); });
  }
  std::string Key(const char* password = nullptr) const {
    return Written([&](BIO* bio) {
      PEM_write_bio_PKCS8PrivateKey(bio, key, password == nullptr ? nullptr : EVP_aes_128_cbc(),
                                    password, password == nullptr ? 0 : 4, nullptr, nullptr);
    });
  }
  template <typename Write>
  static std::string Written(Write write) {
    BIO* bio = BIO_new(BIO_s_mem());
    write(bio);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio, &text);
    std::string out(text, static_cast<size_t>(size));
    BIO_free(bio);
    return out;
  }
};

class CertificateTest : public ::testing::Test {
 protected:
  CertificateTest() {
    ca_.key = EVP_EC_gen("P-256");
    Sign(ca_, "an authority", "CA:TRUE", "", ca_);
    leaf_.key = EVP_EC_gen("P-256");
    Sign(leaf_, kName, "CA:FALSE", "DNS:os.example.com,DNS:*.wild.example", ca_);
  }
  static void Sign(Made& made, const char* subject, const char* is_ca, const char* names,
                   const Made& by, int64_t from_days = -1, int64_t to_days = 90) {
    X509* one = made.certificate;
    X509_set_version(one, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(one), 7);
    ASN1_TIME_set(X509_getm_notBefore(one), kNowMs / 1000 + from_days * kDayS);
    ASN1_TIME_set(X509_getm_notAfter(one), kNowMs / 1000 + to_days * kDayS);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(one), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(subject), -1, -1, 0);
    X509_set_issuer_name(one, X509_get_subject_name(by.certificate));
    X509_set_pubkey(one, made.key);
    for (const auto& [kind, value] :
         {std::pair(NID_basic_constraints, is_ca), std::pair(NID_subject_alt_name, names)}) {
      if (*value == 0) continue;
      X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value);
      X509_add_ext(one, extension, -1);
      X509_EXTENSION_free(extension);
    }
    X509_sign(one, by.key, EVP_sha256());
  }
  // "field: what is wrong"; empty: nothing.
  std::string Check(const std::string& chain, const std::string& key,
                    const std::string& domain = kName, int64_t now_ms = kNowMs) {
    checked_ = {chain, key, 0};
    core::Violations violations;
    CheckCertificate(domain, "certificate", now_ms, checked_, violations);
    const auto detail = DetailOf(violations.ToStatus());
    if (!detail) return "";
    EXPECT_EQ(detail->violations.size(), 1U);
    return detail->violations[0].field + ": " + detail->violations[0].description;
  }

  Made ca_, leaf_;
  core::GivenCertificate checked_;
};

TEST_F(CertificateTest, WhatFitsIsTakenAndItsEndIsKnown) {
  EXPECT_EQ(Check(leaf_.Chain(), leaf_.Key()), "");
  EXPECT_EQ(checked_.expire_time_ms, kNowMs + 90 * kDayS * 1000);
  EXPECT_EQ(Check(leaf_.Chain() + ca_.Chain(), leaf_.Key()), "");
  EXPECT_EQ(Check(leaf_.Chain(), leaf_.Key(), "a.wild.example"), "");
}

TEST_F(CertificateTest, NothingButCertificatesAndAKeyIsKept) {
  // The chain is shown to people.
  EXPECT_EQ(Check("a note\n" + leaf_.Key() + leaf_.Chain(), leaf_.Chain() + leaf_.Key() + "x"), "");
  EXPECT_EQ(checked_.chain, leaf_.Chain());
  EXPECT_EQ(checked_.key, leaf_.Key());
}

TEST_F(CertificateTest, WhatDoesNotFitIsRefusedWithTheReason) {
  EXPECT_THAT(Check("", leaf_.Key()), HasSubstr("certificate.chain: give a certificate as PEM"));
  EXPECT_THAT(Check(leaf_.Key(), leaf_.Key()), HasSubstr("certificate.chain: give a certificate"));
  EXPECT_THAT(Check(leaf_.Chain(), ""), HasSubstr("certificate.private_key: give a private key"));
  EXPECT_THAT(Check(leaf_.Chain(), ca_.Key()), HasSubstr("not the key of the first certificate"));
  EXPECT_THAT(Check(leaf_.Chain(), leaf_.Key("word")), HasSubstr("without a password"));
  for (const char* other : {"example.com", "a.os.example.com", "wild.example", "b.a.wild.example"})
    EXPECT_THAT(Check(leaf_.Chain(), leaf_.Key(), other), HasSubstr("is not for ")) << other;
  EXPECT_THAT(Check(ca_.Chain() + leaf_.Chain(), leaf_.Key()), HasSubstr("is not for "));
  EXPECT_THAT(Check(leaf_.Chain() + leaf_.Chain(), leaf_.Key()), HasSubstr("is not signed by"));
  Made other;  // of the same name
  other.key = EVP_EC_gen("P-256");
  Sign(other, "an authority", "CA:TRUE", "", other);
  EXPECT_THAT(Check(leaf_.Chain() + other.Chain(), leaf_.Key()), HasSubstr("is not signed by"));
  std::string many = leaf_.Chain();
  for (int i = 0; i < 10; ++i) many += ca_.Chain();
  EXPECT_THAT(Check(many, leaf_.Key()), HasSubstr("give 10 certificates at most"));
  EXPECT_THAT(Check(std::string(20 << 20, 'x'), leaf_.Key()), HasSubstr("65536 bytes at most"));
  EXPECT_THAT(Check(leaf_.Chain(), std::string(20 << 20, 'x')), HasSubstr("16384 bytes at most"));
}

TEST_F(CertificateTest, ItHoldsNow) {
  constexpr int64_t kDayMs = kDayS * 1000;
  EXPECT_EQ(Check(leaf_.Chain(), leaf_.Key(), kName, kNowMs + 89 * kDayMs), "");
  EXPECT_THAT(Check(leaf_.Chain(), leaf_.Key(), kName, kNowMs + 90 * kDayMs),
              HasSubstr("certificate 1 has ended"));
  EXPECT_THAT(Check(leaf_.Chain(), leaf_.Key(), kName, kNowMs - 2 * kDayMs),
              HasSubstr("certificate 1 does not hold yet"));
}

TEST_F(CertificateTest, AWeakKeyIsRefused) {
  Made weak;
  weak.key = EVP_RSA_gen(1024);
  Sign(weak, kName, "CA:FALSE", "DNS:os.example.com", ca_);
  EXPECT_THAT(Check(weak.Chain(), weak.Key()), HasSubstr("too weak"));
  Made strong;
  strong.key = EVP_RSA_gen(2048);
  Sign(strong, kName, "CA:FALSE", "DNS:os.example.com", ca_);
  EXPECT_EQ(Check(strong.Chain(), strong.Key()), "");
}

}  // namespace
}  // namespace grpc_os::host
