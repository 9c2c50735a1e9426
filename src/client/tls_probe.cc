#include "client/tls_probe.h"

#include <netdb.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <future>
#include <memory>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/unique_fd.h"

namespace grpc_os::client {
namespace {

constexpr int kSliceMs = 10;  // how often it is asked whether the time is over

template <typename T, void (*kFree)(T*)>
struct Freed {
  void operator()(T* pointer) const { kFree(pointer); }
};
template <typename T, void (*kFree)(T*)>
using Owned = std::unique_ptr<T, Freed<T, kFree>>;
void FreeBio(BIO* bio) { BIO_free(bio); }
void FreeNames(GENERAL_NAMES* names) { GENERAL_NAMES_free(names); }

using Addresses = std::shared_ptr<struct addrinfo>;

// The time that a probe has.
struct Patience {
  std::chrono::steady_clock::time_point deadline;
  const std::function<bool()>& cancelled;

  bool IsOver() const { return cancelled() || std::chrono::steady_clock::now() >= deadline; }
  // False: it is over before `fd` is ready.
  bool WaitFor(int fd, short events) const {
    while (!IsOver()) {
      struct pollfd one = {.fd = fd, .events = events, .revents = 0};
      if (::poll(&one, 1, kSliceMs) > 0) return true;
    }
    return false;
  }
};

// The resolver knows no deadline: the thread that asks it may be left behind.
Addresses Resolve(const std::string& host, const std::string& port, const Patience& patience) {
  std::promise<Addresses> promise;
  std::future<Addresses> found = promise.get_future();
  std::thread([host, port, promise = std::move(promise)]() mutable {
    struct addrinfo hints = {};
    hints.ai_socktype = SOCK_STREAM;
    struct addrinfo* all = nullptr;
    const bool good = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &all) == 0;
    promise.set_value(good ? Addresses(all, ::freeaddrinfo) : nullptr);
  }).detach();
  while (found.wait_for(std::chrono::milliseconds(kSliceMs)) != std::future_status::ready) {
    if (patience.IsOver()) return nullptr;
  }
  return found.get();
}

UniqueFd Connect(const Addresses& all, const Patience& patience) {
  for (const struct addrinfo* each = all.get(); each != nullptr; each = each->ai_next) {
    UniqueFd fd(::socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) continue;
    int error = ::connect(fd.get(), each->ai_addr, each->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      socklen_t size = sizeof(error);
      if (!patience.WaitFor(fd.get(), POLLOUT)) return {};
      ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error == 0) return fd;
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

// Whether a record of TLS may begin so: with its type, then the version's upper half.
bool IsTls(std::string_view answer) {
  return answer[0] >= SSL3_RT_CHANGE_CIPHER_SPEC && answer[0] <= SSL3_RT_APPLICATION_DATA &&
         (answer.size() < 2 || answer[1] == SSL3_VERSION_MAJOR);
}

TlsFinding ShakeHands(SSL* tls, int fd, const Patience& patience) {
  using Kind = TlsFinding::Kind;
  std::string answer;
  while (true) {
    ERR_clear_error();
    const int connected = SSL_connect(tls);
    const int wants = SSL_get_error(tls, connected);
    const char* reason = ERR_reason_error_string(ERR_peek_error());
    ERR_clear_error();
    // What it wants sent is small: the socket takes it whole. Its own BIO would raise SIGPIPE.
    char* wanted = nullptr;
    const auto size = BIO_get_mem_data(SSL_get_wbio(tls), &wanted);
    (void)::send(fd, wanted, static_cast<size_t>(size), MSG_NOSIGNAL);
    (void)BIO_reset(SSL_get_wbio(tls));
    if (connected == 1) return FindingOf(tls);
    if (wants != SSL_ERROR_WANT_READ)
      return {.kind = Kind::kFailed, .detail = reason == nullptr ? "no reason is given" : reason};
    std::array<char, 4096> bytes;
    ssize_t n = -1;
    do {
      if (!patience.WaitFor(fd, POLLIN)) return {};
      n = ::recv(fd, bytes.data(), bytes.size(), 0);
    } while (n < 0 && (errno == EAGAIN || errno == EINTR));
    if (n <= 0 && answer.empty()) return {};
    if (n <= 0) return {.kind = Kind::kFailed, .detail = "the connection was closed"};
    answer.append(bytes.data(), static_cast<size_t>(n));
    if (!IsTls(answer)) return {.kind = Kind::kPlain};
    BIO_write(SSL_get_rbio(tls), bytes.data(), static_cast<int>(n));
  }
}

}  // namespace

TlsFinding ProbeTls(const Address& address, std::chrono::milliseconds time,
                    const std::function<bool()>& cancelled) {
  const Patience patience = {.deadline = std::chrono::steady_clock::now() + time,
                             .cancelled = cancelled};
  const size_t colon = address.host_port.rfind(':');
  std::string host = address.host_port.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const UniqueFd fd =
      Connect(Resolve(host, address.host_port.substr(colon + 1), patience), patience);
  const Owned<SSL_CTX, SSL_CTX_free> context(SSL_CTX_new(TLS_client_method()));
  if (!fd || !context || !TakeAuthorities(context.get(), address.authorities)) return {};
  // The handshake goes on to its end whatever the certificate is; the verdict is asked for then.
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  const Owned<SSL, SSL_free> tls(SSL_new(context.get()));
  if (!tls) return {};
  SSL_set_bio(tls.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
  X509_VERIFY_PARAM* expected = SSL_get0_param(tls.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str()) != 1) {
    SSL_set_tlsext_host_name(tls.get(), host.c_str());
    X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size());
  }
  constexpr unsigned char kHttp2[] = {2, 'h', '2'};
  SSL_set_alpn_protos(tls.get(), kHttp2, sizeof(kHttp2));
  return ShakeHands(tls.get(), fd.get(), patience);
}

}  // namespace grpc_os::client
