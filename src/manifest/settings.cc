#include "manifest/settings.h"

#include <arpa/inet.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/limits.h"
#include "base/secret_variables.h"
#include "manifest/quantity.h"

namespace grpc_os::manifest {
namespace {

// Of .env.example.
constexpr std::string_view kExampleJwtSecret = "your_secret_key";
constexpr std::string_view kExampleDbPassword = "secure_password";

// HS256 wants a key no shorter than its hash: RFC 7518, 3.2.
constexpr size_t kJwtSecretBytes = 32;

constexpr int kIoThreadsMax = 16;

// Two hashes of 64 MiB at a time, 1 MiB for each thread's stack, and as much again for the rest.
constexpr int64_t kMemoryBytesMin = int64_t{256} << 20;
constexpr int64_t kMemoryBytesMax = int64_t{1} << 40;

constexpr std::array<const char*, 5> kDatabaseNames = {"DB_HOST", "DB_PORT", "DB_NAME", "DB_USER",
                                                       "DB_PASSWORD"};

class Lookup {
 public:
  Lookup(const Variables& environment, const Variables& env_file)
      : environment_(environment), env_file_(env_file) {}

  // Empty: not set.
  std::string Get(std::string_view name) const {
    for (const Variables* variables : {&environment_, &env_file_}) {
      const auto found = variables->find(std::string(name));
      if (found != variables->end() && !found->second.empty()) return found->second;
    }
    return "";
  }

 private:
  const Variables& environment_;
  const Variables& env_file_;
};

// What came, fit for a message.
std::string Shown(const std::string& value) {
  constexpr size_t kShownBytes = 40;
  std::string shown = absl::CHexEscape(value.substr(0, kShownBytes));
  if (value.size() > kShownBytes) shown += "…";
  return absl::StrCat("\"", shown, "\"");
}

absl::Status ResolvePort(const char* name, const std::string& value, int& port) {
  if (value.empty()) return absl::OkStatus();
  int number = 0;
  const bool digits = value.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || !absl::SimpleAtoi(value, &number) || number > 65535) {
    return absl::InvalidArgumentError(absl::StrCat(
        name, " is ", Shown(value), "; expected a number from 0 (any free port) to 65535"));
  }
  port = number;
  return absl::OkStatus();
}

absl::Status ResolveEventsKept(const std::string& value, int64_t& kept) {
  if (value.empty()) return absl::OkStatus();
  int64_t number = 0;
  const bool digits = value.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || !absl::SimpleAtoi(value, &number) || number < limits::kRevisionsKeptMin ||
      number > limits::kRevisionsKeptMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("EVENTS_KEPT is ", Shown(value), "; expected a number of changes from ",
                     limits::kRevisionsKeptMin, " to ", limits::kRevisionsKeptMax));
  }
  kept = number;
  return absl::OkStatus();
}

absl::Status ResolveMemory(const std::string& value, int64_t& bytes) {
  if (value.empty()) return absl::OkStatus();
  const absl::StatusOr<int64_t> size = ParseBytes(value);
  if (!size.ok() || (*size != 0 && (*size < kMemoryBytesMin || *size > kMemoryBytesMax))) {
    return absl::InvalidArgumentError(
        absl::StrCat("GRPC_OSD_MEMORY is ", Shown(value),
                     "; expected a size from 256M to 1024G, or 0 for no bound"));
  }
  bytes = *size;
  return absl::OkStatus();
}

absl::Status ResolveProcessPorts(const std::string& value, int& first, int& last) {
  if (value.empty()) return absl::OkStatus();
  const size_t dash = value.find('-');
  int low = 0;
  int high = 0;
  const bool digits = value.find_first_not_of("0123456789-") == std::string::npos;
  if (!digits || dash == std::string::npos || !absl::SimpleAtoi(value.substr(0, dash), &low) ||
      !absl::SimpleAtoi(value.substr(dash + 1), &high) || low < 1 || high > 65535 || low > high) {
    return absl::InvalidArgumentError(
        absl::StrCat("PROCESS_PORTS is ", Shown(value), "; expected two ports, as in 20000-32000"));
  }
  first = low;
  last = high;
  return absl::OkStatus();
}

absl::Status ResolvePath(const char* name, const std::string& value, std::string& path) {
  if (value.empty()) return absl::OkStatus();
  if (value.front() != '/') {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " is ", Shown(value), "; expected an absolute path"));
  }
  path = value;
  return absl::OkStatus();
}

