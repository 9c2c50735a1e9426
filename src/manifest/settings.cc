#include "manifest/settings.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/secret_file.h"
#include "base/setting_names.h"

namespace grpc_os::manifest {
namespace {

constexpr size_t kProblemsShown = 20;

// Whether it is the value of .env.example, which counts as not set.
bool IsExample(std::string_view name, std::string_view value) {
  return (name == "JWT_SECRET" && value == "your_secret_key") ||
         (name == "DB_PASSWORD" && value == "secure_password");
}

bool IsOfDatabase(std::string_view name) { return name.starts_with("DB_"); }

// What came, fit for a message.
std::string Shown(const std::string& value) {
  constexpr size_t kShownBytes = 40;
  std::string shown = absl::CHexEscape(value.substr(0, kShownBytes));
  if (value.size() > kShownBytes) shown += "…";
  return absl::StrCat("\"", shown, "\"");
}

// Goes through the sources, one setting after the other.
class Resolver {
 public:
  explicit Resolver(const SettingSources& sources)
      : sources_(sources), problems_(sources.files.problems) {}

  absl::StatusOr<Settings> Resolve() {
    for (const Setting& setting : SettingTable()) Take(setting);
    CheckDatabase();
    CheckTogether();
    if (!problems_.empty()) return Refusal();
    if (settings_.debug) {
      settings_.log_level = "debug";
      InForce("GRPC_OSD_LOG_LEVEL").value = settings_.log_level;
      InForce("GRPC_OSD_LOG_LEVEL").source = InForce("DEBUG").source;
    }
    if (!unedited_.empty()) {
      settings_.warning = absl::StrCat(
          "The example's values count as not set: ", absl::StrJoin(unedited_, ", "), ".");
    }
    return std::move(settings_);
  }

 private:
  // A wrong value is a problem even where another source goes before it.
  void Take(const Setting& setting) {
    SettingInForce in_force{.name = setting.name, .key = setting.key, .secret = setting.secret()};
    const auto set = [&](const Given& given) {
      in_force.value = setting.secret() ? "" : given.value;
      in_force.is_set = true;
      in_force.source = given.source;
    };
    if (*setting.fallback != 0) {
      setting.read(setting.fallback, settings_);
      set({setting.fallback, "default"});
    }
    bool example = false;
    for (const Variables* source :
         {&sources_.files.variables, &sources_.env_file, &sources_.environment, &sources_.flags}) {
      const auto found = source->find(setting.name);
      if (found == source->end() || found->second.value.empty()) continue;
      const Given& given = found->second;
      if (IsExample(setting.name, given.value)) {
        example = true;
      } else if (setting.name == std::string_view(kAdminPasswordVariable) &&
                 source != &sources_.environment) {
        // A file stays, and would be taken for the place to change the password.
        problems_.push_back(absl::StrCat(
            given.source, ": ", setting.name,
            " is taken from the environment alone, at the first start; remove the line"));
      } else if (setting.read(given.value, settings_)) {
        set(given);
      } else {
        AddWrong(setting, given, source);
      }
    }
    if (example && !in_force.is_set) {
      unedited_.push_back(
          absl::StrCat(setting.name, IsOfDatabase(setting.name)
                                         ? " (all of DB_* is ignored, embedded SQLite is used)"
                                         : " (another key is used)"));
    }
    if (IsOfDatabase(setting.name) && in_force.is_set) database_.push_back(setting.name);
    database_ignored_ = database_ignored_ || (example && IsOfDatabase(setting.name));
    settings_.in_force.push_back(std::move(in_force));
  }

  void AddWrong(const Setting& setting, const Given& given, const Variables* source) {
    std::string what = source == &sources_.files.variables ? setting.key : setting.name;
    std::string where;
    if (source == &sources_.flags) {
      what = given.source;
    } else if (source == &sources_.environment) {
      where = " in the environment";
    } else {
      what = absl::StrCat(given.source, ": ", what);
    }
    problems_.push_back(
        setting.secrecy == Setting::Secrecy::kNone
            ? absl::StrCat(what, " is ", Shown(given.value), where, "; expected ", setting.expected)
            : absl::StrCat(what, " has ", given.value.size(), " bytes", where, "; expected ",
                           setting.expected));
  }

  SettingInForce& InForce(std::string_view name) {
    return *absl::c_find_if(settings_.in_force,
                            [&](const SettingInForce& setting) { return setting.name == name; });
  }

