// A new setting is a row here, a member of Settings, and a name in base/setting_names.h;
// scripts/generate_manifest_files.sh writes docs/CONFIGURATION.md and config/default/*.yml.
#include <arpa/inet.h>

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "base/limits.h"
#include "base/setting_names.h"
#include "manifest/quantity.h"
#include "manifest/settings.h"

namespace grpc_os::manifest {
namespace {

constexpr int64_t kMinuteMs = 60'000;
constexpr int64_t kDayMs = 24 * 60 * kMinuteMs;

constexpr char kPort[] = "a number from 0 (any free port) to 65535";
constexpr char kPath[] = "an absolute path";
constexpr char kYesOrNo[] = "true, false, 1 or 0";
constexpr char kAddress[] = "an address of this machine, as in 127.0.0.1 or 0.0.0.0";
constexpr char kText[] = "text";

template <typename Number>
bool ReadNumber(const std::string& text, int64_t least, int64_t most, Number& into) {
  int64_t number = 0;
  if (text.find_first_not_of("0123456789") != std::string::npos ||
      !absl::SimpleAtoi(text, &number) || number < least || number > most)
    return false;
  into = static_cast<Number>(number);
  return true;
}

bool ReadPort(const std::string& text, int& port) { return ReadNumber(text, 0, 65535, port); }

// The range in which `quantity` is what Read gives; else false.
bool ReadRange(const absl::StatusOr<int64_t>& quantity, int64_t least, int64_t most,
               int64_t& into) {
  if (!quantity.ok() || *quantity < least || *quantity > most) return false;
  into = *quantity;
  return true;
}

bool ReadYesOrNo(const std::string& text, bool& yes) {
  if (text != "true" && text != "false" && text != "1" && text != "0") return false;
  yes = text == "true" || text == "1";
  return true;
}

bool ReadPath(const std::string& text, std::string& path) {
  if (text[0] != '/') return false;
  path = text;
  return true;
}

bool IsAddress(const std::string& text) {
  in6_addr address{};
  return inet_pton(AF_INET, text.c_str(), &address) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &address) == 1;
}

bool ReadAddress(const std::string& text, std::string& address) {
  if (!IsAddress(text)) return false;
  address = text;
  return true;
}

// An address, or one with the length of its prefix.
bool IsNetwork(const std::string& text) {
  const size_t slash = text.find('/');
  if (slash == std::string::npos) return IsAddress(text);
  int length = 0;
  const int most = text.find(':') == std::string::npos ? 32 : 128;
  return IsAddress(text.substr(0, slash)) && slash + 1 < text.size() &&
         ReadNumber(text.substr(slash + 1), 0, most, length);
}

bool ReadNetworks(const std::string& text, std::vector<std::string>& into) {
  std::vector<std::string> networks = absl::StrSplit(text, ',', absl::SkipWhitespace());
  for (std::string& network : networks) {
    absl::StripAsciiWhitespace(&network);
    if (!IsNetwork(network)) return false;
  }
  into = std::move(networks);
  return true;
}

bool ReadPorts(const std::string& text, int& first, int& last) {
  const size_t dash = text.find('-');
  int low = 0;
  int high = 0;
  if (dash == std::string::npos || !ReadNumber(text.substr(0, dash), 1, 65535, low) ||
      !ReadNumber(text.substr(dash + 1), low, 65535, high))
    return false;
  first = low;
  last = high;
  return true;
}

// Two hashes of 64 MiB at a time, 1 MiB for each thread's stack, and as much again for the rest.
bool ReadMemory(const std::string& text, int64_t& bytes) {
  return ReadRange(ParseBytes(text), int64_t{256} << 20, int64_t{1} << 40, bytes) ||
         ReadRange(ParseBytes(text), 0, 0, bytes);
}

bool ReadSecret(const std::string& text, size_t least, size_t most, std::string& into) {
  if (text.size() < least || text.size() > most) return false;
  into = text;
  return true;
}

bool ReadLevel(const std::string& text, std::string& level) {
  if (text != "debug" && text != "info" && text != "warning" && text != "error") return false;
  level = text;
  return true;
}

// Of the database that is not there yet: ResolveSettings refuses them.
bool ReadNothing(const std::string&, Settings&) { return true; }
constexpr char kDatabase[] = "Of MariaDB, which is refused until it is supported.";

using Text = std::string;
using Secrecy = Setting::Secrecy;

constexpr Setting kTable[] = {
    {"GRPC_PORT", "grpc.port", kPort, "50051", "",
     "The TCP port of the API on 127.0.0.1. 0: any free one, written to `DATA_DIR/run/grpc.port`.",
     [](const Text& text, Settings& into) { return ReadPort(text, into.grpc_port); }},
    {"GRPC_IO_THREADS", "grpc.io_threads", "a number from 1 to 16", "1", "",
     "The threads that serve connections. A connection stays on its thread.",
     [](const Text& text, Settings& into) {
       return ReadNumber(text, 1, 16, into.grpc_io_threads);
     }},
    {"GRPC_TLS_CERTIFICATE", "grpc.tls.certificate", kPath, "", "/etc/grpc-os/api.pem",
     "The certificate with its chain, PEM. With it and the key the API is also served by TLS "
     "(docs/SECURITY.md).",
     [](const Text& text, Settings& into) { return ReadPath(text, into.grpc_tls_certificate); }},
    {"GRPC_TLS_KEY", "grpc.tls.key", kPath, "", "/etc/grpc-os/api.key",
     "Its key, PEM. Only the account of grpc-osd may read the file.",
     [](const Text& text, Settings& into) { return ReadPath(text, into.grpc_tls_key); },
     Secrecy::kIfWrong},
    {"GRPC_TLS_ADDRESS", "grpc.tls.address", kAddress, "0.0.0.0", "",
     "Where the API is served by TLS.",
     [](const Text& text, Settings& into) { return ReadAddress(text, into.grpc_tls_address); }},
    {"GRPC_TLS_PORT", "grpc.tls.port", kPort, "50443", "",
     "The port there. 0: any free one, written to `DATA_DIR/run/grpc.tls.port`.",
     [](const Text& text, Settings& into) { return ReadPort(text, into.grpc_tls_port); }},
    {"HTTP_PORT", "http.port", kPort, "50052", "",
     "The TCP port on 127.0.0.1 of the metrics page (`/metrics`). 0: any free one, written to "
     "`DATA_DIR/run/http.port`.",
     [](const Text& text, Settings& into) { return ReadPort(text, into.http_port); }},
    {"GRPC_OSD_MEMORY", "daemon.memory", "a size from 256M to 1024G, or 0 for no bound", "512M", "",
     "The memory that grpc-osd may take. Processes are not bounded by it.",
     [](const Text& text, Settings& into) { return ReadMemory(text, into.memory_bytes); }},
    {"EVENTS_KEPT", "events.kept", "a number of changes from 1000 to 100000000", "100000", "",
     "How many revisions back watches and `events --since` can go. Older events are forgotten.",
     [](const Text& text, Settings& into) {
       return ReadNumber(text, limits::kRevisionsKeptMin, limits::kRevisionsKeptMax,
                         into.events_kept);
     }},
    {"PROCESS_PORTS", "processes.ports", "two ports, as in 20000-32000", "20000-32000", "",
     "Where the ports of processes with `--port auto` come from.",
     [](const Text& text, Settings& into) {
       return ReadPorts(text, into.process_ports_first, into.process_ports_last);
     }},
    {"HELD_ON_COPY", "processes.held_on_copy", kYesOrNo, "true", "",
     "Whether a copied data directory starts with its processes held. false: for containers, whose "
     "directories move by design.",
     [](const Text& text, Settings& into) { return ReadYesOrNo(text, into.held_on_copy); }},
    {"EDGE_HTTP_PORT", "edge.http_port", kPort, "8880", "",
     "Where nginx serves domains (docs/DOMAINS.md). 0: any free one, written to "
     "`DATA_DIR/run/edge.http.port`.",
     [](const Text& text, Settings& into) { return ReadPort(text, into.edge_http_port); }},
    {"EDGE_HTTPS_PORT", "edge.https_port", kPort, "8443", "",
     "The same by TLS. 0: see `DATA_DIR/run/edge.https.port`.",
     [](const Text& text, Settings& into) { return ReadPort(text, into.edge_https_port); }},
    {"EDGE_GRPC_PORT", "edge.grpc_port", kPort, "8881", "",
     "The same for gRPC without TLS. 0: see `DATA_DIR/run/edge.grpc.port`.",
     [](const Text& text, Settings& into) { return ReadPort(text, into.edge_grpc_port); }},
    {"EDGE_ADDRESS", "edge.address", kAddress, "", "127.0.0.1",
     "The one address of the machine that nginx listens on. Not set: all.",
     [](const Text& text, Settings& into) { return ReadAddress(text, into.edge_address); }},
    {"EDGE_NGINX", "edge.nginx", kPath, "/usr/sbin/nginx", "",
     "The program, with Debian's Lua module.",
     [](const Text& text, Settings& into) { return ReadPath(text, into.edge_nginx); }},
    {"EDGE_TEMPLATE", "edge.template", kPath, "", "/etc/grpc-os/nginx.conf.template",
     "A main file of your own for nginx. Not set: the built-in one.",
     [](const Text& text, Settings& into) { return ReadPath(text, into.edge_template); }},
    {"EDGE_TRUSTED_PROXIES", "edge.trusted_proxies",
     "networks with commas between, as in 10.0.0.0/8,192.0.2.1", "", "[10.0.0.0/8, 192.0.2.1]",
     "The proxies before the edge, whose `X-Forwarded-For` and `-Proto` are believed. Not set: "
     "none. In YAML it may be a list.",
     [](const Text& text, Settings& into) { return ReadNetworks(text, into.edge_trusted_proxies); },
     Secrecy::kNone, true},
    {"JWT_SECRET", "", "at least 32 bytes, as from `openssl rand -base64 48`", "", "",
     "Signs tokens. Not set: `JWT_SECRET_FILE`, or a key that the first start makes, in "
     "`DATA_DIR/secrets/jwt.key`.",
     [](const Text& text, Settings& into) {
       return ReadSecret(text, kJwtSecretBytes, text.npos, into.jwt_secret);
     },
     Secrecy::kAlways},
    {"JWT_SECRET_FILE", "auth.jwt_secret_file", kPath, "", "/etc/grpc-os/jwt.secret",
     "The file of the secret that signs tokens, at least 32 bytes, where `JWT_SECRET` itself is "
     "not set. Only the account of grpc-osd may read it.",
     [](const Text& text, Settings& into) { return ReadPath(text, into.jwt_secret_file); },
     Secrecy::kIfWrong},
    {"GRPC_OS_ACCESS_TOKEN_LIFETIME", "auth.access_token_lifetime", "a time from 1m to 24h", "15m",
     "",
     "How long an access token serves until a client renews it. Sessions are checked on every call "
     "all the same.",
     [](const Text& text, Settings& into) {
       return ReadRange(ParseDurationMs(text), kMinuteMs, kDayMs, into.access_token_ms);
     }},
    {"GRPC_OS_SESSION_IDLE", "auth.session_idle", "a time from 10m to 30d", "14d", "",
     "How long a log-in by password may go unused until it ends.",
     [](const Text& text, Settings& into) {
       return ReadRange(ParseDurationMs(text), 10 * kMinuteMs, limits::kSessionMs,
                        into.session_idle_ms);
     }},
    {"GRPC_OS_SESSION_LIFETIME", "auth.session_lifetime", "a time from 10m to 30d", "30d", "",
     "How long a log-in by password lasts in all, however much it is used. API tokens have a "
     "lifetime of their own.",
     [](const Text& text, Settings& into) {
       return ReadRange(ParseDurationMs(text), 10 * kMinuteMs, limits::kSessionMs, into.session_ms);
     }},
    {"GRPC_OS_PASSWORD_BYTES_MIN", "auth.password_bytes_min", "a number from 8 to 64", "12", "",
     "How many bytes a password has at least, of those that are set from now on (NIST SP 800-63B: "
     "no less than 8).",
     [](const Text& text, Settings& into) {
       return ReadNumber(text, 8, 64, into.password_bytes_min);
     }},
    {kAdminPasswordVariable, "", "12 to 1024 bytes, or nothing (then one is generated)", "", "",
     "Of the user `admin` that the first start makes. From the environment alone; in a file it is "
     "refused. Not set: a password of 20 characters made then, in "
     "`DATA_DIR/secrets/admin.password`. `auth.password_bytes_min` does not hold for this first "
     "one.",
     [](const Text& text, Settings& into) {
       return ReadSecret(text, limits::kPasswordBytesMin, limits::kPasswordBytesMax,
                         into.admin_password);
     },
     Secrecy::kAlways},
    {"GRPC_OSD_LOG_LEVEL", "logging.level", "debug, info, warning or error", "info", "",
     "The least that `DATA_DIR/logs/system/osd.jsonl` gets. `log-level` changes it until the next "
     "start.",
     [](const Text& text, Settings& into) { return ReadLevel(text, into.log_level); }},
    {"DEBUG", "", kYesOrNo, "false", "", "true: `GRPC_OSD_LOG_LEVEL` is debug, whatever it says.",
     [](const Text& text, Settings& into) { return ReadYesOrNo(text, into.debug); }},
    {"GRPC_OSD_LOG_SIZE", "logging.file_size", "a size from 64K to 1G", "10M", "",
     "How large `osd.jsonl` may grow until it is rotated; five files of it are kept.",
     [](const Text& text, Settings& into) {
       return ReadRange(ParseBytes(text), int64_t{64} << 10, int64_t{1} << 30, into.log_file_bytes);
     }},
    {"DATA_DIR", "", kText, "", "",
     "Where everything is: read by `make` and the shell; `--data-dir` for the programs.",
     [](const Text& text, Settings& into) {
       into.data_dir = text;
       return true;
     }},
    {"DB_HOST", "", kText, "", "", kDatabase, ReadNothing},
    {"DB_PORT", "", kText, "", "", kDatabase, ReadNothing},
    {"DB_NAME", "", kText, "", "", kDatabase, ReadNothing},
    {"DB_USER", "", kText, "", "", kDatabase, ReadNothing},
    {"DB_PASSWORD", "", kText, "", "", kDatabase, ReadNothing, Secrecy::kAlways},
};

}  // namespace

std::span<const Setting> SettingTable() { return kTable; }

}  // namespace grpc_os::manifest