bool IsAddress(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET, text.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

// An address, or one with the length of its prefix.
bool IsNetwork(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return IsAddress(text);
  const std::string digits = text.substr(slash + 1);
  int length = 0;
  const int most = text.find(':') == std::string::npos ? 32 : 128;
  return IsAddress(text.substr(0, slash)) &&
         digits.find_first_not_of("0123456789") == std::string::npos &&
         absl::SimpleAtoi(digits, &length) && length <= most;
}

absl::Status ResolveGrpc(const Lookup& lookup, Settings& settings) {
  if (const std::string value = lookup.Get("GRPC_IO_THREADS"); !value.empty()) {
    const bool digits = value.find_first_not_of("0123456789") == std::string::npos;
    if (!digits || !absl::SimpleAtoi(value, &settings.grpc_io_threads) ||
        settings.grpc_io_threads < 1 || settings.grpc_io_threads > kIoThreadsMax) {
      return absl::InvalidArgumentError(absl::StrCat(
          "GRPC_IO_THREADS is ", Shown(value), "; expected a number from 1 to ", kIoThreadsMax));
    }
  }
  for (const auto& [name, path] :
       {std::pair("GRPC_TLS_CERTIFICATE", &settings.grpc_tls_certificate),
        std::pair("GRPC_TLS_KEY", &settings.grpc_tls_key)}) {
    if (absl::Status status = ResolvePath(name, lookup.Get(name), *path); !status.ok())
      return status;
  }
  if (settings.grpc_tls_certificate.empty() != settings.grpc_tls_key.empty()) {
    return absl::InvalidArgumentError(
        "GRPC_TLS_CERTIFICATE and GRPC_TLS_KEY belong together, and one of them is not set");
  }
  if (const std::string address = lookup.Get("GRPC_TLS_ADDRESS"); !address.empty()) {
    if (!IsAddress(address)) {
      return absl::InvalidArgumentError(
          absl::StrCat("GRPC_TLS_ADDRESS is ", Shown(address),
                       "; expected an address of this machine, as in 0.0.0.0 (all)"));
    }
    settings.grpc_tls_address = address;
  }
  return absl::OkStatus();
}

absl::Status ResolveEdge(const Lookup& lookup, Settings& settings) {
  const int ports[] = {settings.edge_http_port, settings.edge_https_port, settings.edge_grpc_port};
  for (int i = 0; i < 3; ++i) {
    if (ports[i] == 0 || ports[i] != ports[(i + 1) % 3]) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("EDGE_HTTP_PORT, EDGE_HTTPS_PORT and EDGE_GRPC_PORT are three ports; two of "
                     "them are ",
                     ports[i]));
  }
  settings.edge_address = lookup.Get("EDGE_ADDRESS");
  if (!settings.edge_address.empty() && !IsAddress(settings.edge_address)) {
    return absl::InvalidArgumentError(
        absl::StrCat("EDGE_ADDRESS is ", Shown(settings.edge_address),
                     "; expected an address of this machine, as in 127.0.0.1"));
  }
  for (const auto& [name, path] : {std::pair("EDGE_NGINX", &settings.edge_nginx),
                                   std::pair("EDGE_TEMPLATE", &settings.edge_template)}) {
    if (absl::Status status = ResolvePath(name, lookup.Get(name), *path); !status.ok())
      return status;
  }
  const std::vector<std::string> networks =
      absl::StrSplit(lookup.Get("EDGE_TRUSTED_PROXIES"), ',', absl::SkipWhitespace());
  for (std::string network : networks) {
    absl::StripAsciiWhitespace(&network);
    if (!IsNetwork(network)) {
      return absl::InvalidArgumentError(
          absl::StrCat("EDGE_TRUSTED_PROXIES has ", Shown(network),
                       "; expected networks with commas between, as in 10.0.0.0/8,192.0.2.1"));
    }
    settings.edge_trusted_proxies.push_back(std::move(network));
  }
  return absl::OkStatus();
}

absl::Status ResolveYesOrNo(const char* name, const std::string& value, bool& yes) {
  if (value.empty()) return absl::OkStatus();
  if (value != "true" && value != "false" && value != "1" && value != "0") {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " is ", Shown(value), "; expected true, false, 1 or 0"));
  }
  yes = value == "true" || value == "1";
  return absl::OkStatus();
}

// A file lies around, and would be taken for the place to change the password.
absl::Status ResolveAdminPassword(const Variables& environment, const Variables& env_file,
                                  std::string& password) {
  const auto in_file = env_file.find(kAdminPasswordVariable);
  if (in_file != env_file.end() && !in_file->second.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(kAdminPasswordVariable,
                     " is in the file of settings; it is taken from the environment alone, at the "
                     "first start. Remove the line."));
  }
  const auto found = environment.find(kAdminPasswordVariable);
  if (found == environment.end() || found->second.empty()) return absl::OkStatus();
  const auto size = static_cast<int>(found->second.size());
  if (size < limits::kPasswordBytesMin || size > limits::kPasswordBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat(kAdminPasswordVariable, " has ", size, " bytes; expected ",
                     limits::kPasswordBytesMin, " to ", limits::kPasswordBytesMax,
                     ". Take another, or leave it out: then one is generated."));
  }
  password = found->second;
  return absl::OkStatus();
}

absl::Status CheckDatabase(const Lookup& lookup) {
  std::vector<std::string> set;
  for (const char* name : kDatabaseNames) {
    if (!lookup.Get(name).empty()) set.push_back(name);
  }
  if (set.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(absl::StrJoin(set, ", "), set.size() == 1 ? " asks" : " ask",
                   " for a MariaDB database, and MariaDB support is not there yet. Remove the DB_* "
                   "settings to use embedded SQLite."));
}

}  // namespace