  void CheckDatabase() {
    const bool password = absl::c_linear_search(database_, "DB_PASSWORD");
    if (database_.empty()) return;
    if (database_ignored_ && !password) {
      for (SettingInForce& setting : settings_.in_force) {
        if (!IsOfDatabase(setting.name)) continue;
        setting.value.clear();
        setting.source.clear();
        setting.is_set = false;
      }
      return;
    }
    problems_.push_back(absl::StrCat(
        absl::StrJoin(database_, ", "), database_.size() == 1 ? " asks" : " ask",
        " for a MariaDB database, and MariaDB support is not there yet. Remove the DB_* settings "
        "to use embedded SQLite."));
  }

  void CheckTogether() {
    if (settings_.grpc_tls_certificate.empty() != settings_.grpc_tls_key.empty()) {
      problems_.push_back(
          "GRPC_TLS_CERTIFICATE (grpc.tls.certificate) and GRPC_TLS_KEY (grpc.tls.key) belong "
          "together, and one of them is not set");
    }
    const int ports[] = {settings_.edge_http_port, settings_.edge_https_port,
                         settings_.edge_grpc_port};
    for (int i = 0; i < 3; ++i) {
      if (ports[i] == 0 || ports[i] != ports[(i + 1) % 3]) continue;
      problems_.push_back(absl::StrCat(
          "EDGE_HTTP_PORT, EDGE_HTTPS_PORT and EDGE_GRPC_PORT are three ports; two of them are ",
          ports[i]));
      return;
    }
  }

  absl::Status Refusal() {
    const size_t more = problems_.size() - std::min(problems_.size(), kProblemsShown);
    problems_.resize(problems_.size() - more);
    if (more > 0) problems_.push_back(absl::StrCat("… and ", more, " more"));
    return absl::InvalidArgumentError(absl::StrJoin(problems_, "\n"));
  }

  const SettingSources& sources_;
  Settings settings_;
  std::vector<std::string> problems_;
  std::vector<std::string> unedited_;
  std::vector<std::string> database_;  // names of it that are set
  bool database_ignored_ = false;
};

// Where JWT_SECRET itself is not set, that of its file.
absl::Status ReadJwtSecret(Settings& settings) {
  constexpr char kWhat[] = "the file of JWT_SECRET_FILE";
  const std::string& path = settings.jwt_secret_file;
  if (path.empty() || !settings.jwt_secret.empty()) return absl::OkStatus();
  auto found = ReadSecretFile(path, kWhat);
  if (!found.ok()) return found.status();
  if (!found->has_value())
    return absl::NotFoundError(absl::StrCat(kWhat, " ", path, " does not exist"));
  settings.jwt_secret = **std::move(found);
  absl::StripTrailingAsciiWhitespace(&settings.jwt_secret);
  if (settings.jwt_secret.size() >= kJwtSecretBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      kWhat, " ", path, " has a secret of ", settings.jwt_secret.size(),
      " bytes; expected at least ", kJwtSecretBytes, ", as from `openssl rand -base64 48`"));
}

}  // namespace

bool HasSecret(const Variables& env_file) {
  return absl::c_any_of(SettingTable(), [&](const Setting& setting) {
    const auto found = env_file.find(setting.name);
    return setting.secret() && found != env_file.end() && !found->second.value.empty() &&
           !IsExample(setting.name, found->second.value);
  });
}

Variables SettingsInEnvironment() {
  Variables variables;
  for (const Setting& setting : SettingTable()) {
    if (const char* value = std::getenv(setting.name); value != nullptr)
      variables[setting.name] = {value, "environment"};
  }
  return variables;
}

absl::StatusOr<Settings> ResolveSettings(const SettingSources& sources) {
  return Resolver(sources).Resolve();
}

absl::StatusOr<Settings> LoadSettings(const SettingPlaces& places) {
  SettingSources sources{.flags = places.flags,
                         .environment = places.environment,
                         .files = ReadSettingsDirectory(places.directory)};
  if (!places.env_file.empty()) {
    auto parsed = ReadEnvFile(places.env_file);
    if (!parsed.ok()) return parsed.status();
    sources.env_file = *std::move(parsed);
  }
  auto settings = ResolveSettings(sources);
  if (!settings.ok()) return settings.status();
  if (HasSecret(sources.env_file)) {
    absl::Status status =
        CheckPrivateFile(places.env_file, "the file of settings, which has a secret in it,");
    if (!status.ok()) return status;
  }
  if (absl::Status status = ReadJwtSecret(*settings); !status.ok()) return status;
  return settings;
}

}  // namespace grpc_os::manifest
