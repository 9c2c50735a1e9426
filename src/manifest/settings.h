// What a person may set: see .env.example.
#ifndef GRPC_OS_MANIFEST_SETTINGS_H_
#define GRPC_OS_MANIFEST_SETTINGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/limits.h"
#include "manifest/env_file.h"

namespace grpc_os::manifest {

struct Settings {
  int grpc_port = 50051;    // GRPC_PORT, 0 to 65535; 0: any free one
  int http_port = 50052;    // HTTP_PORT, the same
  int grpc_io_threads = 1;  // GRPC_IO_THREADS, 1 to 16
  // GRPC_TLS_CERTIFICATE and GRPC_TLS_KEY, absolute: PEM files; both or none. With them the API is
  // also served by TLS, at GRPC_TLS_ADDRESS (numeric) and GRPC_TLS_PORT (0: any free one).
  std::string grpc_tls_certificate;
  std::string grpc_tls_key;
  std::string grpc_tls_address = "0.0.0.0";
  int grpc_tls_port = 50443;
  std::string jwt_secret;  // JWT_SECRET, at least 32 bytes; empty: not set
  // GRPC_OS_ADMIN_PASSWORD, 12 to 1024 bytes, of the environment alone; empty: not set. Of the
  // admin that the first start makes.
  std::string admin_password;
  bool debug = false;  // DEBUG
  // GRPC_OSD_MEMORY: what grpc-osd may take at most; 0: no bound.
  int64_t memory_bytes = int64_t{512} << 20;
  int64_t events_kept = limits::kRevisionsKept;  // EVENTS_KEPT, in revisions
  bool held_on_copy = true;                      // HELD_ON_COPY
  // PROCESS_PORTS, "FIRST-LAST": where the ports of processes that want any come from.
  int process_ports_first = 20'000;
  int process_ports_last = 32'000;
  // What the edge listens on: EDGE_HTTP_PORT, EDGE_HTTPS_PORT, EDGE_GRPC_PORT; 0: any free one.
  int edge_http_port = 8880;
  int edge_https_port = 8443;
  int edge_grpc_port = 8881;
  std::string edge_address;                    // EDGE_ADDRESS, numeric; empty: all of the machine
  std::string edge_nginx = "/usr/sbin/nginx";  // EDGE_NGINX, absolute
  std::string edge_template;                   // EDGE_TEMPLATE, absolute; empty: the built-in one
  // EDGE_TRUSTED_PROXIES, networks with commas between: whose X-Forwarded-For counts.
  std::vector<std::string> edge_trusted_proxies;
  std::string data_dir;  // DATA_DIR; empty: not set
  // To be said once at the start; empty: nothing to say.
  std::string warning;
};

// Whether a file of settings has a secret in it, so that others must not read it. The example's
// values are none.
bool HasSecret(const Variables& env_file);

// The names that Settings are resolved from.
const std::vector<std::string>& SettingNames();

// Those of SettingNames() that the environment of this program has.
Variables SettingsInEnvironment();

// Takes each setting from `environment`, else from `env_file`, else its default; one that is empty
// is not set. The example's values of JWT_SECRET and DB_PASSWORD count as not set (the latter makes
// all of DB_* so), with one warning. INVALID_ARGUMENT: a value is malformed. FAILED_PRECONDITION:
// DB_* asks for MariaDB, or the admin's password is in a file. Neither shows a secret.
absl::StatusOr<Settings> ResolveSettings(const Variables& environment, const Variables& env_file);

}  // namespace grpc_os::manifest

#endif  // GRPC_OS_MANIFEST_SETTINGS_H_
