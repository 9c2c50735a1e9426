#include "shell/default_address.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "manifest/env_file.h"

namespace grpc_os::shell {
namespace {

constexpr char kSocket[] = "/run/api.sock";
constexpr char kHere[] = "data";
constexpr char kOfTheMachine[] = "/var/lib/grpc-os";
// A longer name would push what is typed off the line.
constexpr size_t kLongestName = 32;

bool Exists(const std::string& path) {
  struct stat info = {};
  return ::stat(path.c_str(), &info) == 0;
}

// Many programs call a folder "data". In one of ours there is the database, or, before the first
// start is done, what init leaves there first. What cannot be looked into may be one, made with
// sudo, if it is root's or the user's own; that of another account is its program's.
bool IsDataDirectory(const std::string& path) {
  struct stat info = {};
  for (const char* file : {"/grpc-os.db", "/run/boot_id", "/run/init.lock"}) {
    if (::stat((path + file).c_str(), &info) == 0) return true;
    if (errno == EACCES && ::stat(path.c_str(), &info) == 0)
      return info.st_uid == 0 || info.st_uid == ::geteuid();
  }
  return false;
}

absl::StatusOr<Target> Below(const std::string& directory, std::string reason) {
  auto address = client::ParseAddress(absl::StrCat("unix:", directory, kSocket));
  if (!address.ok()) return address.status();
  return Target{.address = *std::move(address), .reason = std::move(reason)};
}

// The same of what this folder names, whose Makefile may be ours.
absl::StatusOr<Target> OfFolder(const std::string& directory, const std::string& reason) {
  const bool is_of_make = Exists("Makefile") && Exists("protos/grpc_os");
  auto target = Below(directory, absl::StrCat(reason, is_of_make ? " `make run` starts it." : ""));
  if (target.ok()) target->is_of_make = is_of_make;
  return target;
}

absl::StatusOr<Target> ImpliedTarget(const Variable& variable) {
  if (const auto directory = variable("DATA_DIR")) {
    return Below(*directory, "DATA_DIR in the environment names it.");
  }
  if (Exists(".env")) {
    const auto settings = manifest::ReadEnvFile(".env");
    if (!settings.ok()) return settings.status();
    const auto found = settings->find("DATA_DIR");
    if (found != settings->end() && !found->second.value.empty()) {
      return OfFolder(found->second.value,
                      "DATA_DIR in the current folder's .env names it, so no other is tried.");
    }
  }
  if (IsDataDirectory(kHere)) {
    return OfFolder(kHere, "It is the one of ./data in the current folder, so no other is tried.");
  }
  return Below(kOfTheMachine, "");
}

std::string NameOf(const client::Address& address) {
  constexpr std::string_view kUsualPort = ":50051";
  if (!address.is_unix) {
    const std::string& name = address.host_port;
    return name.ends_with(kUsualPort) ? name.substr(0, name.size() - kUsualPort.size()) : name;
  }
  std::string name = address.path;
  if (name.ends_with(kSocket)) name.resize(name.size() - std::string_view(kSocket).size());
  if (name.size() <= kLongestName) return name;
  const size_t last = name.rfind('/');
  return absl::StrCat("…", name.substr(last == 0 ? 0 : name.rfind('/', last - 1)));
}

}  // namespace

absl::StatusOr<Target> FindTarget(const std::optional<std::string>& given,
                                  const Variable& variable) {
  auto implied = ImpliedTarget(variable);
  const auto exported = given ? std::nullopt : variable("GRPC_OS_ADDRESS");
  if (!given && !exported) return implied;
  auto address = client::ParseAddress(given ? *given : *exported);
  if (!address.ok()) return address.status();
  Target target = {.address = *std::move(address)};
  if (exported) target.reason = "GRPC_OS_ADDRESS names it.";
  if (!implied.ok() || implied->address.ToString() != target.address.ToString()) {
    target.name = NameOf(target.address);
  } else {
    target.is_of_make = implied->is_of_make;
  }
  return target;
}

}  // namespace grpc_os::shell