bool HasSecret(const Variables& env_file) {
  const auto is_set = [&env_file](const char* name, std::string_view example) {
    const auto found = env_file.find(name);
    return found != env_file.end() && !found->second.empty() && found->second != example;
  };
  return is_set("JWT_SECRET", kExampleJwtSecret) || is_set("DB_PASSWORD", kExampleDbPassword);
}

const std::vector<std::string>& SettingNames() {
  static const auto* const names = [] {
    auto* all = new std::vector<std::string>{"GRPC_PORT",
                                             "GRPC_IO_THREADS",
                                             "GRPC_TLS_CERTIFICATE",
                                             "GRPC_TLS_KEY",
                                             "GRPC_TLS_PORT",
                                             "GRPC_TLS_ADDRESS",
                                             "HTTP_PORT",
                                             "JWT_SECRET",
                                             "DEBUG",
                                             "DATA_DIR",
                                             "EVENTS_KEPT",
                                             "HELD_ON_COPY",
                                             "PROCESS_PORTS",
                                             "EDGE_HTTP_PORT",
                                             "EDGE_HTTPS_PORT",
                                             "EDGE_GRPC_PORT",
                                             "EDGE_ADDRESS",
                                             "EDGE_NGINX",
                                             "EDGE_TEMPLATE",
                                             "EDGE_TRUSTED_PROXIES",
                                             "GRPC_OSD_MEMORY",
                                             kAdminPasswordVariable};
    all->insert(all->end(), kDatabaseNames.begin(), kDatabaseNames.end());
    return all;
  }();
  return *names;
}

Variables SettingsInEnvironment() {
  Variables variables;
  for (const std::string& name : SettingNames()) {
    if (const char* value = std::getenv(name.c_str()); value != nullptr) variables[name] = value;
  }
  return variables;
}

absl::StatusOr<Settings> ResolveSettings(const Variables& environment, const Variables& env_file) {
  const Lookup lookup(environment, env_file);
  Settings settings;
  std::vector<std::string> unedited;

  for (const auto& [name, port] :
       {std::pair("GRPC_PORT", &settings.grpc_port), std::pair("HTTP_PORT", &settings.http_port),
        std::pair("EDGE_HTTP_PORT", &settings.edge_http_port),
        std::pair("EDGE_HTTPS_PORT", &settings.edge_https_port),
        std::pair("EDGE_GRPC_PORT", &settings.edge_grpc_port),
        std::pair("GRPC_TLS_PORT", &settings.grpc_tls_port)}) {
    if (absl::Status status = ResolvePort(name, lookup.Get(name), *port); !status.ok())
      return status;
  }
  for (const auto& [name, yes] :
       {std::pair("DEBUG", &settings.debug), std::pair("HELD_ON_COPY", &settings.held_on_copy)}) {
    if (absl::Status status = ResolveYesOrNo(name, lookup.Get(name), *yes); !status.ok())
      return status;
  }
  if (absl::Status status = ResolveEventsKept(lookup.Get("EVENTS_KEPT"), settings.events_kept);
      !status.ok())
    return status;
  if (absl::Status status = ResolveMemory(lookup.Get("GRPC_OSD_MEMORY"), settings.memory_bytes);
      !status.ok())
    return status;
  if (absl::Status status = ResolveProcessPorts(
          lookup.Get("PROCESS_PORTS"), settings.process_ports_first, settings.process_ports_last);
      !status.ok())
    return status;
  if (absl::Status status = ResolveGrpc(lookup, settings); !status.ok()) return status;
  if (absl::Status status = ResolveEdge(lookup, settings); !status.ok()) return status;
  settings.data_dir = lookup.Get("DATA_DIR");
  if (absl::Status status = ResolveAdminPassword(environment, env_file, settings.admin_password);
      !status.ok())
    return status;

  settings.jwt_secret = lookup.Get("JWT_SECRET");
  if (settings.jwt_secret == kExampleJwtSecret) {
    settings.jwt_secret.clear();
    unedited.push_back("JWT_SECRET (a generated key is used)");
  } else if (!settings.jwt_secret.empty() && settings.jwt_secret.size() < kJwtSecretBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "JWT_SECRET has ", settings.jwt_secret.size(), " bytes; expected at least ",
        kJwtSecretBytes,
        ". Make one with `openssl rand -base64 48`, or remove the line: then a key is generated."));
  }

  if (lookup.Get("DB_PASSWORD") == kExampleDbPassword) {
    unedited.push_back("DB_PASSWORD (all of DB_* is ignored, embedded SQLite is used)");
  } else if (absl::Status status = CheckDatabase(lookup); !status.ok()) {
    return status;
  }

  if (!unedited.empty()) {
    settings.warning =
        absl::StrCat("The example's values count as not set: ", absl::StrJoin(unedited, ", "), ".");
  }
  return settings;
}

}  // namespace grpc_os::manifest
