#include "manifest/process_keys.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/command.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/signal_name.h"

namespace grpc_os::manifest {
namespace {

constexpr int64_t kHourMs = 3'600'000;

constexpr Form kText = {"text", R"({"type": ["string", "number", "boolean"]})"};
constexpr Form kName = {
    "a letter or digit, then up to 62 letters, digits, '.', '_' or '-'",
    R"({"type": ["string", "number"], "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"})"};
constexpr Form kTexts = {
    "a map of names to text",
    R"({"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}})"};
constexpr Form kSignal = {"a signal such as `TERM`, `INT` or `QUIT`",
                          R"({"type": ["string", "integer"]})"};
constexpr Form kDomainNames = {"a list of host names, such as `www.example.com` or `*.example.com`",
                               R"({"type": "array", "items": {"type": "string"}})"};
constexpr Form kMounts = {
    "a list of `NAME:/PATH` or `NAME:/PATH:shared`",
    R"({"type": "array", "items": {"type": "string", "pattern": "^[^:]+:/[^:]*(:shared)?$"}})"};
constexpr Form kPolicy = {"`always`, `on-failure` or `never`",
                          R"({"enum": ["always", "on-failure", "never"]})"};
constexpr Form kScope = {"`main`, `group` or `all`", R"({"enum": ["main", "group", "all"]})"};
constexpr Form kPortOrAuto = {
    "a number from 1 to 65535, or `auto`",
    R"({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 65535}, {"const": "auto"}]})"};
constexpr Form kPath = {"a path from `/`", R"({"type": "string", "pattern": "^/"})"};
constexpr Form kTrue = {"`true`", R"({"const": true})"};
constexpr Form kCount = {"a number from 1 to 100",
                         R"({"type": "integer", "minimum": 1, "maximum": 100})"};
constexpr Form kReady = {"`notify`, `tcp`, or a map",
                         R"({"anyOf": [{"enum": ["notify", "tcp"]}, $]})"};
constexpr Form kLiveness = {"`tcp`, or a map", R"({"anyOf": [{"const": "tcp"}, $]})"};
constexpr Form kDependencies = {
    "a list of processes, or a map of processes to `started`, `ready` or `completed`",
    R"({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "object", )"
    R"("additionalProperties": {"enum": ["started", "ready", "completed"]}}]})"};
constexpr Form kProcesses = {
    "a map of names to the keys of this table",
    R"({"type": "object", "minProperties": 1, "additionalProperties": #})"};

using Kind = YamlNode::Kind;

// ---- One value of each form

void ReadText(const YamlNode& value, std::string& into, Problems& problems) {
  if (!IsText(value) || value.text.empty()) return AddExpected(problems, value, kText);
  into = value.text;
}

// Of a block, without the newline at its end.
void ReadCommand(const YamlNode& value, std::string& into, Problems& problems) {
  ReadText(value, into, problems);
  if (into.empty()) return;
  if (into.ends_with('\n')) into.pop_back();
  if (const auto words = SplitCommand(into); !words.ok())
    Add(problems, value, std::string(words.status().message()));
}

void ReadName(const YamlNode& value, std::string& into, Problems& problems) {
  if (!IsText(value) || !IsName(value.text)) return AddExpected(problems, value, kName);
  if (LooksLikeId(value.text)) {
    return Add(problems, value,
               absl::StrCat("'", value.text, "' looks like an id; take another name"));
  }
  into = value.text;
}

