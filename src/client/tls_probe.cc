#include "client/tls_probe.h"

#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/unique_fd.h"

namespace grpc_os::client {
namespace {

template <typename T, void (*kFree)(T*)>
struct Freed {
  void operator()(T* pointer) const { kFree(pointer); }
};
template <typename T, void (*kFree)(T*)>
using Owned = std::unique_ptr<T, Freed<T, kFree>>;
void FreeBio(BIO* bio) { BIO_free(bio); }
void FreeNames(GENERAL_NAMES* names) { GENERAL_NAMES_free(names); }

UniqueFd Connect(const std::string& host, const std::string& port,
                 std::chrono::milliseconds patience) {
  struct addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  struct addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return {};
  const Owned<struct addrinfo, ::freeaddrinfo> all(found);
  const struct timeval most = {.tv_sec = patience.count() / 1000,
                               .tv_usec = patience.count() % 1000 * 1000};
  for (const struct addrinfo* each = found; each != nullptr; each = each->ai_next) {
    UniqueFd fd(::socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, 0));
    if (!fd) continue;
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
    if (::connect(fd.get(), each->ai_addr, each->ai_addrlen) == 0) return fd;
  }
  return {};
}

bool TakeAuthorities(SSL_CTX* context, const std::string& pem) {
  if (pem.empty()) return SSL_CTX_set_default_verify_paths(context) == 1;
  const Owned<BIO, FreeBio> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  while (true) {
    const Owned<X509, X509_free> one(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!one) return true;
    X509_STORE_add_cert(store, one.get());
  }
}

std::string NamesOf(X509* certificate) {
  const Owned<GENERAL_NAMES, FreeNames> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  constexpr int kMost = 5;
  std::vector<std::string> words;
  const int count = names ? sk_GENERAL_NAME_num(names.get()) : 0;
  for (int i = 0; i < count && i < kMost; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) {
      words.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                         static_cast<size_t>(ASN1_STRING_length(name->d.dNSName)));
    } else if (name->type == GEN_IPADD) {
      words.emplace_back("an IP address");
    }
  }
  return words.empty()
             ? "it names no host"
             : absl::StrCat("it is for ", absl::StrJoin(words, ", "), count > kMost ? ", …" : "");
}

std::string TimeOf(const ASN1_TIME* time) {
  const Owned<BIO, FreeBio> bio(BIO_new(BIO_s_mem()));
  ASN1_TIME_print(bio.get(), time);
  char* text = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<size_t>(size)};
}

TlsFinding FindingOf(SSL* tls) {
  using Kind = TlsFinding::Kind;
  const long verified = SSL_get_verify_result(tls);
  if (verified == X509_V_OK) return {.kind = Kind::kGood};
  const Owned<X509, X509_free> certificate(SSL_get1_peer_certificate(tls));
  if (!certificate) return {.kind = Kind::kOther, .detail = "there is none"};
  switch (verified) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return {
          .kind = Kind::kExpired,
          .detail = absl::StrCat("its time ended ", TimeOf(X509_get0_notAfter(certificate.get())))};
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return {.kind = Kind::kNotYetValid,
              .detail =
                  absl::StrCat("its time begins ", TimeOf(X509_get0_notBefore(certificate.get())))};
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return {.kind = Kind::kWrongName, .detail = NamesOf(certificate.get())};
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return {.kind = Kind::kUntrusted};
    default:
      return {.kind = Kind::kOther, .detail = X509_verify_cert_error_string(verified)};
  }
}

}  // namespace

TlsFinding ProbeTls(const Address& address, std::chrono::milliseconds patience) {
  const size_t colon = address.host_port.rfind(':');
  std::string host = address.host_port.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const UniqueFd fd = Connect(host, address.host_port.substr(colon + 1), patience);
  const Owned<SSL_CTX, SSL_CTX_free> context(SSL_CTX_new(TLS_client_method()));
  if (!fd || !context || !TakeAuthorities(context.get(), address.authorities)) return {};
  // The handshake goes on to its end whatever the certificate is; the verdict is asked for then.
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  const Owned<SSL, SSL_free> tls(SSL_new(context.get()));
  if (!tls || SSL_set_fd(tls.get(), fd.get()) != 1) return {};
  X509_VERIFY_PARAM* expected = SSL_get0_param(tls.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) != 1) {
    SSL_set_tlsext_host_name(tls.get(), host.c_str());
    X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size());
  }
  constexpr unsigned char kHttp2[] = {2, 'h', '2'};
  SSL_set_alpn_protos(tls.get(), kHttp2, sizeof(kHttp2));
  ERR_clear_error();
  const int connected = SSL_connect(tls.get());
  const int error = connected == 1 ? SSL_ERROR_NONE : SSL_get_error(tls.get(), connected);
  ERR_clear_error();
  if (error == SSL_ERROR_NONE) return FindingOf(tls.get());
  // Something came that is no TLS, or nothing before the end.
  const bool ended = error == SSL_ERROR_SSL || error == SSL_ERROR_ZERO_RETURN;
  return {.kind = ended ? TlsFinding::Kind::kPlain : TlsFinding::Kind::kNoAnswer};
}

}  // namespace grpc_os::client
