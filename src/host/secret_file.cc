#include "host/secret_file.h"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/secret_file.h"
#include "base/unique_fd.h"

namespace grpc_os::host {
namespace {

constexpr size_t kKeyBytes = 32;
constexpr size_t kPasswordCharacters = 20;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

absl::Status CannotWrite(std::string_view what, const std::string& path) {
  return absl::UnavailableError(
      absl::StrCat("cannot write ", View(what), " ", path, ": ", strerror(errno)));
}

absl::Status FillRandom(void* bytes, size_t size) {
  if (RAND_bytes(static_cast<unsigned char*>(bytes), static_cast<int>(size)) == 1)
    return absl::OkStatus();
  return absl::UnavailableError("the kernel gave no random bytes for a secret");
}

}  // namespace

absl::Status CheckSecretDirectory(const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) return absl::OkStatus();
  if (absl::Status status = CheckPrivate(info, path, "the directory of secrets"); !status.ok()) {
    return status;
  }
  std::error_code error;
  using Entries = std::filesystem::recursive_directory_iterator;  // follows no links
  for (Entries entry(path, error); !error && entry != Entries(); entry.increment(error)) {
    const std::string file = entry->path().string();
    if (lstat(file.c_str(), &info) != 0) continue;
    if (absl::Status status = CheckPrivate(info, file, "the secret"); !status.ok()) return status;
  }
  if (!error) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("cannot list the directory of secrets ", path, ": ", error.message()));
}

absl::Status WriteSecretFile(const std::string& path, std::string_view secret,
                             std::string_view what) {
  const std::string temporary = path + ".new";
  UniqueFd file(
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file ||
      write(file.get(), secret.data(), secret.size()) != static_cast<ssize_t>(secret.size()) ||
      fsync(file.get()) != 0 || rename(temporary.c_str(), path.c_str()) != 0)
    return CannotWrite(what, path);
  const std::string directory = path.substr(0, path.rfind('/'));
  UniqueFd handle(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!handle || fsync(handle.get()) != 0) return CannotWrite(what, path);
  return absl::OkStatus();
}

absl::StatusOr<std::string> LoadOrMakeKey(const std::string& path) {
  constexpr char kWhat[] = "the signing key";
  auto found = ReadSecretFile(path, kWhat);
  if (!found.ok()) return found.status();
  if (found->has_value()) {
    if ((*found)->size() == kKeyBytes) return **std::move(found);
    return absl::FailedPreconditionError(absl::StrCat("the signing key ", path, " is damaged (not ",
                                                      kKeyBytes,
                                                      " bytes); remove it to have a new one made"));
  }
  std::string key(kKeyBytes, '\0');
  if (absl::Status status = FillRandom(key.data(), key.size()); !status.ok()) return status;
  if (absl::Status status = WriteSecretFile(path, key, kWhat); !status.ok()) return status;
  return key;
}

absl::StatusOr<std::string> LoadOrMakePassword(const std::string& path) {
  constexpr char kWhat[] = "the first password";
  auto found = ReadSecretFile(path, kWhat);
  if (!found.ok()) return found.status();
  if (found->has_value()) {
    std::string password = (*found)->substr(0, (*found)->find('\n'));
    if (password.size() >= static_cast<size_t>(limits::kPasswordBytesMin) &&
        password.size() <= static_cast<size_t>(limits::kPasswordBytesMax))
      return password;
    return absl::FailedPreconditionError(absl::StrCat("the file of the first password ", path,
                                                      " is damaged (its line has ", password.size(),
                                                      " bytes); remove it to have a new one made"));
  }
  // Without i, l, o and 1, which are taken for one another or for 0.
  static constexpr char kDigits[] = "023456789abcdefghjkmnpqrstuvwxyz";
  std::array<unsigned char, kPasswordCharacters> random{};
  if (absl::Status status = FillRandom(random.data(), random.size()); !status.ok()) return status;
  std::string password;
  for (const unsigned char byte : random) password.push_back(kDigits[byte & 31]);
  if (absl::Status status = WriteSecretFile(path, password + "\n", kWhat); !status.ok())
    return status;
  return password;
}

}  // namespace grpc_os::host
