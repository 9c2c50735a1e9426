#include "main/parts/edge_directory.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/id.h"
#include "base/signal_name.h"
#include "base/unique_fd.h"
#include "core/process/validate.h"
#include "edge/nginx_file.h"
#include "host/account.h"
#include "host/acl.h"
#include "host/free_port.h"
#include "main/parts/texts.h"
#include "manifest/process_manifest.h"

namespace grpc_os {
namespace {

absl::Status Failed(const char* what, const std::string& path) {
  return absl::UnavailableError(
      absl::StrCat("the edge: cannot ", what, " ", path, ": ", strerror(errno)));
}

// A directory that only we and, if there is one, this account may enter, with these rights.
absl::Status MakeOne(const std::string& path, std::optional<uid_t> uid, host::Access access) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return Failed("make", path);
  const UniqueFd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (!directory) return Failed("open", path);
  return uid ? host::GrantAccess(directory.get(), *uid, access) : absl::OkStatus();
}

// One in it that everybody may read who comes so far.
absl::Status MakeOpen(const std::string& path) {
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return Failed("make", path);
  return chmod(path.c_str(), 0755) == 0 ? absl::OkStatus() : Failed("open", path);
}

absl::Status WriteText(const std::string& path, std::string_view text) {
  const std::string aside = path + ".new";
  std::ofstream file(aside, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file || chmod(aside.c_str(), 0644) != 0 || rename(aside.c_str(), path.c_str()) != 0)
    return Failed("write", path);
  return absl::OkStatus();
}

int PortIn(const std::string& path) {
  std::ifstream file(path);
  int port = 0;
  file >> port;
  return file && port > 0 && port <= 65'535 ? port : 0;
}

}  // namespace

absl::StatusOr<std::optional<uid_t>> FindEdgeAccount(const std::string& account, bool shielded) {
  if (!shielded) return std::nullopt;
  const auto found = host::UidOfAccount(account, shielded);
  if (found.ok()) return *found;
  return absl::FailedPreconditionError(absl::StrCat(
      "nginx needs the account '", account, "': make it with `adduser --system --group ", account,
      "` and write it into /etc/grpc-os/system-accounts (", found.status().message(), ")"));
}

absl::Status MakeEdgeDirectory(const std::string& path, std::optional<uid_t> uid) {
  using host::Access;
  absl::Status status = MakeOne(path, uid, Access::kReadOnly);
  for (const char* name : {"/conf", "/lua"})
    if (status.ok()) status = MakeOpen(path + name);
  for (const char* name : {"/run", "/logs", "/tmp"})
    if (status.ok()) status = MakeOne(path + name, uid, Access::kReadWrite);
  if (status.ok()) status = WriteText(path + "/lua/edge.lua", edge::kEdgeLua);
  return status;
}

EdgePorts ChooseEdgePorts(const manifest::Settings& settings, const std::string& run_directory) {
  std::set<int> taken;
  const auto choose = [&](int wanted, const char* name) {
    if (wanted != 0) return wanted;
    const int before = PortIn(absl::StrCat(run_directory, "/edge.", name, ".port"));
    if (before != 0 && taken.insert(before).second) return before;
    // Below PROCESS_PORTS and those of the kernel, which others get between now and nginx's start.
    constexpr int kFirst = 10'000, kCount = 10'000;
    // From a place of its own, so that systems on one machine do not all try the same ones.
    const size_t begin = std::hash<std::string>()(run_directory + name);
    for (size_t i = 0; i < kCount; ++i) {
      const int port = kFirst + static_cast<int>((begin + i) % kCount);
      if (host::IsPortFree(port) && taken.insert(port).second) return port;
    }
    return kFirst;
  };
  EdgePorts ports;
  ports.http = choose(settings.edge_http_port, "http");
  ports.https = choose(settings.edge_https_port, "https");
  ports.grpc = choose(settings.edge_grpc_port, "grpc");
  return ports;
}

std::vector<std::string> ListenAddresses(const std::string& address, int port) {
  if (port == 0) return {};
  if (!address.empty()) {
    const bool six = address.find(':') != std::string::npos;
    return {six ? absl::StrCat("[", address, "]:", port) : absl::StrCat(address, ":", port)};
  }
  std::vector<std::string> all = {absl::StrCat("0.0.0.0:", port)};
  if (access("/proc/net/if_inet6", F_OK) == 0) all.push_back(absl::StrCat("[::]:", port));
  return all;
}

absl::StatusOr<core::Process> NginxProcessFor(const std::string& directory,
                                              const manifest::Settings& settings,
                                              const EdgePorts& ports, bool shielded) {
  std::vector<manifest::Problem> problems;
  const auto parsed = manifest::ParseProcesses(kNginxConfig, problems);
  if (!parsed || parsed->size() != 1)
    return absl::InternalError("processes/default/nginx/config.yml is not one process");
  const manifest::ProcessManifest& given = parsed->front();
  core::Process process;
  process.name = given.name;
  core::ProcessSpec& spec = process.spec;
  spec.command = given.command;
  spec.environment = given.environment;
  spec.environment["EDGE_NGINX"] = settings.edge_nginx;
  spec.working_directory = directory;
  if (shielded) spec.account = given.user;
  spec.stop_signal = SignalFrom(given.stop_signal).value_or(spec.stop_signal);
  spec.stop_timeout_ms = given.stop_timeout_ms.value_or(spec.stop_timeout_ms);
  if (given.log_max_bytes != 0) spec.log_max_bytes = given.log_max_bytes;
  if (given.ready && given.ready->kind == manifest::Probe::Kind::kDelay) {
    spec.ready.kind = core::ReadyKind::kDelay;
    spec.ready.delay_ms = given.ready->delay_ms;
  }
  spec.port = ports.http;  // which no process of users may have then
  spec.system = true;
  spec.low_ports = std::min({ports.http, ports.https, ports.grpc}) < 1024;
  core::Violations violations;
  core::CheckSpec(spec, "nginx", violations);
  if (!violations.empty()) return violations.ToStatus();
  return process;
}

}  // namespace grpc_os
