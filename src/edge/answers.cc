#include "edge/answers.h"

#include <algorithm>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace grpc_os::edge {
namespace {

using Words = std::vector<absl::string_view>;

absl::Status NotOfTheFormat(absl::string_view line) {
  return absl::InternalError(absl::StrCat("nginx answered a line that is not known: ", line));
}

// Calls `read` with the words of each line; ends with the first that it refuses.
template <typename Read>
absl::Status ReadLines(absl::string_view text, Read read) {
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const Words words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.empty() || !read(words)) return NotOfTheFormat(line);
  }
  return absl::OkStatus();
}

bool ReadDomain(const Words& words, core::EdgeTraffic& traffic) {
  constexpr size_t kCounts = 4;  // REQUESTS STREAMS 4XX 5XX
  if (words.size() != 2 + kCounts + core::kLatencyBuckets) return false;
  std::vector<int64_t> numbers(words.size() - 2);
  for (size_t i = 0; i < numbers.size(); ++i)
    if (!absl::SimpleAtoi(words[i + 2], &numbers[i])) return false;
  core::RouteTraffic& one = traffic.domains[std::string(words[1])];
  one.requests = numbers[0];
  one.client_errors = numbers[2];
  one.server_errors = numbers[3];
  one.latencies.assign(numbers.begin() + kCounts, numbers.end());
  return true;
}

bool ReadTarget(const Words& words, core::EdgeTraffic& traffic) {
  int port = 0;
  int64_t requests = 0;
  const size_t colon = words.size() == 5 ? words[2].rfind(':') : absl::string_view::npos;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(words[2].substr(colon + 1), &port) ||
      !absl::SimpleAtoi(words[3], &requests))
    return false;
  traffic.in_flight[port] += requests;
  return true;
}

}  // namespace

std::string EndpointsText(const core::Endpoints& endpoints) {
  using State = core::Endpoints::State;
  if (endpoints.state == State::kOff) return "off";
  std::string text = endpoints.state == State::kUp ? "up" : "away";
  for (const auto& one : endpoints.endpoints)
    absl::StrAppend(&text, " 127.0.0.1:", one.port, ":", one.weight);
  return text;
}

bool Workers::ServesOnly(int64_t generation) const {
  bool any = false;
  for (const Worker& worker : workers) {
    if (!worker.accepting) continue;
    if (worker.generation != generation) return false;
    any = true;
  }
  return any;
}

int Workers::DrainingGenerations() const {
  std::set<int64_t> generations;
  for (const Worker& worker : workers)
    if (!worker.accepting) generations.insert(worker.generation);
  return static_cast<int>(generations.size());
}

absl::StatusOr<Workers> ParseStatus(absl::string_view text) {
  Workers workers;
  absl::Status status = ReadLines(text, [&](const Words& words) {
    if (words[0] == "waiting") return true;
    Workers::Worker worker;
    if (words[0] != "worker" || words.size() != 4 ||
        !absl::SimpleAtoi(words[2], &worker.generation))
      return false;
    worker.accepting = words[3] == "accepting";
    workers.workers.push_back(worker);
    return worker.accepting || words[3] == "draining";
  });
  if (!status.ok()) return status;
  return workers;
}

absl::StatusOr<std::map<std::string, int64_t>> ParseWaiting(absl::string_view text) {
  std::map<std::string, int64_t> waiting;
  absl::Status status = ReadLines(text, [&](const Words& words) {
    if (words[0] != "waiting" || words.size() != 4) return true;
    return absl::SimpleAtoi(words[2], &waiting[std::string(words[1])]);
  });
  if (!status.ok()) return status;
  return waiting;
}

absl::StatusOr<core::EdgeTraffic> ParseTraffic(absl::string_view text) {
  core::EdgeTraffic traffic;
  absl::Status status = ReadLines(text, [&](const Words& words) {
    return words[0] == "domain"   ? ReadDomain(words, traffic)
           : words[0] == "target" ? ReadTarget(words, traffic)
                                  : true;
  });
  if (!status.ok()) return status;
  return traffic;
}

}  // namespace grpc_os::edge
