#include "host/content_sha256.h"

#include <openssl/evp.h>

#include <array>
#include <cstdlib>
#include <string>
#include <string_view>

namespace grpc_os::host {
namespace {

struct Free {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, Free>;

// OpenSSL fails here for want of memory alone.
void Must(int done) {
  if (done != 1) abort();
}

class Running final : public core::RunningHash {
 public:
  Running() : context_(EVP_MD_CTX_new()) {
    Must(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr));
  }
  void Add(std::string_view bytes) override {
    Must(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()));
  }
  std::string Sha256() const override {
    const Context copy(EVP_MD_CTX_new());
    Must(EVP_MD_CTX_copy_ex(copy.get(), context_.get()));
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    Must(EVP_DigestFinal_ex(copy.get(), digest.data(), &size));
    return {reinterpret_cast<const char*>(digest.data()), size};
  }

 private:
  Context context_;
};

}  // namespace

std::unique_ptr<core::RunningHash> ContentSha256::Begin() const {
  return std::make_unique<Running>();
}

}  // namespace grpc_os::host
