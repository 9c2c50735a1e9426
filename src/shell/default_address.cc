#include "shell/default_address.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

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

// --address, or $GRPC_OS_ADDRESS.
absl::StatusOr<Target> OfAddress(const std::string& text, const Named& named,
                                 const Variable& variable) {
  auto address = client::ParseAddress(text, {.secure = named.secure, .ca = named.ca.value_or("")});
  if (!address.ok()) return address.status();
  Target target = {.address = *std::move(address)};
  const auto implied = ImpliedTarget(variable);
  if (!implied.ok() || implied->address.ToString() != target.address.ToString()) {
    target.name = NameOf(target.address);
  } else {
    target.is_of_make = implied->is_of_make;
  }
  return target;
}

absl::StatusOr<Target> OfContext(const Contexts& contexts, const std::string& name) {
  const auto list = contexts.Read();
  if (!list.ok()) return list.status();
  const Context* context = FindContext(*list, name);
  return context == nullptr ? NoContext(*list, name) : TargetOf(*context);
}

absl::StatusOr<Target> Because(absl::StatusOr<Target> target, const std::string& reason) {
  if (target.ok()) target->reason = reason;
  return target;
}

}  // namespace

absl::StatusOr<Target> TargetOf(const Context& context) {
  auto address = client::ParseAddress(
      context.address(),
      {.ca = context.ca(), .ca_from = absl::StrCat("The context ", context.name())});
  if (!address.ok()) return address.status();
  return Target{.address = *std::move(address),
                .name = context.name(),
                .context = context.name(),
                .user = context.user(),
                .production = context.production()};
}

absl::StatusOr<Target> FindTarget(const Named& named, const Variable& variable,
                                  const Contexts& contexts) {
  const char* const tls = named.secure ? "--secure" : named.ca ? "--ca" : nullptr;
  if (named.address && named.context)
    return absl::InvalidArgumentError("--address and --context exclude each other; give one.");
  if (named.context && tls != nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(tls, " belongs to --address: a context has its own."));
  }
  if (named.address) return OfAddress(*named.address, named, variable);
  if (named.context) return OfContext(contexts, *named.context);
  const auto address = variable("GRPC_OS_ADDRESS");
  const auto context = variable("GRPC_OS_CONTEXT");
  if (address && context) {
    return absl::InvalidArgumentError(
        "GRPC_OS_ADDRESS and GRPC_OS_CONTEXT are both set, and only one system can be meant. "
        "`unset` one of them.");
  }
  if (address) return Because(OfAddress(*address, named, variable), "GRPC_OS_ADDRESS names it.");
  if (tls != nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(tls,
                     " says how to reach an address, and there is none: add --address "
                     "HOST:PORT, or set GRPC_OS_ADDRESS."));
  }
  if (context) return Because(OfContext(contexts, *context), "GRPC_OS_CONTEXT names it.");
  const auto list = contexts.Read();
  if (!list.ok()) return list.status();
  if (const Context* in_use = ContextInUse(*list)) {
    return Because(TargetOf(*in_use), absl::StrCat("The context ", in_use->name(),
                                                   " is in use; `context use` changes that."));
  }
  return ImpliedTarget(variable);
}

std::string NameOfContext(const Target& target) {
  return absl::StrCat(target.context, target.production ? " (production)" : "");
}

client::ClientOptions OptionsFor(const Target& target, const std::string& state_directory,
                                 std::string token) {
  client::ClientOptions options = {.state_directory = state_directory + "/tokens",
                                   .user = target.user,
                                   .token = std::move(token)};
  if (!target.context.empty()) {
    options.kept_as = absl::StrCat("context:", target.context, target.user.empty() ? "" : ":",
                                   target.user, "@", target.address.ToString());
  }
  return options;
}

}  // namespace grpc_os::shell