void ReadTexts(const YamlNode& value, bool variables, std::map<std::string, std::string>& into,
               Problems& problems) {
  if (value.kind != Kind::kMap) return AddExpected(problems, value, kTexts);
  for (const auto& [key, text] : value.entries) {
    const bool good = !key.text.empty() && !absl::ascii_isdigit(key.text[0]) &&
                      std::all_of(key.text.begin(), key.text.end(),
                                  [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
    if (variables && !good)
      Add(problems, key,
          absl::StrCat("'", key.text,
                       "' is no name of a variable; expected: letters, digits and _, "
                       "not beginning with a digit"));
    if (!IsText(text)) {
      AddExpected(problems, text, text.IsNull() ? "text; for empty text write \"\"" : kText.words);
      continue;
    }
    into[key.text] = text.text;
  }
}

void ReadDomainNames(const YamlNode& value, std::vector<std::string>& into, Problems& problems) {
  if (value.kind != Kind::kList) return AddExpected(problems, value, kDomainNames);
  into.clear();
  for (const YamlNode& item : value.items) {
    std::string name;
    ReadDomainName(item, name, problems);
    if (name.empty()) continue;
    if (std::find(into.begin(), into.end(), name) != into.end())
      Add(problems, item, absl::StrCat("'", item.text, "' comes twice"));
    else
      into.push_back(std::move(name));
  }
}

bool LeavesItself(const std::string& path) {
  return absl::StrCat(path, "/").find("/../") != std::string::npos;
}

void ReadMounts(const YamlNode& value, std::vector<VolumeMount>& into, Problems& problems) {
  if (value.kind != Kind::kList) return AddExpected(problems, value, kMounts);
  into.clear();
  for (const YamlNode& item : value.items) {
    VolumeMount mount;
    std::string text = item.text;
    if (text.ends_with(":shared")) {
      mount.shared = true;
      text.resize(text.size() - 7);
    }
    const size_t colon = text.find(':');
    mount.name = text.substr(0, colon);
    if (colon != std::string::npos) mount.path = text.substr(colon + 1);
    if (!IsText(item) || !IsName(mount.name) || mount.path.empty() || mount.path[0] != '/' ||
        LeavesItself(mount.path) || mount.path.find(':') != std::string::npos) {
      AddExpected(problems, item, "`NAME:/PATH` or `NAME:/PATH:shared`, without '..'");
      continue;
    }
    const bool twice = std::any_of(into.begin(), into.end(), [&](const VolumeMount& other) {
      return other.name == mount.name || other.path == mount.path;
    });
    if (twice)
      Add(problems, item, absl::StrCat("the volume or place of '", item.text, "' comes twice"));
    else
      into.push_back(std::move(mount));
  }
}

void ReadDependencies(const YamlNode& value, std::vector<Dependency>& into, Problems& problems) {
  into.clear();
  const auto add = [&](const YamlNode& process, Dependency::Condition condition) {
    if (!IsText(process) || !IsName(process.text)) return AddExpected(problems, process, kName);
    for (const Dependency& other : into) {
      if (other.process == process.text)
        return Add(problems, process, absl::StrCat("'", process.text, "' comes twice"));
    }
    into.push_back({process.text, condition});
  };
  if (value.kind == Kind::kList) {
    for (const YamlNode& item : value.items) add(item, Dependency::Condition::kReady);
  } else if (value.kind == Kind::kMap) {
    for (const auto& [process, word] : value.entries) {
      if (IsText(word) && word.text == "started")
        add(process, Dependency::Condition::kStarted);
      else if (IsText(word) && word.text == "ready")
        add(process, Dependency::Condition::kReady);
      else if (IsText(word) && word.text == "completed")
        add(process, Dependency::Condition::kCompleted);
      else
        AddExpected(problems, word, "`started`, `ready` or `completed`");
    }
  } else {
    AddExpected(problems, value, kDependencies);
  }
}

// ---- Maps with keys of their own

void ReadTcpPort(const YamlNode& value, Probe& probe, Problems& problems) {
  probe.kind = Probe::Kind::kTcp;
  ReadNumber(value, 1, 65535, kPort, probe.port, problems);
}
void ReadHttpPath(const YamlNode& value, Probe& probe, Problems& problems) {
  probe.kind = Probe::Kind::kHttp;
  if (!IsText(value) || !value.text.starts_with('/')) return AddExpected(problems, value, kPath);
  probe.path = value.text;
}
void ReadProbePort(const YamlNode& value, Probe& probe, Problems& problems) {
  ReadNumber(value, 1, 65535, kPort, probe.port, problems);
}

const std::vector<Key<Probe>>& ReadyKeys() {
  static const auto* const keys = new std::vector<Key<Probe>>{
      {{"http", &kPath, "Ready once a GET of this path is answered with 200 to 399.", "/health"},
       ReadHttpPath},
      {{"tcp", &kPort, "Ready once it listens on this port.", "8080"}, ReadTcpPort},
      {{"notify", &kTrue, "Ready once it says READY=1 on $NOTIFY_SOCKET.", "true"},
       [](const YamlNode& value, Probe& probe, Problems& problems) {
         probe.kind = Probe::Kind::kNotify;
         if (!IsText(value) || value.text != "true") AddExpected(problems, value, kTrue);
       }},
      {{"delay", &kTime, "Ready once it has been up for so long; 0s to 1h.", "2s"},
       [](const YamlNode& value, Probe& probe, Problems& problems) {
         probe.kind = Probe::Kind::kDelay;
         ReadTime(value, 0, kHourMs, probe.delay_ms, problems);
       }},
      {{"port", &kPort, "Of `http`. Default: the process's `port`.", "8080"}, ReadProbePort},
      {{"timeout", &kTime, "How long a deploy waits for it; 1s to 1h. Default 30s.", "30s"},
       [](const YamlNode& value, Probe& probe, Problems& problems) {
         ReadTime(value, 1000, kHourMs, probe.timeout_ms, problems);
       }},
  };
  return *keys;
}

const std::vector<Key<Probe>>& LivenessKeys() {
  static const auto* const keys = new std::vector<Key<Probe>>{
      {{"http", &kPath, "Well while a GET of this path is answered with 200 to 399.", "/health"},
       ReadHttpPath},
      {{"tcp", &kPort, "Well while this port takes connections.", "8080"}, ReadTcpPort},
      {{"port", &kPort, "Of `http`. Default: the process's `port`.", "8080"}, ReadProbePort},
      {{"period", &kTime, "From one look to the next; 1s to 1h. Default 10s.", "10s"},
       [](const YamlNode& value, Probe& probe, Problems& problems) {
         ReadTime(value, 1000, kHourMs, probe.period_ms, problems);
       }},
      {{"timeout", &kTime, "How long one answer may take; 1s to 1h. Default 5s.", "5s"},
       [](const YamlNode& value, Probe& probe, Problems& problems) {
         ReadTime(value, 1000, kHourMs, probe.timeout_ms, problems);
       }},
      {{"failures", &kCount, "So many in a row restart it. Default 3.", "3"},
       [](const YamlNode& value, Probe& probe, Problems& problems) {
         ReadNumber(value, 1, 100, kCount, probe.failures, problems);
       }},
  };
  return *keys;
}

// Exactly one of `ways` is among the keys of the map.
void ReadProbe(const YamlNode& value, const std::vector<Key<Probe>>& keys,
               const std::vector<std::string>& ways, Probe& probe, Problems& problems) {
  ReadKeys(keys, value, probe, problems);
  std::vector<std::string> found;
  bool port = false;
  for (const auto& [name, of_it] : value.entries) {
    if (std::find(ways.begin(), ways.end(), name.text) != ways.end()) found.push_back(name.text);
    port = port || name.text == "port";
  }
  if (found.size() != 1) {
    Add(problems, value, absl::StrCat("expected: one of ", absl::StrJoin(ways, ", ")));
  } else if (port && found[0] != "http") {
    Add(problems, value, "`port` is of `http`; leave it out, or write `tcp: PORT`");
  }
}

const std::vector<KeyText>* ReadyTexts() {
  static const auto* const texts = new std::vector<KeyText>(TextsOf(ReadyKeys()));
  return texts;
}
const std::vector<KeyText>* LivenessTexts() {
  static const auto* const texts = new std::vector<KeyText>(TextsOf(LivenessKeys()));
  return texts;
}

const std::vector<Key<ProcessManifest>>& ProcessKeys() {
  using Manifest = ProcessManifest;
  static const auto* const keys = new std::vector<Key<Manifest>>{
      {{"name", &kName, "What the process is called.", "myapp"},
       [](const YamlNode& v, Manifest& m, Problems& p) { ReadName(v, m.name, p); }},
      {{"version", &kText, "Of your program; shown, and nothing else.", "1.0"},
       [](const YamlNode& v, Manifest& m, Problems& p) { ReadText(v, m.version, p); }},
      {{"command", &kText,
        "What is run. Split into words as a shell does, without expansion; for pipes and the like "
        "write sh -c '…'.",
        "python app.py"},
       [](const YamlNode& v, Manifest& m, Problems& p) { ReadCommand(v, m.command, p); }},
      {{"environment", &kTexts, "Variables. Values stay as they are written: 1.0 is \"1.0\".",
        "\n  PORT: 8080\n  DEBUG: false"},
       [](const YamlNode& v, Manifest& m, Problems& p) { ReadTexts(v, true, m.environment, p); }},
      {{"domains", &kDomainNames, "Host names that it answers.", "\n  - myapp.example.com"},
       [](const YamlNode& v, Manifest& m, Problems& p) { ReadDomainNames(v, m.domains, p); }},
      {{"volumes", &kMounts,
        "Directories that outlive it. `/app/…` is the place in its bundle. Of one process alone, "
        "unless shared.",
        "\n  - data:/app/data"},
       [](const YamlNode& v, Manifest& m, Problems& p) { ReadMounts(v, m.volumes, p); }},
      {{"working_dir", &kText,
        "Where it runs: absolute, or in its bundle. Default: the bundle itself.", "."},
       [](const YamlNode& v, Manifest& m, Problems& p) {
         ReadText(v, m.working_dir, p);
         if (LeavesItself("/" + m.working_dir)) AddExpected(p, v, "a path without '..'");
       }},
      {{"user", &kText, "The account that it runs as, of /etc/grpc-os/accounts.", "www-data"},
       [](const YamlNode& v, Manifest& m, Problems& p) { ReadText(v, m.user, p); }},
      {{"restart", &kPolicy, "After which ends it is run again. Default always.", "always"},
       [](const YamlNode& v, Manifest& m, Problems& p) {
         const bool known = v.text == "always" || v.text == "on-failure" || v.text == "never";
         if (!IsText(v) || !known) return AddExpected(p, v, kPolicy);
         m.restart = v.text;
       }},
      {{"stop_signal", &kSignal, "How it is asked to end. Default TERM.", "TERM"},
       [](const YamlNode& v, Manifest& m, Problems& p) {
         if (!IsText(v) || !SignalFrom(v.text).has_value()) return AddExpected(p, v, kSignal);
         m.stop_signal = v.text;
       }},
      {{"stop_scope", &kScope,
        "Who gets that signal: the main process, its process group, or all of it. Default main.",
        "main"},
       [](const YamlNode& v, Manifest& m, Problems& p) {
         const bool known = v.text == "main" || v.text == "group" || v.text == "all";
         if (!IsText(v) || !known) return AddExpected(p, v, kScope);
         m.stop_scope = v.text;
       }},
      {{"stop_timeout", &kTime, "From the signal to SIGKILL; 0s to 1h. Default 10s.", "10s"},
       [](const YamlNode& v, Manifest& m, Problems& p) {
         int64_t ms = 0;
         const size_t before = p.size();
         ReadTime(v, 0, limits::kStopTimeoutMaxMs, ms, p);
         if (p.size() == before) m.stop_timeout_ms = ms;
       }},
      {{"port", &kPortOrAuto,
        "Where it listens; given to it as PORT. auto: a free one. Default: PORT of `environment`.",
        "8080"},
       [](const YamlNode& v, Manifest& m, Problems& p) {
         m.port = 0;
         m.auto_port = IsText(v) && v.text == "auto";
         if (!m.auto_port) ReadNumber(v, 1, 65535, kPortOrAuto, m.port, p);
       }},
      {{"ready", &kReady,
        "When it is ready: notify for a program that says READY=1, as Type=notify of systemd. "
        "Default: READY=1 if it speaks, else its port, else after one second.",
        "\n  http: /health\n  timeout: 30s", ReadyTexts()},
       [](const YamlNode& v, Manifest& m, Problems& p) {
         m.ready = Probe();
         if (v.kind == Kind::kMap)
           return ReadProbe(v, ReadyKeys(), {"http", "tcp", "notify", "delay"}, *m.ready, p);
         if (IsText(v) && v.text == "notify")
           m.ready->kind = Probe::Kind::kNotify;
         else if (!IsText(v) || v.text != "tcp")
           AddExpected(p, v, kReady);
       }},
      {{"liveness", &kLiveness,
        "Looks after it once it is ready, and restarts it when it is not well. Default: nothing.",
        "\n  http: /health\n  period: 10s\n  failures: 3", LivenessTexts()},
       [](const YamlNode& v, Manifest& m, Problems& p) {
         m.liveness = Probe();
         if (v.kind == Kind::kMap)
           return ReadProbe(v, LivenessKeys(), {"http", "tcp"}, *m.liveness, p);
         if (!IsText(v) || v.text != "tcp") AddExpected(p, v, kLiveness);
       }},
      {{"depends_on", &kDependencies,
        "Is started after these, and stopped before them. In a list: once they are ready.",
        "\n  database: ready"},
       [](const YamlNode& v, Manifest& m, Problems& p) { ReadDependencies(v, m.depends_on, p); }},
      {{"release", &kText, "Run once before a deploy takes effect; its failure stops the deploy.",
        "python migrate.py"},
       [](const YamlNode& v, Manifest& m, Problems& p) { ReadCommand(v, m.release, p); }},
      {{"log_max", &kSize, "For all of its log files together; 64K to 64G. Default 50M.", "50M"},
       [](const YamlNode& v, Manifest& m, Problems& p) {
         ReadSize(v, limits::kLogMaxBytesMin, limits::kLogMaxBytesMax, m.log_max_bytes, p);
       }},
      {{"labels", &kTexts, "For your own programs; shown, and nothing else.", "\n  team: web"},
       [](const YamlNode& v, Manifest& m, Problems& p) { ReadTexts(v, false, m.labels, p); }},
      // Read by ParseProcesses.
      {{"processes", &kProcesses,
        "Several over one directory, each with keys of its own. What is said outside of it holds "
        "for each that does not say it itself.",
        ""},
       [](const YamlNode& v, Manifest&, Problems& p) {
         if (v.kind != Kind::kMap || v.entries.empty()) AddExpected(p, v, kProcesses);
       }},
  };
  return *keys;
}

}  // namespace

const std::vector<KeyText>& ProcessKeyTexts() {
  static const auto* const texts = new std::vector<KeyText>(TextsOf(ProcessKeys()));
  return *texts;
}

void ReadProcessKeys(const YamlNode& map, ProcessManifest& manifest, Problems& problems) {
  ReadKeys(ProcessKeys(), map, manifest, problems);
}

}  // namespace grpc_os::manifest
