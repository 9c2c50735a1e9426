#include "host/hs256_signer.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/unique_fd.h"

namespace grpc_os::host {
namespace {

constexpr size_t kKeyBytes = 32;

std::string Encode(std::string_view bytes) {
  return absl::WebSafeBase64Escape(absl::string_view(bytes.data(), bytes.size()));
}

absl::StatusOr<std::string> MakeKey(const std::string& path) {
  std::string key(kKeyBytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(key.data()), static_cast<int>(key.size())) != 1) {
    return absl::UnavailableError("the kernel gave no random bytes for a signing key");
  }
  const std::string temporary = path + ".new";
  UniqueFd file(
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file || write(file.get(), key.data(), key.size()) != static_cast<ssize_t>(key.size()) ||
      fsync(file.get()) != 0 || rename(temporary.c_str(), path.c_str()) != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot write the signing key ", path, ": ", strerror(errno)));
  }
  const std::string directory = path.substr(0, path.rfind('/'));
  UniqueFd handle(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle || fsync(handle.get()) != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot make the signing key ", path, " durable: ", strerror(errno)));
  }
  return key;
}

}  // namespace

Hs256Signer::Hs256Signer(std::string key)
    : key_(std::move(key)), header_(Encode(R"({"alg":"HS256","typ":"grpcos-at+jwt"})") + ".") {}

std::string Hs256Signer::Mac(std::string_view text) const {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &size);
  return {reinterpret_cast<char*>(mac), size};
}

std::string Hs256Signer::Sign(const std::string& claims_json) const {
  const std::string signed_part = header_ + Encode(claims_json);
  return absl::StrCat(signed_part, ".", Encode(Mac(signed_part)));
}

absl::StatusOr<std::string> Hs256Signer::Verify(std::string_view token) const {
  const absl::Status refused = absl::UnauthenticatedError("not a token of this system");
  const size_t dot = token.rfind('.');
  if (dot == std::string_view::npos || dot < header_.size() ||
      token.substr(0, header_.size()) != header_)
    return refused;
  const std::string expected = Encode(Mac(token.substr(0, dot)));
  const std::string_view given = token.substr(dot + 1);
  if (given.size() != expected.size() ||
      CRYPTO_memcmp(given.data(), expected.data(), expected.size()) != 0)
    return refused;
  const std::string_view claims = token.substr(header_.size(), dot - header_.size());
  std::string decoded;
  if (!absl::WebSafeBase64Unescape(absl::string_view(claims.data(), claims.size()), &decoded))
    return refused;
  return decoded;
}

absl::StatusOr<std::string> LoadOrMakeKey(const std::string& path) {
  UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!file && errno == ENOENT) return MakeKey(path);
  if (!file)
    return absl::UnavailableError(
        absl::StrCat("cannot read the signing key ", path, ": ", strerror(errno)));
  struct stat info {};
  if (fstat(file.get(), &info) != 0 || (info.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("others may read the signing key ", path,
                     "; `chmod 600` it, or remove it to have a new one made"));
  }
  std::string key(kKeyBytes + 1, '\0');
  const ssize_t size = read(file.get(), key.data(), key.size());
  if (size != static_cast<ssize_t>(kKeyBytes)) {
    return absl::FailedPreconditionError(absl::StrCat("the signing key ", path, " is damaged (not ",
                                                      kKeyBytes,
                                                      " bytes); remove it to have a new one made"));
  }
  key.resize(kKeyBytes);
  return key;
}

}  // namespace grpc_os::host
