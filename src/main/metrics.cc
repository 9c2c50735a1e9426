#include "main/metrics.h"

#include <limits>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/version.h"
#include "gateway/self_metrics.h"

namespace grpc_os {
namespace {

using gateway::Exposition;
using services::RpcCounters;

std::vector<double> Seconds(std::span<const int64_t> microseconds) {
  std::vector<double> seconds;
  for (const int64_t one : microseconds) seconds.push_back(static_cast<double>(one) / 1e6);
  return seconds;
}

double Load(const std::atomic<int64_t>& number) {
  return static_cast<double>(number.load(std::memory_order_relaxed));
}

}  // namespace

void Metrics::Serve(const std::shared_ptr<gateway::HttpExchange>& exchange) const {
  parts_.storage.Measure([this, exchange](const absl::StatusOr<core::StorageUsage>& storage) {
    parts_.scheduler.Post([this, exchange, storage] {
      exchange->Answer([this, storage, processes = CountProcesses(), disk = parts_.disk.Look(),
                        domains = parts_.domains(),
                        unsaved = parts_.processes.TotalUnsaved().reports] {
        Exposition page;
        AddBuild(page);
        AddCalls(page);
        AddTransport(page);
        AddProcesses(processes, page);
        AddStore(page);
        AddDisk(disk, unsaved, page);
        AddDomains(domains, page);
        if (storage.ok()) AddStorage(*storage, page);
        gateway::AddSelfMetrics(page);
        return gateway::HttpResponse{.content_type = gateway::kExpositionType, .body = page.Take()};
      });
    });
  });
}

Metrics::CountByState Metrics::CountProcesses() const {
  CountByState count{};
  for (const core::Process* process : parts_.processes.List("", std::numeric_limits<int>::max()))
    ++count[static_cast<size_t>(parts_.processes.NewestStatus(*process).state)];
  return count;
}

void Metrics::AddBuild(Exposition& page) const {
  page.Gauge("grpcos_build_info", "1; what was built.");
  page.Add({{"version", kVersion}}, 1);
}

void Metrics::AddCalls(Exposition& page) const {
  const RpcCounters& counters = parts_.environment.counters;
  const auto& methods = parts_.environment.methods.all();
  page.Counter("grpc_server_calls_total", "Calls that ended, by method and status.");
  for (const auto& method : methods) {
    for (int code = 0; code < RpcCounters::kCodes; ++code) {
      const int64_t count = counters.Get(method.index, code);
      // OK is always there, so that a rate has something to start from.
      if (count == 0 && code != 0) continue;
      const std::string status = absl::StatusCodeToString(static_cast<absl::StatusCode>(code));
      page.Add({{"grpc_method", method.full_name}, {"grpc_status", status}},
               static_cast<double>(count));
    }
  }
  static const std::vector<double> bounds = Seconds(RpcCounters::kBoundsUs);
  page.Histogram("grpc_server_call_duration_seconds",
                 "Time from a call's arrival to its end; of a stream, how long it was open.");
  for (const auto& method : methods) {
    const auto durations = counters.GetDurations(method.index);
    page.AddHistogram({{"grpc_method", method.full_name}}, bounds, durations.counts,
                      static_cast<double>(durations.sum_us) / 1e6);
  }
  page.Gauge("grpcos_calls_in_flight", "Unary calls that have not ended.");
  page.Add(parts_.environment.admission.calls());
  page.Gauge("grpcos_streams_open", "Streams that have not ended.");
  page.Add(parts_.environment.admission.streams());
}

void Metrics::AddTransport(Exposition& page) const {
  const transport::Counters& counters = parts_.transport.counters();
  page.Gauge("grpcos_grpc_connections", "Connections that are open.");
  page.Add(parts_.transport.connections());
  page.Gauge("grpcos_grpc_streams", "Streams of HTTP/2 that are open.");
  page.Add(Load(counters.streams_open));
  page.Gauge("grpcos_grpc_waiting_bytes", "Bytes of requests and answers that wait.");
  page.Add(static_cast<double>(parts_.transport.bytes()));
  page.Counter("grpcos_grpc_connections_total", "Connections that were accepted.");
  page.Add(Load(counters.connections_accepted));
  page.Counter("grpcos_grpc_connections_ended_total", "Connections that gRPC OS ended, by cause.");
  page.Add({{"cause", "too_many"}}, Load(counters.connections_refused));
  page.Add({{"cause", "handshake"}}, Load(counters.handshakes_failed));
  page.Add({{"cause", "stalled_or_too_fast"}}, Load(counters.connections_cut));
  page.Counter("grpcos_grpc_streams_refused_total", "Calls that ended for what they sent.");
  page.Add(Load(counters.streams_refused));
  page.Counter("grpcos_grpc_resets_total", "Calls that clients gave up.");
  page.Add(Load(counters.resets));
}

void Metrics::AddDomains(const std::vector<core::DomainCounts>& domains, Exposition& page) {
  page.Counter("grpcos_domain_requests_total", "Requests that the edge answered, by domain.");
  for (const auto& [name, counts] : domains)
    page.Add({{"domain", name}}, static_cast<double>(counts.requests));
  page.Counter("grpcos_domain_errors_total", "Requests answered 5xx, by domain.");
  for (const auto& [name, counts] : domains)
    page.Add({{"domain", name}}, static_cast<double>(counts.server_errors));
  page.Gauge("grpcos_domain_waiting_requests", "Requests that wait for a process, by domain.");
  for (const auto& [name, counts] : domains)
    page.Add({{"domain", name}}, static_cast<double>(counts.waiting));
}

void Metrics::AddProcesses(const CountByState& processes, Exposition& page) const {
  page.Gauge("grpcos_processes", "Processes, with those of gRPC OS itself, by state.");
  for (size_t state = 0; state < kStates; ++state) {
    page.Add({{"state", core::ToString(static_cast<core::ProcessState>(state))}},
             static_cast<double>(processes[state]));
  }
}

void Metrics::AddDisk(const core::DiskState& disk, int64_t unsaved, Exposition& page) const {
  page.Gauge("grpcos_disk_free_bytes", "Room left for the daemon where its data directory is.");
  page.Add(static_cast<double>(disk.free_bytes));
  page.Gauge("grpcos_disk_size_bytes", "Size of the file system of the data directory.");
  page.Add(static_cast<double>(disk.total_bytes));
  page.Gauge("grpcos_disk_full", "1: less than 1 MiB is left, or something could not be stored.");
  page.Add(disk.full ? 1 : 0);
  page.Gauge("grpcos_unsaved_reports", "Reports of supervisors that could not be stored yet.");
  page.Add(static_cast<double>(unsaved));
}

void Metrics::AddStore(Exposition& page) const {
  const store::Statistics& statistics = parts_.store.statistics();
  page.Gauge("grpcos_store_revision", "The newest revision.");
  page.Add(static_cast<double>(parts_.store.NewestRevision()));
  page.Gauge("grpcos_store_queue_depth", "Operations that wait for the writer.");
  page.Add(Load(statistics.queue_depth));
  page.Counter("grpcos_store_operations_total", "Operations made durable.");
  page.Add(Load(statistics.operations));
  page.Counter("grpcos_store_queue_full_total", "Operations refused because too many waited.");
  page.Add(Load(statistics.queue_full));
  page.Counter("grpcos_store_reads_dropped_total",
               "Reads that were not carried out, because their call had ended before their turn.");
  page.Add(Load(statistics.reads_dropped));
  page.Counter("grpcos_store_failed_operations_total", "Operations that the storage failed.");
  page.Add(Load(statistics.failed_operations));
  page.Gauge("grpcos_store_reserve_bytes",
             "Kept on the disk for stops and deletions when it is full.");
  page.Add(Load(statistics.reserve_kept_bytes));
  page.Gauge("grpcos_store_reserve_wanted_bytes", "What is to be kept.");
  page.Add(Load(statistics.reserve_wanted_bytes));

  static const std::vector<double> bounds = Seconds(store::Statistics::kBucketMicroseconds);
  std::vector<int64_t> counts;
  for (const auto& bucket : statistics.commit_buckets)
    counts.push_back(bucket.load(std::memory_order_relaxed));
  page.Histogram("grpcos_store_commit_duration_seconds",
                 "Time of a transaction from its begin until it is durable. Operations divided by "
                 "its count are those of one commit.");
  page.AddHistogram({}, bounds, counts, Load(statistics.commit_microseconds) / 1e6);
}

// Left out where the store cannot be read just now.
void Metrics::AddStorage(const core::StorageUsage& storage, Exposition& page) {
  page.Gauge("grpcos_storage_bytes",
             "Where the room of the data directory went: contents that are live, kept as versions, "
             "unused (to be removed) or in open uploads; the database and its log.");
  const auto add = [&page](const char* kind, int64_t bytes) {
    page.Add({{"kind", kind}}, static_cast<double>(bytes));
  };
  add("live", storage.objects.bytes);
  add("versions", storage.objects.version_bytes);
  add("unused", storage.unused_bytes);
  add("uploads", storage.uploads.bytes);
  add("database", storage.database_bytes);
  add("database_log", storage.database_log_bytes);
  page.Gauge("grpcos_uploads_open", "Uploads that were begun and not finished.");
  page.Add(storage.uploads.uploads);
}

}  // namespace grpc_os
