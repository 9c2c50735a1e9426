#include "manifest/domain_keys.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/domain_name.h"
#include "base/limits.h"
#include "base/utf8.h"

namespace grpc_os::manifest {
namespace {

constexpr Form kDomainName = {"a host name, such as `www.example.com` or `\"*.example.com\"`",
                              R"({"type": "string"})"};
constexpr Form kProcess = {
    "the name or id of a process",
    R"({"type": ["string", "number"], "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"})"};
constexpr Form kWeight = {"a number from 1 to 100",
                          R"({"type": "integer", "minimum": 1, "maximum": 100})"};
constexpr Form kTrueOrFalse = {"`true` or `false`", R"({"type": "boolean"})"};
constexpr Form kTargets = {"a list of maps with the keys process, port and weight",
                           R"({"type": "array", "minItems": 1, "items": $})"};
constexpr Form kPaths = {
    "a map of paths to maps with the keys process, port, targets and strip",
    R"({"type": "object", "minProperties": 1, "propertyNames": {"pattern": "^/"}, )"
    R"("additionalProperties": $})"};

using Kind = YamlNode::Kind;

// A route as far as it is read.
struct Draft {
  DomainTarget only;  // of `process` and `port`
  DomainRoute route;
};

void ReadProcess(const YamlNode& value, std::string& into, Problems& problems) {
  if (!IsText(value) || !IsName(value.text)) return AddExpected(problems, value, kProcess);
  into = value.text;
}

void ReadPort(const YamlNode& value, int& into, Problems& problems) {
  ReadNumber(value, 1, 65535, kPort, into, problems);
}

void ReadTrueOrFalse(const YamlNode& value, bool& into, Problems& problems) {
  if (!IsText(value) || (value.text != "true" && value.text != "false"))
    return AddExpected(problems, value, kTrueOrFalse);
  into = value.text == "true";
}

const std::vector<Key<DomainTarget>>& TargetKeys() {
  using Target = DomainTarget;
  static const auto* const keys = new std::vector<Key<Target>>{
      {{"process", &kProcess, "The process that requests go to.", "web"},
       [](const YamlNode& v, Target& t, Problems& p) { ReadProcess(v, t.process, p); }},
      {{"port", &kPort, "Where it listens. Default: the process's `port`.", "8080"},
       [](const YamlNode& v, Target& t, Problems& p) { ReadPort(v, t.port, p); }},
      {{"weight", &kWeight, "Its share of the requests among the targets. Default 1.", "1"},
       [](const YamlNode& v, Target& t, Problems& p) {
         ReadNumber(v, 1, 100, kWeight, t.weight, p);
       }},
  };
  return *keys;
}

void ReadTargets(const YamlNode& value, std::vector<DomainTarget>& into, Problems& problems) {
  if (value.kind != Kind::kList || value.items.empty())
    return AddExpected(problems, value, kTargets);
  for (const YamlNode& item : value.items) {
    if (item.kind != Kind::kMap) {
      AddExpected(problems, item, "keys such as `process: web`");
      continue;
    }
    DomainTarget target;
    ReadKeys(TargetKeys(), item, target, problems);
    if (FindKey(item, "process") == nullptr) {
      Add(problems, item, "a target needs `process: …`, which says where requests go");
      continue;
    }
    const bool twice = std::any_of(into.begin(), into.end(), [&](const DomainTarget& other) {
      return other.process == target.process && other.port == target.port;
    });
    if (twice && !target.process.empty())
      Add(problems, item, absl::StrCat("the target '", target.process, "' comes twice"));
    into.push_back(std::move(target));
  }
  if (into.size() > limits::kTargetsPerRoute)
    Add(problems, value,
        absl::StrCat("there are ", into.size(), " targets, the limit is ", limits::kTargetsPerRoute,
                     "; leave some out"));
}

const std::vector<KeyText>* TargetTexts() {
  static const auto* const texts = new std::vector<KeyText>(TextsOf(TargetKeys()));
  return texts;
}

const std::vector<Key<Draft>>& RouteKeys() {
  static const auto* const keys = new std::vector<Key<Draft>>{
      {{"process", &kProcess, "The process that requests go to.", "api"},
       [](const YamlNode& v, Draft& d, Problems& p) { ReadProcess(v, d.only.process, p); }},
      {{"port", &kPort, "Where it listens. Default: the process's `port`.", "8080"},
       [](const YamlNode& v, Draft& d, Problems& p) { ReadPort(v, d.only.port, p); }},
      {{"targets", &kTargets, "Several processes that share the requests, instead of `process`.",
        "", TargetTexts()},
       [](const YamlNode& v, Draft& d, Problems& p) { ReadTargets(v, d.route.targets, p); }},
      {{"strip", &kTrueOrFalse,
        "The process sees the rest of the path: /api/users as /users. Default false.", "true"},
       [](const YamlNode& v, Draft& d, Problems& p) { ReadTrueOrFalse(v, d.route.strip, p); }},
  };
  return *keys;
}

const std::vector<KeyText>* RouteTexts() {
  static const auto* const texts = new std::vector<KeyText>(TextsOf(RouteKeys()));
  return texts;
}

// Makes the route whole, once the keys of `map` are read.
DomainRoute Finish(const YamlNode& map, Draft draft, Problems& problems) {
  const YamlNode* const process = FindKey(map, "process");
  const YamlNode* const port = FindKey(map, "port");
  if (FindKey(map, "targets") == nullptr) {
    if (process == nullptr)
      Add(problems, map, "`process: …` is missing, which says where requests go");
    draft.route.targets.push_back(std::move(draft.only));
  } else if (process != nullptr || port != nullptr) {
    Add(problems, process != nullptr ? *process : *port,
        "there are targets too; write it as one of them");
  }
  return std::move(draft.route);
}

void ReadPaths(const YamlNode& value, std::vector<DomainRoute>& into, Problems& problems) {
  if (value.kind != Kind::kMap || value.entries.empty())
    return AddExpected(problems, value, kPaths);
  for (const auto& [path, keys] : value.entries) {
    if (const std::string problem = RoutePathProblem(path.text); !problem.empty())
      Add(problems, path, absl::StrCat("the path '", TruncateUtf8(path.text, 60), "' ", problem));
    if (keys.kind != Kind::kMap) {
      AddExpected(problems, keys, "keys such as `process: web`");
      continue;
    }
    Draft draft;
    ReadKeys(RouteKeys(), keys, draft, problems);
    draft.route.path = path.text;
    into.push_back(Finish(keys, std::move(draft), problems));
  }
}

struct Drafted {
  DomainEntry entry;
  Draft root;  // of "/"
};

const std::vector<Key<Drafted>>& DomainKeys() {
  static const auto* const keys = new std::vector<Key<Drafted>>{
      {{"domain", &kDomainName,
        "Its name. A * as the first label is every name with one label more.", "example.com"},
       [](const YamlNode& v, Drafted& d, Problems& p) { ReadDomainName(v, d.entry.name, p); }},
      {{"process", &kProcess, "The process that requests go to.", "myapp"},
       [](const YamlNode& v, Drafted& d, Problems& p) { ReadProcess(v, d.root.only.process, p); }},
      {{"port", &kPort, "Where it listens. Default: the process's `port`.", "8080"},
       [](const YamlNode& v, Drafted& d, Problems& p) { ReadPort(v, d.root.only.port, p); }},
      {{"targets", &kTargets, "Several processes that share the requests, instead of `process`.",
        "", TargetTexts()},
       [](const YamlNode& v, Drafted& d, Problems& p) { ReadTargets(v, d.root.route.targets, p); }},
      {{"paths", &kPaths,
        "Paths whose requests go elsewhere. A path covers what is below it; the longest that fits "
        "is taken.",
        "\n  /api:\n    process: api\n    strip: true\n  /shop:\n    targets:\n"
        "      - process: shop\n        weight: 9\n      - process: shop-next\n        port: 8081",
        RouteTexts()},
       [](const YamlNode& v, Drafted& d, Problems& p) { ReadPaths(v, d.entry.routes, p); }},
      {{"grpc", &kTrueOrFalse,
        "The processes speak gRPC, which is HTTP/2 without TLS. Default false.", "false"},
       [](const YamlNode& v, Drafted& d, Problems& p) {
         ReadTrueOrFalse(v, d.entry.grpc.emplace(), p);
       }},
      {{"hold", &kTime,
        "How long a request waits for a process that is away; 0s to 5m. Default 30s.", "30s"},
       [](const YamlNode& v, Drafted& d, Problems& p) {
         ReadTime(v, 0, limits::kDomainHoldMaxMs, d.entry.hold_ms.emplace(), p);
       }},
      {{"drain", &kTime,
        "How long a stop of a process waits for the requests that it has; 0s to 1m. Default 10s.",
        "10s"},
       [](const YamlNode& v, Drafted& d, Problems& p) {
         ReadTime(v, 0, limits::kDomainDrainMaxMs, d.entry.drain_ms.emplace(), p);
       }},
      {{"max_body", &kSize, "Of a request's body; 1 to 5G. Default 10M, and with `grpc` no limit.",
        "10M"},
       [](const YamlNode& v, Drafted& d, Problems& p) {
         ReadSize(v, 1, limits::kDomainBodyBytesMax, d.entry.max_body_bytes.emplace(), p);
       }},
      {{"read_timeout", &kTime,
        "How long a process may be silent while it answers; 1s to 24h. Default 60s, and with "
        "`grpc` 1h.",
        "60s"},
       [](const YamlNode& v, Drafted& d, Problems& p) {
         ReadTime(v, limits::kDomainReadTimeoutMinMs, limits::kDomainReadTimeoutMaxMs,
                  d.entry.read_timeout_ms.emplace(), p);
       }},
  };
  return *keys;
}

}  // namespace

const std::vector<KeyText>& DomainKeyTexts() {
  static const auto* const texts = new std::vector<KeyText>(TextsOf(DomainKeys()));
  return *texts;
}

DomainEntry ReadDomain(const YamlNode& map, Problems& problems) {
  Drafted drafted;
  ReadKeys(DomainKeys(), map, drafted, problems);
  DomainEntry& entry = drafted.entry;
  if (const YamlNode* const name = FindKey(map, "domain"); name != nullptr) {
    entry.line = name->line;
    entry.column = name->column;
  } else {
    Add(problems, map, "`domain: …` is missing");
  }
  const YamlNode* const paths = FindKey(map, "paths");
  const bool has_root = FindKey(map, "process") != nullptr || FindKey(map, "port") != nullptr ||
                        FindKey(map, "targets") != nullptr;
  if (has_root || paths == nullptr) {
    if (const YamlNode* const root = paths == nullptr ? nullptr : FindKey(*paths, "/"))
      Add(problems, *root,
          "the path '/' is what stands outside of the paths; leave one of them out");
    entry.routes.insert(entry.routes.begin(), Finish(map, std::move(drafted.root), problems));
  }
  if (entry.routes.size() > limits::kRoutesPerDomain)
    Add(problems, *paths,
        absl::StrCat("there are ", entry.routes.size(), " paths, the limit is ",
                     limits::kRoutesPerDomain, "; leave some out"));
  return std::move(entry);
}

}  // namespace grpc_os::manifest
