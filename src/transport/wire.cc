#include "transport/wire.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"

namespace grpc_os::transport {
namespace {

class PlainWire final : public Wire {
 public:
  explicit PlainWire(int fd) : fd_(fd) {}

  ssize_t Read(char* to, size_t size) override { return Result(recv(fd_, to, size, 0)); }
  ssize_t Write(const char* from, size_t size) override {
    return Result(send(fd_, from, size, MSG_NOSIGNAL));
  }

 private:
  static ssize_t Result(ssize_t moved) {
    if (moved > 0) return moved;
    return moved < 0 && (errno == EAGAIN || errno == EINTR) ? kLater : kDead;
  }

  const int fd_;
};

class TlsWire final : public Wire {
 public:
  TlsWire(SSL* ssl) : ssl_(ssl) {}
  ~TlsWire() override { SSL_free(ssl_); }

  ssize_t Read(char* to, size_t size) override {
    if (!ShakeHands()) return last_;
    return Result(SSL_read(ssl_, to, Size(size)));
  }
  ssize_t Write(const char* from, size_t size) override {
    if (!ShakeHands()) return last_;
    return Result(SSL_write(ssl_, from, Size(size)));
  }
  bool HasMore() const override { return SSL_pending(ssl_) > 0; }
  bool WaitsForWrite() const override { return waits_for_write_; }
  bool WaitsForRead() const override { return waits_for_read_; }
  void Close() override {
    if (established_) SSL_shutdown(ssl_);
    ERR_clear_error();
  }

 private:
  static int Size(size_t size) { return static_cast<int>(std::min<size_t>(size, INT_MAX)); }

  bool ShakeHands() {
    if (established_) return true;
    const int done = SSL_accept(ssl_);
    if (done != 1) {
      last_ = Result(done);
      return false;
    }
    // A client that offers no protocol at all is not asked by the callback.
    const unsigned char* protocol = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl_, &protocol, &size);
    established_ = size == 2;
    last_ = kDead;
    return established_;
  }
  ssize_t Result(int moved) {
    waits_for_write_ = waits_for_read_ = false;
    if (moved > 0) return moved;
    const int error = SSL_get_error(ssl_, moved);
    ERR_clear_error();
    waits_for_write_ = error == SSL_ERROR_WANT_WRITE;
    waits_for_read_ = error == SSL_ERROR_WANT_READ;
    return waits_for_write_ || waits_for_read_ ? kLater : kDead;
  }

  SSL* const ssl_;
  bool established_ = false;
  bool waits_for_write_ = false;
  bool waits_for_read_ = false;
  ssize_t last_ = kDead;
};

int SelectH2(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
             unsigned int size, void*) {
  for (unsigned int at = 0; at < size; at += 1 + offered[at]) {
    if (offered[at] == 2 && at + 2 < size && offered[at + 1] == 'h' && offered[at + 2] == '2') {
      *out = offered + at + 1;
      *out_size = 2;
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

absl::Status Wrong(const std::string& what, const std::string& file) {
  const unsigned long error = ERR_get_error();  // NOLINT: OpenSSL's type
  const char* why = error == 0 ? nullptr : ERR_reason_error_string(error);
  ERR_clear_error();
  return absl::FailedPreconditionError(
      absl::StrCat(what, " ", file, why == nullptr ? "" : ": ", why == nullptr ? "" : why));
}

}  // namespace

std::unique_ptr<Wire> MakePlainWire(int fd) { return std::make_unique<PlainWire>(fd); }

absl::StatusOr<std::unique_ptr<TlsContext>> TlsContext::Load(const std::string& certificate_file,
                                                             const std::string& key_file) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  if (context == nullptr) return absl::ResourceExhaustedError("there is no memory for TLS");
  std::unique_ptr<TlsContext> out(new TlsContext(context));
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(
      context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  // RFC 9113, 9.2.2: of TLS 1.2 only suites with forward secrecy and authenticated encryption.
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, SelectH2, nullptr);
  // Else the terminal is asked for the password of a key that has one.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return -1; });
  for (const std::string& file : {certificate_file, key_file}) {
    if (access(file.c_str(), R_OK) != 0)
      return absl::FailedPreconditionError(
          absl::StrCat("cannot open ", file, ": ", strerror(errno)));
  }
  // Where a group may read it, that is what the group is for.
  struct stat info {};
  if (stat(key_file.c_str(), &info) == 0 && (info.st_mode & S_IRWXO) != 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "every account of this machine may read the key ", key_file, "; chmod o-rwx ", key_file));
  }
  if (SSL_CTX_use_certificate_chain_file(context, certificate_file.c_str()) != 1)
    return Wrong("there is no certificate (PEM) in", certificate_file);
  if (X509_cmp_current_time(X509_get0_notAfter(SSL_CTX_get0_certificate(context))) < 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("the certificate of ", certificate_file, " has ended"));
  }
  // A key that is not the certificate's is refused here, too.
  if (SSL_CTX_use_PrivateKey_file(context, key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return Wrong(absl::StrCat("there is no key (PEM, without a password) of the certificate of ",
                              certificate_file, " in"),
                 key_file);
  }
  return out;
}

TlsContext::~TlsContext() { SSL_CTX_free(static_cast<SSL_CTX*>(context_)); }

std::unique_ptr<Wire> TlsContext::MakeWire(int fd) const {
  SSL* ssl = SSL_new(static_cast<SSL_CTX*>(context_));
  if (ssl == nullptr || SSL_set_fd(ssl, fd) != 1) {
    SSL_free(ssl);
    return nullptr;
  }
  return std::make_unique<TlsWire>(ssl);
}

}  // namespace grpc_os::transport
