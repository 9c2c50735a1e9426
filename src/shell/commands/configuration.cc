// What is configured, and whether files of settings can be used.
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "grpc_os/v1/system_services.pb.h"
#include "manifest/settings.h"
#include "manifest/suggest.h"
#include "shell/commands/kinds.h"
#include "shell/escape.h"
#include "shell/parser.h"
#include "shell/session.h"

namespace grpc_os::shell {
namespace {

// Of grpc-osd, where the package is installed: deploy/systemd/grpc-os.service.
constexpr char kPackageAccount[] = "grpc-os";

// The keys, and the names of those that have none.
const WordKind& SettingWord() {
  static const auto* const words = [] {
    auto* all = new std::string();
    for (const manifest::Setting& setting : manifest::SettingTable())
      absl::StrAppend(all, *setting.key != 0 ? setting.key : setting.name, " ");
    return all;
  }();
  static const WordKind kind = {.words = *words};
  return kind;
}

Cell ValueOf(const v1::Setting& setting) {
  if (!setting.is_set()) return {"-", Style::kDim};
  if (setting.secret()) return {"(secret)", Style::kDim};
  return setting.value();
}

Cell SourceOf(const v1::Setting& setting) {
  if (!setting.is_set()) return {"-", Style::kDim};
  return {setting.source(), setting.source() == "default" ? Style::kDim : Style::kPlain};
}

ResourceView<v1::Setting> View() {
  return {.name = [](const auto& setting) { return setting.name(); },
          .columns = {{"SETTING", [](const auto& setting) { return setting.name(); }},
                      {"KEY",
                       [](const auto& setting) {
                         return setting.key().empty() ? Cell("-", Style::kDim) : setting.key();
                       }},
                      {"VALUE", ValueOf},
                      {"SOURCE", SourceOf}}};
}

// Those that `words` name; all where there are none.
absl::StatusOr<v1::GetConfigurationResponse> Named(const v1::GetConfigurationResponse& all,
                                                   const std::vector<std::string>& words) {
  if (words.empty()) return all;
  v1::GetConfigurationResponse named;
  for (const std::string& word : words) {
    std::vector<std::string> names;
    const int before = named.settings_size();
    for (const v1::Setting& setting : all.settings()) {
      if (absl::AsciiStrToUpper(word) == setting.name() || (word == setting.key() && !word.empty()))
        *named.add_settings() = setting;
      names.push_back(setting.name());
      names.push_back(setting.key());
    }
    if (named.settings_size() > before) continue;
    const std::string nearest = manifest::Nearest(word, names);
    return absl::NotFoundError(absl::StrCat("There is no setting ", word, ". ",
                                            nearest.empty()
                                                ? "`config show` lists them."
                                                : absl::StrCat("Did you mean `", nearest, "`?")));
  }
  return named;
}

ExitCode RunShow(Session& session, const Arguments& arguments) {
  const auto all = session.client().GetConfiguration();
  if (!all.ok()) return session.Report(all.status());
  return session.ShowList(View(), Named(*all, arguments.positional()));
}

struct Account {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

std::optional<Account> FindAccount(const std::string& name) {
  std::vector<char> buffer(16384);
  passwd entry{};
  passwd* found = nullptr;
  getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) return std::nullopt;
  return Account{name, entry.pw_uid, entry.pw_gid};
}

// What a grpc-osd of that account would start with. Our own ids are as before afterwards.
absl::StatusOr<manifest::Settings> LoadAs(const Account& account,
                                          const manifest::SettingPlaces& places) {
  if (account.uid == geteuid()) return manifest::LoadSettings(places);
  if (geteuid() != 0) {
    return absl::PermissionDeniedError(
        absl::StrCat("only root can check what the account ", account.name, " can read"));
  }
  const gid_t own_group = getegid();
  std::vector<gid_t> own_groups(static_cast<size_t>(getgroups(0, nullptr)));
  (void)getgroups(static_cast<int>(own_groups.size()), own_groups.data());
  const bool is_other = initgroups(account.name.c_str(), account.gid) == 0 &&
                        setegid(account.gid) == 0 && seteuid(account.uid) == 0;
  absl::StatusOr<manifest::Settings> settings =
      is_other ? manifest::LoadSettings(places)
               : absl::ErrnoToStatus(errno, absl::StrCat("cannot act as ", account.name));
  if (seteuid(0) != 0 || setegid(own_group) != 0 ||
      setgroups(own_groups.size(), own_groups.data()) != 0)
    std::abort();
  return settings;
}

// As grpc-osd would take them, without the environment and the flags that it is given.
ExitCode RunCheck(Session& session, const Arguments& arguments) {
  manifest::SettingPlaces places{.env_file = arguments.Value("env-file").value_or("")};
  if (!arguments.positional().empty()) places.directory = arguments.positional()[0];
  const std::string& directory = places.directory;
  std::error_code error;
  if (!std::filesystem::exists(directory, error))
    return session.Report(absl::NotFoundError(absl::StrCat("There is no ", directory, ".")));
  const auto user = arguments.Value("user");
  std::optional<Account> account;
  if (user) {
    account = FindAccount(*user);
    if (!account)
      return session.Report(absl::NotFoundError(absl::StrCat("There is no account ", *user, ".")));
  } else if (geteuid() == 0 && arguments.positional().empty()) {
    account = FindAccount(kPackageAccount);
  }
  const auto settings = account ? LoadAs(*account, places) : manifest::LoadSettings(places);
  if (!settings.ok()) {
    for (const absl::string_view problem : absl::StrSplit(settings.status().message(), '\n'))
      session.err() << EscapeForTerminal(std::string(problem)) << '\n';
    return ExitCode::kUsage;
  }
  v1::GetConfigurationResponse set;
  for (const manifest::SettingInForce& setting : settings->in_force) {
    if (!setting.is_set || setting.source == "default") continue;
    v1::Setting* const to = set.add_settings();
    to->set_name(setting.name);
    to->set_key(setting.key);
    to->set_value(setting.value);
    to->set_secret(setting.secret);
    to->set_is_set(true);
    to->set_source(setting.source);
  }
  if (!settings->warning.empty()) session.err() << "warning: " << settings->warning << '\n';
  if (set.settings().empty()) {
    session.Show(set, "", absl::StrCat("nothing is wrong in ", directory, ", and nothing is set"));
  } else {
    session.ShowList(View(), set);
  }
  return ExitCode::kOk;
}

}  // namespace

std::vector<Command> ConfigurationCommands() {
  return {
      {.name = "config show",
       .aliases = {"config ls", "config list"},
       .synopsis = "[SETTING…]",
       .arguments = {&SettingWord()},
       .summary = "Show each setting of the daemon, its value and where that is from",
       .details =
           "SETTING is a key (grpc.port) or the name of a variable (GRPC_PORT). The source is a\n"
           "flag, the environment, a file and its line, or `default`. Secrets are never shown.\n",
       .examples = {"config show", "config show grpc.port", "config show -o json"},
       .run = RunShow},
      {.name = "config check",
       .synopsis = "[DIR]",
       .arguments = {&kLocalFileWord},
       .summary = "Check files of settings before the daemon reads them at its next start",
       .details =
           "DIR is /etc/grpc-os, unless you name another. Needs no daemon. Prints all that is\n"
           "wrong as FILE:LINE:COLUMN: … (exit code 2), else what the files set. Files with\n"
           "secrets must be there and be private. What grpc-osd gets by flags and its environment\n"
           "is not known here. The keys: docs/CONFIGURATION.md.\n"
           "Checks what you can read; as root, what the account of grpc-osd can: without DIR that\n"
           "is `grpc-os`, the package's, if there is one.\n",
       .options = {{"env-file", 0, "FILE", "with the settings of this .env file", false,
                    &kLocalFileWord},
                   {"user", 0, "NAME", "as grpc-osd that runs as NAME reads them (needs root)"}},
       .examples = {"config check", "config check ./config/default --env-file .env",
                    "config check /srv/settings --user grpc-os"},
       .most = 1,
       .needs_daemon = false,
       .run = RunCheck},
  };
}

}  // namespace grpc_os::shell
