#include "host/certificate.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <time.h>

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/limits.h"

namespace grpc_os::host {
namespace {

constexpr int kSecurityBits = 112;  // RSA of 2048 bits; less nginx refuses

template <auto release>
struct Release {
  void operator()(auto* object) const { release(object); }
};
using Bio = std::unique_ptr<BIO, Release<BIO_free_all>>;
using Certificate = std::unique_ptr<X509, Release<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY_free>>;

Bio Reader(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

template <typename Write>
std::string Written(Write write) {
  const Bio bio(BIO_new(BIO_s_mem()));
  write(bio.get());
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(size)};
}

std::vector<Certificate> ReadChain(const std::string& text) {
  std::vector<Certificate> chain;
  const Bio bio = Reader(text);
  while (X509* one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
    chain.emplace_back(one);
  ERR_clear_error();
  return chain;
}

Key ReadKey(const std::string& text) {
  // Without it, a key with a password is asked for on the terminal.
  const auto no_password = [](char*, int, int, void*) { return -1; };
  Key key(PEM_read_bio_PrivateKey(Reader(text).get(), nullptr, no_password, nullptr));
  ERR_clear_error();
  return key;
}

int64_t MsOf(const ASN1_TIME* time) {
  struct tm fields {};
  return ASN1_TIME_to_tm(time, &fields) == 1 ? int64_t{timegm(&fields)} * 1'000 : 0;
}

bool IsSignedBy(X509* one, X509* issuer) {
  const bool is_signed = X509_check_issued(issuer, one) == X509_V_OK &&
                         X509_verify(one, X509_get0_pubkey(issuer)) == 1;
  ERR_clear_error();
  return is_signed;
}

// Empty: nothing.
std::string WrongWithChain(const std::vector<Certificate>& chain, const std::string& domain,
                           int64_t now_ms) {
  if (chain.empty()) return "give a certificate as PEM, with -----BEGIN CERTIFICATE----- in it";
  if (chain.size() > static_cast<size_t>(limits::kCertificatesOfChain))
    return absl::StrCat("give ", limits::kCertificatesOfChain, " certificates at most");
  if (X509_check_host(chain[0].get(), domain.data(), domain.size(), 0, nullptr) != 1)
    return absl::StrCat("the first certificate is not for ", domain,
                        "; give the one that is, and then those that signed it");
  for (size_t i = 0; i < chain.size(); ++i) {
    if (MsOf(X509_get0_notAfter(chain[i].get())) <= now_ms)
      return absl::StrCat("certificate ", i + 1, " has ended; give one that has not");
    if (MsOf(X509_get0_notBefore(chain[i].get())) > now_ms)
      return absl::StrCat("certificate ", i + 1, " does not hold yet; look at this machine's time");
    if (i > 0 && !IsSignedBy(chain[i - 1].get(), chain[i].get()))
      return absl::StrCat("certificate ", i, " is not signed by certificate ", i + 1,
                          "; put each before the one that signed it");
  }
  return "";
}

std::string WrongWithKey(EVP_PKEY* key, X509* certificate) {
  if (key == nullptr) return "give a private key as PEM, without a password";
  if (EVP_PKEY_get_security_bits(key) < kSecurityBits)
    return "the key is too weak; make one of RSA with 2048 bits or more, or of P-256";
  const bool fits = X509_check_private_key(certificate, key) == 1;
  ERR_clear_error();
  return fits ? "" : "it is not the key of the first certificate";
}

}  // namespace

void CheckCertificate(const std::string& domain, const std::string& field, int64_t now_ms,
                      core::GivenCertificate& certificate, core::Violations& violations) {
  const auto too_large = [&](const std::string& text, int64_t most, const char* name) {
    if (static_cast<int64_t>(text.size()) <= most) return false;
    violations.Add(absl::StrCat(field, ".", name), absl::StrCat("give ", most, " bytes at most"));
    return true;
  };
  if (too_large(certificate.chain, limits::kCertificateBytes, "chain") ||
      too_large(certificate.key, limits::kPrivateKeyBytes, "private_key"))
    return;
  const std::vector<Certificate> chain = ReadChain(certificate.chain);
  if (const std::string wrong = WrongWithChain(chain, domain, now_ms); !wrong.empty())
    return violations.Add(field + ".chain", wrong);
  const Key key = ReadKey(certificate.key);
  if (const std::string wrong = WrongWithKey(key.get(), chain[0].get()); !wrong.empty())
    return violations.Add(field + ".private_key", wrong);
  certificate.chain = Written([&](BIO* bio) {
    for (const Certificate& one : chain) PEM_write_bio_X509(bio, one.get());
  });
  certificate.key = Written([&](BIO* bio) {
    PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  certificate.expire_time_ms = MsOf(X509_get0_notAfter(chain[0].get()));
}

}  // namespace grpc_os::host
