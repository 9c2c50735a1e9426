#include "shell/commands/probe_options.h"

#include <google/protobuf/util/time_util.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "manifest/quantity.h"

namespace grpc_os::shell {
namespace {

using google::protobuf::util::TimeUtil;

absl::Status Wrong(const std::string& option, const std::string& text,
                   const std::string& expected) {
  return absl::InvalidArgumentError(
      absl::StrCat("--", option, " is ", text, "; expected: ", expected, "."));
}

bool ReadPort(const std::string& text, int32_t& port) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos &&
         absl::SimpleAtoi(text, &port) && port > 0 && port <= 65'535;
}

// "tcp", "tcp:8081", "http:/health", "http:8081/health". False: it is none of these.
template <typename ProbeOf>
bool ReadTarget(const std::string& text, ProbeOf& probe) {
  const size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  const std::string rest = colon == std::string::npos ? "" : text.substr(colon + 1);
  int32_t port = 0;
  if (kind == "tcp") {
    if (colon != std::string::npos && !ReadPort(rest, port)) return false;
    probe.mutable_tcp()->set_port(port);
    return true;
  }
  const size_t slash = rest.find('/');
  if (kind != "http" || slash == std::string::npos) return false;
  if (slash > 0 && !ReadPort(rest.substr(0, slash), port)) return false;
  probe.mutable_http()->set_path(rest.substr(slash));
  probe.mutable_http()->set_port(port);
  return true;
}

absl::Status SetPort(const std::string& text, v1::ProcessSpec& spec) {
  int32_t port = 0;
  if (text != "auto" && text != "none" && !ReadPort(text, port)) {
    return Wrong("port", text, "a port from 1 to 65535, auto or none");
  }
  spec.set_auto_port(text == "auto");
  spec.set_port(port);
  return absl::OkStatus();
}

absl::Status SetReady(const std::string& text, v1::ReadyProbe& ready) {
  constexpr char kDelay[] = "delay:";
  ready.clear_kind();
  if (text == "default") return absl::OkStatus();
  if (text == "notify") {
    ready.mutable_notify();
  } else if (text.starts_with(kDelay)) {
    const auto ms = manifest::ParseDurationMs(text.substr(sizeof kDelay - 1));
    if (!ms.ok()) return ms.status();
    *ready.mutable_delay() = TimeUtil::MillisecondsToDuration(*ms);
  } else if (!ReadTarget(text, ready)) {
    return Wrong("ready", text, "http:/PATH, tcp, notify, delay:TIME or default");
  }
  return absl::OkStatus();
}

absl::Status SetTime(const std::string& text, google::protobuf::Duration& time) {
  const auto ms = manifest::ParseDurationMs(text);
  if (ms.ok()) time = TimeUtil::MillisecondsToDuration(*ms);
  return ms.status();
}

absl::Status SetLiveness(const Arguments& arguments, v1::ProcessSpec& spec) {
  if (const auto text = arguments.Value("liveness")) {
    if (*text == "none") {
      spec.clear_liveness();
    } else if (!ReadTarget(*text, *spec.mutable_liveness())) {
      return Wrong("liveness", *text, "http:/PATH, tcp or none");
    }
  }
  if (const auto text = arguments.Value("liveness-period")) {
    const auto status = SetTime(*text, *spec.mutable_liveness()->mutable_period());
    if (!status.ok()) return status;
  }
  if (const auto text = arguments.Value("liveness-timeout")) {
    const auto status = SetTime(*text, *spec.mutable_liveness()->mutable_timeout());
    if (!status.ok()) return status;
  }
  if (const auto text = arguments.Value("liveness-failures")) {
    int32_t failures = 0;
    if (!absl::SimpleAtoi(*text, &failures) || failures < 1) {
      return Wrong("liveness-failures", *text, "a number from 1 to 100");
    }
    spec.mutable_liveness()->set_failures(failures);
  }
  return absl::OkStatus();
}

bool HasAny(const Arguments& arguments, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (arguments.Has(name)) return true;
  }
  return false;
}

}  // namespace

std::vector<Option> ProbeOptions() {
  return {
      {"port", 0, "N|auto", "what it listens on, given to it as PORT; auto: a free one"},
      {"ready", 0, "PROBE", "ready when: http:/PATH, tcp, notify (READY=1), delay:TIME"},
      {"ready-timeout", 0, "TIME", "until it is reported as not ready (30s)"},
      {"liveness", 0, "PROBE", "run again when it fails: http:/PATH, tcp, none"},
      {"liveness-period", 0, "TIME", "from one to the next (10s)"},
      {"liveness-timeout", 0, "TIME", "for one answer (5s)"},
      {"liveness-failures", 0, "N", "so many in a row (3)"},
  };
}

absl::Status ApplyProbeOptions(const Arguments& arguments, v1::ProcessSpec& spec,
                               std::vector<std::string>& paths) {
  if (const auto text = arguments.Value("port")) {
    if (auto status = SetPort(*text, spec); !status.ok()) return status;
    paths.insert(paths.end(), {"spec.port", "spec.auto_port"});
  }
  if (const auto text = arguments.Value("ready")) {
    if (auto status = SetReady(*text, *spec.mutable_ready()); !status.ok()) return status;
  }
  if (const auto text = arguments.Value("ready-timeout")) {
    auto status = SetTime(*text, *spec.mutable_ready()->mutable_timeout());
    if (!status.ok()) return status;
  }
  if (HasAny(arguments, {"ready", "ready-timeout"})) paths.push_back("spec.ready");
  if (auto status = SetLiveness(arguments, spec); !status.ok()) return status;
  if (HasAny(arguments, {"liveness", "liveness-period", "liveness-timeout", "liveness-failures"})) {
    paths.push_back("spec.liveness");
  }
  return absl::OkStatus();
}

}  // namespace grpc_os::shell
