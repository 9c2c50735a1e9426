// What a person may set, and where: flags go before the environment, then come the .env file and
// /etc/grpc-os/*.yml, then the defaults. One table (settings_table.cc) says what there is.
#ifndef GRPC_OS_MANIFEST_SETTINGS_H_
#define GRPC_OS_MANIFEST_SETTINGS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "manifest/env_file.h"

namespace grpc_os::manifest {

// HS256 wants a key no shorter than its hash: RFC 7518, 3.2.
inline constexpr size_t kJwtSecretBytes = 32;

// A setting as it is in force; see Setting in protos/grpc_os/v1/system_services.proto.
struct SettingInForce {
  std::string name = {};
  std::string key = {};
  std::string value = {};
  bool secret = false;
  bool is_set = false;
  std::string source = {};
};

// Made by ResolveSettings; the defaults are those of the table.
struct Settings {
  int grpc_port = 0;  // 0: any free one, as are the other ports
  int grpc_io_threads = 0;
  std::string grpc_tls_certificate;  // PEM files; both or none
  std::string grpc_tls_key;
  std::string grpc_tls_address;  // numeric
  int grpc_tls_port = 0;
  int http_port = 0;
  int64_t memory_bytes = 0;  // 0: no bound
  int64_t events_kept = 0;   // in revisions
  int process_ports_first = 0;
  int process_ports_last = 0;
  bool held_on_copy = false;
  int edge_http_port = 0;
  int edge_https_port = 0;
  int edge_grpc_port = 0;
  std::string edge_address;  // numeric; empty: all of the machine
  std::string edge_nginx;
  std::string edge_template;  // empty: the built-in one
  std::vector<std::string> edge_trusted_proxies;
  std::string jwt_secret;       // empty: not set
  std::string jwt_secret_file;  // that has it, if `jwt_secret` is not set; empty: not set
  int64_t access_token_ms = 0;
  int64_t session_idle_ms = 0;
  int64_t session_ms = 0;
  int64_t password_bytes_min = 0;  // of one to be set
  std::string admin_password;      // of the admin that the first start makes; empty: not set
  std::string log_level;           // debug, info, warning or error
  int64_t log_file_bytes = 0;
  bool debug = false;    // by which `log_level` is debug
  std::string data_dir;  // empty: not set
  // To be said once at the start; empty: nothing to say.
  std::string warning;
  // All of the table, in its order.
  std::vector<SettingInForce> in_force;
};

// A row of the table.
struct Setting {
  enum class Secrecy { kNone, kIfWrong, kAlways };  // when its value is not to be shown

  const char* name;      // in the environment and in a .env file: "GRPC_PORT"
  const char* key;       // in /etc/grpc-os/*.yml: "grpc.port"; empty: not there
  const char* expected;  // "a number from 1 to 16"
  const char* fallback;  // its default, as it would be written; empty: not set
  const char* example;   // of one that has no default
  const char* what;      // sentences, in Markdown
  // False: not as expected; then `into` is as it was.
  bool (*read)(const std::string& text, Settings& into);
  Secrecy secrecy = Secrecy::kNone;
  bool is_list = false;  // may be a list in YAML; else it has commas between

  bool secret() const { return secrecy == Secrecy::kAlways; }
};

std::span<const Setting> SettingTable();

// ---- Where settings come from

// Those that the environment of this program has.
Variables SettingsInEnvironment();

// Whether a .env file has a secret in it, so that others must not read it. The example's values are
// none.
bool HasSecret(const Variables& env_file);

inline constexpr char kSettingsDirectory[] = "/etc/grpc-os";

// What the files *.yml of a directory say, by the names of settings, and all that is wrong with
// them, each in a line: "/etc/grpc-os/system.yml:3:1: …". Other files are passed over. A key that
// two files have is a problem, unless they agree. A directory that is not there is nothing.
struct SettingsFiles {
  Variables variables = {};
  std::vector<std::string> problems = {};
};
SettingsFiles ReadSettingsDirectory(const std::string& directory);

struct SettingSources {
  Variables flags = {};
  Variables environment = {};
  Variables env_file = {};
  SettingsFiles files = {};
};

// Takes each setting from the first source that has it; one that is empty is not set. The example's
// values of JWT_SECRET and DB_PASSWORD count as not set (the latter makes all of DB_* so), with one
// warning. INVALID_ARGUMENT: all that is wrong with any of the sources, a line each, without a
// secret.
absl::StatusOr<Settings> ResolveSettings(const SettingSources& sources);

// Where a grpc-osd takes its settings from, in this order.
struct SettingPlaces {
  Variables flags = {};
  Variables environment = {};
  std::string env_file = {};  // empty: none
  std::string directory = kSettingsDirectory;
};

// What a grpc-osd starts with, read as this program's effective account may: ResolveSettings of all
// places, and the secret of JWT_SECRET_FILE. Files with secrets have to be private.
absl::StatusOr<Settings> LoadSettings(const SettingPlaces& places);

// ---- What is made of the table for people

// A table of Markdown.
std::string SettingsReference();
// /etc/grpc-os/NAME.yml with every key of `name` ("system", "auth" or "logging") as a comment.
std::string SettingsExample(const std::string& name);

}  // namespace grpc_os::manifest

#endif  // GRPC_OS_MANIFEST_SETTINGS_H_
