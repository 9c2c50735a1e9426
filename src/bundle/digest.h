// SHA-256 of what comes in pieces, by OpenSSL.
#ifndef GRPC_OS_BUNDLE_DIGEST_H_
#define GRPC_OS_BUNDLE_DIGEST_H_

#include <openssl/evp.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "absl/strings/escaping.h"

namespace grpc_os::bundle {

// Not thread-safe.
class RunningDigest {
 public:
  RunningDigest() : context_(EVP_MD_CTX_new()) {
    Must(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
  }
  void Add(std::string_view bytes) {
    Must(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
  }
  // 64 lower-case hexadecimal digits. Nothing can be added afterwards.
  std::string Finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    Must(EVP_DigestFinal_ex(context_.get(), digest.data(), &size));
    return absl::BytesToHexString({reinterpret_cast<const char*>(digest.data()), size});
  }

 private:
  // OpenSSL fails here for want of memory alone.
  static void Must(int done) {
    if (done != 1) abort();
  }
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

}  // namespace grpc_os::bundle

#endif  // GRPC_OS_BUNDLE_DIGEST_H_
