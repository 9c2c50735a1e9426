#include "main/sys_folder.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "base/version.h"
#include "core/resource/resource_store.h"

namespace grpc_os {
namespace {

constexpr std::array<std::pair<const char*, int64_t>, 57> kLimits = {{
    {"argument_bytes", limits::kArgumentBytes},
    {"audit_kept_ms", limits::kAuditKeptMs},
    {"audit_records_kept", limits::kAuditKept},
    {"audit_refusals_kept", limits::kAuditRefusalsKept},
    {"blob_grace_ms", limits::kBlobGraceMs},
    {"calls_in_flight", limits::kCallsInFlight},
    {"calls_per_source", limits::kCallsPerSource},
    {"calls_per_user", limits::kCallsPerUser},
    {"command_bytes", limits::kCommandBytes},
    {"content_type_bytes", limits::kContentTypeBytes},
    {"custom_roles", limits::kCustomRoles},
    {"environment_bytes", limits::kEnvironmentBytes},
    {"http_connections", limits::kHttpConnections},
    {"log_line_bytes", limits::kLogLineBytes},
    {"log_max_bytes", limits::kLogMaxBytesMax},
    {"log_max_bytes_default", limits::kLogMaxBytesDefault},
    {"log_min_bytes", limits::kLogMaxBytesMin},
    {"message_bytes", limits::kMessageBytes},
    {"metadata_bytes", limits::kMetadataBytes},
    {"metadata_key_bytes", limits::kMetadataKeyBytes},
    {"metadata_value_bytes", limits::kMetadataValueBytes},
    {"name_bytes", limits::kNameBytes},
    {"object_bytes", limits::kObjectBytes},
    {"object_inline_bytes", limits::kObjectInlineBytes},
    {"objects_per_call", limits::kObjectsPerCall},
    {"page_size", limits::kPageSizeMax},
    {"page_size_default", limits::kPageSizeDefault},
    {"path_bytes", limits::kPathBytes},
    {"path_segment_bytes", limits::kPathSegmentBytes},
    {"processes", limits::kProcesses},
    {"quotas", limits::kQuotas},
    {"request_kept_ms", limits::kRequestKeptMs},
    {"resource_bytes", core::kResourceBytes},
    {"role_rules", limits::kRoleRules},
    {"session_ms", limits::kSessionMs},
    {"sessions_per_user", limits::kSessionsPerUser},
    {"stop_timeout_ms", limits::kStopTimeoutMaxMs},
    {"stop_timeout_default_ms", limits::kStopTimeoutDefaultMs},
    {"stream_chunk_bytes", limits::kStreamChunkBytes},
    {"streams_open", limits::kStreamsOpen},
    {"streams_per_source", limits::kStreamsPerSource},
    {"streams_per_user", limits::kStreamsPerUser},
    {"transaction_operations", limits::kTransactionOperations},
    {"unary_deadline_default_ms", limits::kUnaryDeadlineDefaultMs},
    {"upload_chunk_bytes", limits::kUploadChunkBytes},
    {"upload_idle_ms", limits::kUploadIdleMs},
    {"upload_streams", limits::kUploadStreams},
    {"uploads_open", limits::kUploadsOpen},
    {"users", limits::kUsers},
    {"version_kept_ms", limits::kVersionKeptMs},
    {"versions_per_object", limits::kVersionsPerObject},
    {"volumes", limits::kVolumes},
    {"volumes_per_process", limits::kVolumesPerProcess},
    {"domains", limits::kDomains},
    {"routes_per_domain", limits::kRoutesPerDomain},
    {"targets_per_route", limits::kTargetsPerRoute},
    {"waiters_per_process", limits::kWaitersPerProcess},
}};

std::string LimitsText() {
  std::string text;
  for (const auto& [name, value] : kLimits) absl::StrAppend(&text, name, ": ", value, "\n");
  return text;
}

// A thread that ends meanwhile is not counted.
std::string ThreadsText() {
  std::map<std::string, int> count;
  std::error_code error;
  for (std::filesystem::directory_iterator task("/proc/self/task", error), end;
       !error && task != end; task.increment(error)) {
    std::string name;
    if (std::getline(std::ifstream(task->path() / "comm"), name)) ++count[name];
  }
  std::string text;
  for (const auto& [name, threads] : count) absl::StrAppend(&text, name, ": ", threads, "\n");
  return text;
}

std::string VersionText() { return absl::StrCat(kVersion, "\n"); }

}  // namespace

std::unique_ptr<core::SystemFolder> MakeSysFolder(const core::Clock& clock) {
  return std::make_unique<core::FixedFolder>(
      core::FixedFolder::Contents{
          {"limits", LimitsText}, {"threads", ThreadsText}, {"version", VersionText}},
      clock);
}

}  // namespace grpc_os
