// domain.yml: apply and validate.
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/time_util.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/domain_defaults.h"
#include "manifest/domain_manifest.h"
#include "manifest/process_manifest.h"
#include "shell/commands/domain_rows.h"
#include "shell/commands/spec_difference.h"
#include "shell/escape.h"

namespace grpc_os::shell {
namespace {

using google::protobuf::util::TimeUtil;
using manifest::DomainEntry;
using Fields = std::map<std::string, std::string>;  // as the keys of the file

// How long it may take until nginx serves what was stored. Longer, and it is pending.
constexpr std::chrono::milliseconds kServedWithin{5'000};
constexpr std::chrono::milliseconds kLookEvery{100};

std::optional<DomainEntry> Parse(Session& session, const std::string& path,
                                 const std::string& text) {
  std::vector<manifest::Problem> problems;
  auto entry = manifest::ParseDomain(text, problems);
  for (const manifest::Problem& problem : problems)
    session.err() << EscapeForTerminal(manifest::Describe(problem, path)) << '\n';
  return entry;
}

v1::DomainSpec SpecOf(const DomainEntry& entry) {
  v1::DomainSpec spec;
  for (const manifest::DomainRoute& route : entry.routes) {
    v1::DomainRoute& made = *spec.add_routes();
    made.set_path(route.path);
    made.set_strip(route.strip);
    for (const manifest::DomainTarget& target : route.targets) {
      v1::DomainTarget& one = *made.add_targets();
      one.set_process(target.process);
      one.set_port(target.port);
      one.set_weight(target.weight);
    }
  }
  spec.set_grpc(entry.grpc.value_or(false));
  if (entry.hold_ms) *spec.mutable_hold() = TimeUtil::MillisecondsToDuration(*entry.hold_ms);
  if (entry.drain_ms) *spec.mutable_drain() = TimeUtil::MillisecondsToDuration(*entry.drain_ms);
  spec.set_max_body_bytes(entry.max_body_bytes.value_or(0));
  if (entry.read_timeout_ms)
    *spec.mutable_read_timeout() = TimeUtil::MillisecondsToDuration(*entry.read_timeout_ms);
  return spec;
}

// Names of processes by their ids, as far as the domain's status has them.
std::map<std::string, std::string> NamesOf(const v1::Domain& domain) {
  std::map<std::string, std::string> names;
  for (const auto& target : domain.status().targets())
    if (!target.process().empty()) names[target.process_id()] = target.process();
  return names;
}

std::string RouteText(const v1::DomainRoute& route,
                      const std::map<std::string, std::string>& names) {
  std::vector<std::string> targets;
  for (const v1::DomainTarget& target : route.targets()) {
    const auto name = names.find(target.process());
    std::string text = name == names.end() ? target.process() : name->second;
    if (target.port() > 0) absl::StrAppend(&text, ":", target.port());
    if (route.targets_size() > 1)
      absl::StrAppend(&text, " x", target.weight() > 0 ? target.weight() : 1);
    targets.push_back(std::move(text));
  }
  return absl::StrCat(absl::StrJoin(targets, ", "), route.strip() ? " (stripped)" : "");
}

// Exact, where FormatBytes is not.
std::string SizeText(int64_t bytes) {
  constexpr std::pair<const char*, int> kUnits[] = {{"G", 30}, {"M", 20}, {"k", 10}};
  for (const auto& [unit, shift] : kUnits)
    if (bytes >> shift << shift == bytes) return absl::StrCat(bytes >> shift, unit);
  return absl::StrCat(bytes);
}

// With the defaults, so that one that is left out and one that is written are the same.
Fields FieldsOf(const v1::DomainSpec& spec, const std::map<std::string, std::string>& names) {
  Fields fields;
  const auto time = [](bool given, const google::protobuf::Duration& value, int64_t otherwise_ms) {
    return TimeUtil::ToString(given ? value : TimeUtil::MillisecondsToDuration(otherwise_ms));
  };
  const bool grpc = spec.grpc();
  if (spec.api()) return {{"leads to", "the API"}};
  for (const v1::DomainRoute& route : spec.routes())
    fields["path " + (route.path().empty() ? "/" : route.path())] = RouteText(route, names);
  fields["grpc"] = grpc ? "true" : "false";
  fields["hold"] = time(spec.has_hold(), spec.hold(), kDefaultHoldMs);
  fields["drain"] = time(spec.has_drain(), spec.drain(), kDefaultDrainMs);
  fields["read_timeout"] = time(spec.has_read_timeout(), spec.read_timeout(),
                                grpc ? kDefaultGrpcReadTimeoutMs : kDefaultReadTimeoutMs);
  const int64_t most = spec.max_body_bytes() > 0 ? spec.max_body_bytes()
                       : grpc                    ? 0
                                                 : kDefaultMaxBodyBytes;
  fields["max_body"] = most > 0 ? SizeText(most) : "no limit";
  return fields;
}

std::vector<Difference> DifferencesOf(const Fields& were, const Fields& are) {
  Fields all = were;
  all.insert(are.begin(), are.end());
  std::vector<Difference> differences;
  for (const auto& [field, value] : all) {
    Difference one{.field = field, .before = {}, .after = {}};
    if (const auto was = were.find(field); was != were.end()) one.before = was->second;
    if (const auto is = are.find(field); is != are.end()) one.after = is->second;
    if (one.before != one.after) differences.push_back(std::move(one));
  }
  return differences;
}

// "'/api' from 'api'": paths that lead to processes to which the file leads them no more. A path
// that a process of the file leaves by itself is none of these.
std::set<std::string> LossesOf(const v1::DomainSpec& before, const v1::DomainSpec& after,
                               const std::map<std::string, std::string>& names) {
  const auto name_of = [&](const v1::DomainTarget& target) {
    const auto name = names.find(target.process());
    return name == names.end() ? target.process() : name->second;
  };
  std::set<std::string> processes, paths;
  std::set<std::pair<std::string, std::string>> kept;
  for (const v1::DomainRoute& route : after.routes()) {
    paths.insert(route.path());
    for (const v1::DomainTarget& target : route.targets()) {
      processes.insert(name_of(target));
      kept.emplace(route.path(), name_of(target));
    }
  }
  std::set<std::string> losses;
  if (before.api()) losses.insert("'/' from the API");
  for (const v1::DomainRoute& route : before.routes()) {
    for (const v1::DomainTarget& target : route.targets()) {
      const std::string name = name_of(target);
      if (kept.contains({route.path(), name})) continue;
      if (paths.contains(route.path()) || !processes.contains(name))
        losses.insert(absl::StrCat("'", route.path(), "' from '", name, "'"));
    }
  }
  return losses;
}

// As it is once nginx has taken it over or refused it, or when that takes too long.
absl::StatusOr<v1::Domain> WaitServed(Session& session, v1::Domain domain) {
  const auto within = session.timeout_given() ? session.client().timeout() : kServedWithin;
  const auto end = std::chrono::steady_clock::now() + within;
  const int64_t generation = domain.generation();
  while (domain.status().state() == v1::DomainStatus::STATE_PENDING &&
         domain.status().active_generation() != domain.generation() &&
         domain.generation() == generation && std::chrono::steady_clock::now() < end &&
         session.Pause(kLookEvery)) {
    auto now = session.client().GetDomain(domain.name());
    if (!now.ok()) return now;
    domain = *std::move(now);
  }
  return domain;
}

}  // namespace

std::optional<std::string> DomainFileText(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return std::nullopt;
  auto file = manifest::FindProcessFile(path);
  if (!file.ok() || !manifest::IsDomainManifest(file->text)) return std::nullopt;
  return std::move(file->text);
}

ExitCode ValidateDomain(Session& session, const std::string& path, const std::string& text) {
  const auto entry = Parse(session, path, text);
  if (!entry) return ExitCode::kUsage;
  const Fields fields = FieldsOf(SpecOf(*entry), {});
  google::protobuf::Struct object;
  auto& values = *object.mutable_fields();
  values["domain"].set_string_value(entry->name);
  for (const auto& [field, value] : fields) values[field].set_string_value(value);
  session.Show(
      object, entry->name,
      absl::StrCat(entry->name, ": ", absl::StrJoin(fields, "; ", absl::PairFormatter(" "))));
  return ExitCode::kOk;
}

ExitCode ApplyDomain(Session& session, const std::string& path, const std::string& text,
                     bool dry_run, bool replace) {
  const auto entry = Parse(session, path, text);
  if (!entry) return ExitCode::kUsage;
  const auto now = session.client().GetDomain(entry->name);
  if (!now.ok() && !absl::IsNotFound(now.status())) return session.Report(now.status());
  const v1::DomainSpec spec = SpecOf(*entry);
  const auto names = now.ok() ? NamesOf(*now) : std::map<std::string, std::string>();
  const auto differences =
      DifferencesOf(now.ok() ? FieldsOf(now->spec(), names) : Fields(), FieldsOf(spec, names));
  if (now.ok() && differences.empty()) {
    session.Show(*now, now->name(), absl::StrCat(now->name(), ": nothing differs"));
    return ExitCode::kOk;
  }
  if (session.for_people()) {
    session.out() << EscapeForTerminal(entry->name) << (now.ok() ? ":" : ": new") << "\n";
    PrintDifferences(session, differences);
    session.out() << std::flush;
  }
  if (dry_run) {
    session.Show(ToStruct(differences), entry->name, "");
    return ExitCode::kOk;
  }
  const auto losses = now.ok() ? LossesOf(now->spec(), spec, names) : std::set<std::string>();
  if (!losses.empty() && !replace) {
    return session.Report(absl::AlreadyExistsError(
        absl::StrCat("Nothing was changed, because ", absl::StrJoin(losses, ", "),
                     " would be taken away: give `--replace` if that is meant.")));
  }
  v1::Domain wanted;
  wanted.set_name(entry->name);
  *wanted.mutable_spec() = spec;
  absl::StatusOr<v1::Domain> stored;
  if (now.ok()) {
    // What somebody else changed meanwhile is not undone.
    wanted.set_etag(now->etag());
    v1::UpdateDomainRequest request;
    *request.mutable_domain() = wanted;
    stored = session.client().UpdateDomain(request);
  } else {
    v1::CreateDomainRequest request;
    *request.mutable_domain() = wanted;
    stored = session.client().CreateDomain(request);
  }
  if (stored.ok()) stored = WaitServed(session, *std::move(stored));
  if (!stored.ok()) return session.Report(stored.status());
  return ShowServed(session, *stored, entry->routes[0].path);
}

}  // namespace grpc_os::shell
