#include "services/convert/object_convert.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/limits.h"
#include "core/object/upload_errors.h"
#include "services/convert/media_type.h"
#include "services/convert/time_convert.h"

namespace grpc_os::services {
namespace {

using Change = v1::TransactObjectsRequest::Change;

constexpr char kDefaultContentType[] = "application/octet-stream";
constexpr size_t kSha256Bytes = 32;
// Contents that one answer may hold beside all that it says of its objects.
constexpr int64_t kContentsPerAnswer = limits::kMessageBytes / 2 / limits::kObjectInlineBytes;

constexpr std::array<std::string_view, 4> kUpdatable = {"content_type", "metadata", "expire_time",
                                                        "ttl"};
constexpr int64_t kTtlSecondsMax = int64_t{100} * 365 * 86'400;

std::string Shown(const std::string& text) { return absl::CHexEscape(text.substr(0, 64)); }

int64_t Counted(int64_t given, const std::string& field, core::Violations& violations) {
  if (given < 0) violations.Add(field, "give a number that an object had, or 0");
  return given;
}

template <typename Request>
std::optional<uint32_t> Crc32cOf(const Request& request) {
  if (!request.has_crc32c()) return std::nullopt;
  return request.crc32c();
}

// An id where one is given, as of any other resource.
const std::string& ReferenceOf(const v1::Object& object) {
  return object.id().empty() ? object.name() : object.id();
}

}  // namespace

v1::Object ToProto(const core::Object& object) {
  v1::Object out;
  out.set_id(object.id);
  out.set_name(object.name);
  out.set_folder(object.folder);
  out.set_generation(object.generation);
  out.set_metageneration(object.metageneration);
  out.set_create_revision(object.create_revision);
  out.set_revision(object.revision);
  out.set_size_bytes(object.size_bytes);
  out.set_sha256(absl::BytesToHexString(object.sha256));
  out.set_crc32c(object.crc32c);
  out.set_content_type(object.content_type);
  out.mutable_metadata()->insert(object.metadata.begin(), object.metadata.end());
  out.set_owner(object.owner);
  if (object.create_time_ms != 0) SetTimeMs(object.create_time_ms, out.mutable_create_time());
  if (object.update_time_ms != 0) SetTimeMs(object.update_time_ms, out.mutable_update_time());
  if (object.expire_time_ms != 0) SetTimeMs(object.expire_time_ms, out.mutable_expire_time());
  if (object.retire_time_ms != 0) SetTimeMs(object.retire_time_ms, out.mutable_retire_time());
  out.set_deleted(object.deleted);
  out.set_data(object.data);
  return out;
}

v1::StorageUsage ToProto(const core::StorageUsage& usage) {
  v1::StorageUsage out;
  out.set_objects(usage.objects.objects);
  out.set_object_bytes(usage.objects.bytes);
  out.set_versions(usage.objects.versions);
  out.set_version_bytes(usage.objects.version_bytes);
  out.set_unused_bytes(usage.unused_bytes);
  out.set_open_uploads(usage.uploads.uploads);
  out.set_upload_bytes(usage.uploads.bytes);
  out.set_database_bytes(usage.database_bytes);
  out.set_database_log_bytes(usage.database_log_bytes);
  return out;
}

v1::TransactObjectsResponse ToProto(const core::ObjectTransactionResult& result) {
  v1::TransactObjectsResponse out;
  out.set_succeeded(result.succeeded);
  for (const core::Object& object : result.objects) *out.add_objects() = ToProto(object);
  out.set_revision(result.revision);
  return out;
}

std::string ReferenceFromProto(const std::string& given, const std::string& field,
                               core::Violations& violations, core::Root root) {
  if (core::IsObjectId(given)) return given;
  return core::ObjectName(given, field, violations, root);
}

std::string PrefixFromProto(const std::string& given, bool recursive, const std::string& field,
                            core::Violations& violations) {
  // Not "obj_1" as it stands: a list takes no ids.
  std::string prefix = given.starts_with('/') ? given : absl::StrCat("/", given);
  // "." and ".." are no segments, but beginnings of some.
  const std::string last = prefix.substr(prefix.rfind('/') + 1);
  const bool begins = recursive && (last == "." || last == "..");
  core::ObjectName(begins ? prefix + "x" : prefix, field, violations, core::Root::kAllowed);
  if (!recursive && !prefix.ends_with('/')) prefix.push_back('/');
  return prefix;
}

int64_t GenerationFromProto(int64_t given, const std::string& field, core::Violations& violations) {
  if (given < 0) violations.Add(field, "give the generation of a version, or 0");
  return given;
}

core::Preconditions PreconditionsFromProto(const v1::Preconditions& given, const std::string& field,
                                           core::Violations& violations) {
  core::Preconditions out;
  if (given.has_if_generation_match())
    out.generation =
        Counted(given.if_generation_match(), field + ".if_generation_match", violations);
  if (given.has_if_generation_not_match())
    out.not_generation =
        Counted(given.if_generation_not_match(), field + ".if_generation_not_match", violations);
  if (given.has_if_metageneration_match())
    out.metageneration =
        Counted(given.if_metageneration_match(), field + ".if_metageneration_match", violations);
  if (given.has_if_metageneration_not_match())
    out.not_metageneration = Counted(given.if_metageneration_not_match(),
                                     field + ".if_metageneration_not_match", violations);
  return out;
}

std::string Sha256FromProto(const std::string& given, const std::string& field,
                            core::Violations& violations) {
  const bool digits =
      std::all_of(given.begin(), given.end(), [](char byte) { return absl::ascii_isxdigit(byte); });
  if (digits && given.size() == 2 * kSha256Bytes) return absl::HexStringToBytes(given);
  if (!given.empty()) violations.Add(field, "give 64 hexadecimal digits");
  return "";
}

core::CreateObject ObjectReader::Create(const v1::CreateObjectRequest& request,
                                        const std::string& prefix) {
  const v1::Object& object = request.object();
  core::CreateObject out;
  out.name = core::ObjectName(object.name(), prefix + "object.name", violations_);
  out.id = request.object_id();
  if (!out.id.empty()) core::CheckObjectId(out.id, prefix + "object_id", violations_);
  out.content = Content(request.data(), Crc32cOf(request), prefix + "data");
  out.content_type = ContentType(object, prefix);
  out.metadata = Metadata(object, prefix);
  if (object.has_expire_time()) out.expire_time_ms = ExpireTime(object, prefix);
  out.ttl_ms = Ttl(object, prefix);
  return out;
}

core::PutObject ObjectReader::Put(const v1::PutObjectRequest& request, const std::string& prefix) {
  core::PutObject out = Target(request.object(), request.preconditions(), prefix);
  out.content = Content(request.data(), Crc32cOf(request), prefix + "data");
  return out;
}

core::PutObject ObjectReader::Target(const v1::Object& object,
                                     const v1::Preconditions& preconditions,
                                     const std::string& prefix) {
  core::PutObject out;
  out.name = ReferenceFromProto(ReferenceOf(object), prefix + "object.name", violations_);
  if (!object.content_type().empty()) out.content_type = ContentType(object, prefix);
  if (!object.metadata().empty()) out.metadata = Metadata(object, prefix);
  if (object.has_expire_time()) out.expire_time_ms = ExpireTime(object, prefix);
  out.ttl_ms = Ttl(object, prefix);
  out.preconditions = PreconditionsFromProto(preconditions, prefix + "preconditions", violations_);
  return out;
}

core::UpdateObject ObjectReader::Update(const v1::UpdateObjectRequest& request,
                                        const std::string& prefix) {
  const v1::Object& object = request.object();
  core::UpdateObject out;
  out.name = ReferenceFromProto(ReferenceOf(object), prefix + "object.name", violations_);
  const auto& paths = request.update_mask().paths();
  for (const std::string& path : paths) {
    if (path != "*" && std::find(kUpdatable.begin(), kUpdatable.end(), path) == kUpdatable.end())
      violations_.Add(prefix + "update_mask",
                      absl::StrCat("'", Shown(path),
                                   "' cannot be updated; give content_type, metadata, "
                                   "expire_time, ttl or *"));
  }
  const auto named = [&paths](const char* field) {
    return std::any_of(paths.begin(), paths.end(),
                       [field](const std::string& path) { return path == field || path == "*"; });
  };
  if (named("content_type")) out.content_type = ContentType(object, prefix);
  if (named("metadata")) out.metadata = Metadata(object, prefix);
  if (named("expire_time") || named("ttl")) {
    out.expire_time_ms = object.has_expire_time() ? ExpireTime(object, prefix) : 0;
    out.ttl_ms = Ttl(object, prefix);
  }
  out.preconditions =
      PreconditionsFromProto(request.preconditions(), prefix + "preconditions", violations_);
  return out;
}

core::DeleteObject ObjectReader::Delete(const v1::DeleteObjectRequest& request,
                                        const std::string& prefix) {
  core::DeleteObject out;
  out.name = ReferenceFromProto(request.name(), prefix + "name", violations_);
  out.recursive = request.recursive();
  out.purge = request.purge();
  out.in_parts = request.in_parts();
  out.versions_only = request.versions_only();
  if (out.in_parts && !out.recursive)
    violations_.Add(prefix + "in_parts", "it goes with `recursive`, for a folder");
  if (out.versions_only && out.purge)
    violations_.Add(prefix + "versions_only", "give it or `purge`, which removes the object too");
  if (!prefix.empty() && (out.in_parts || out.versions_only))
    violations_.Add(prefix + (out.in_parts ? "in_parts" : "versions_only"),
                    "leave it false; call DeleteObject for it");
  out.preconditions =
      PreconditionsFromProto(request.preconditions(), prefix + "preconditions", violations_);
  return out;
}

core::GetObject ObjectReader::Get(const v1::GetObjectRequest& request, const std::string& prefix) {
  core::GetObject out;
  out.name = ReferenceFromProto(request.name(), prefix + "name", violations_, core::Root::kAllowed);
  out.data = request.include_data();
  out.preconditions =
      PreconditionsFromProto(request.preconditions(), prefix + "preconditions", violations_);
  return out;
}

core::ObjectTransaction ObjectReader::Transaction(const v1::TransactObjectsRequest& request) {
  core::ObjectTransaction out;
  const int operations = request.compare_size() + request.success_size() + request.failure_size();
  if (operations == 0 || operations > limits::kTransactionOperations) {
    violations_.Add(
        request.compare_size() > 0 && request.success_size() == 0 ? "compare" : "success",
        absl::StrCat("give 1 to ", limits::kTransactionOperations,
                     " comparisons and changes in all; there are ", operations));
    return out;
  }
  for (int i = 0; i < request.compare_size(); ++i)
    out.compare.push_back(Compare(request.compare(i), absl::StrCat("compare[", i, "].")));
  Changes(request.success(), "success", out.success);
  Changes(request.failure(), "failure", out.failure);
  return out;
}

core::CompareObject ObjectReader::Compare(const v1::TransactObjectsRequest::Compare& compare,
                                          const std::string& prefix) {
  core::CompareObject out;
  out.name = ReferenceFromProto(compare.name(), prefix + "name", violations_);
  out.preconditions =
      PreconditionsFromProto(compare.preconditions(), prefix + "preconditions", violations_);
  out.sha256 = Sha256FromProto(compare.sha256(), prefix + "sha256", violations_);
  return out;
}

void ObjectReader::Changes(
    const google::protobuf::RepeatedPtrField<::grpc_os::services::Change>& changes,
    const std::string& list, std::vector<core::ObjectChange>& out) {
  int64_t contents = 0;
  for (int i = 0; i < changes.size(); ++i) {
    auto change = Change(changes[i], absl::StrCat(list, "[", i, "]."));
    if (!change.has_value()) continue;
    const auto* get = std::get_if<core::GetObject>(&*change);
    if (get != nullptr && get->data) ++contents;
    out.push_back(*std::move(change));
  }
  if (contents > kContentsPerAnswer)
    violations_.Add(list, absl::StrCat("one answer has room for ", kContentsPerAnswer,
                                       " contents; set include_data in fewer than ", contents));
}

std::optional<core::ObjectChange> ObjectReader::Change(const ::grpc_os::services::Change& change,
                                                       const std::string& prefix) {
  const auto without_id = [&](const auto& request, const std::string& path) {
    if (!request.request_id().empty())
      violations_.Add(path + "request_id", "leave it empty; that of the transaction counts");
  };
  switch (change.change_case()) {
    case Change::kPut:
      without_id(change.put(), prefix + "put.");
      return Put(change.put(), prefix + "put.");
    case Change::kCreate:
      without_id(change.create(), prefix + "create.");
      return Create(change.create(), prefix + "create.");
    case Change::kUpdate:
      without_id(change.update(), prefix + "update.");
      return Update(change.update(), prefix + "update.");
    case Change::kDelete:
      without_id(change.delete_(), prefix + "delete.");
      return Delete(change.delete_(), prefix + "delete.");
    case Change::kGet:
      if (change.get().generation() != 0)
        violations_.Add(prefix + "get.generation",
                        "leave it 0; a transaction sees live objects alone");
      return Get(change.get(), prefix + "get.");
    case Change::CHANGE_NOT_SET:
      break;
  }
  violations_.Add(prefix + "change", "give put, create, update, delete or get");
  return std::nullopt;
}

absl::Status ObjectReader::status() const {
  return violations_.empty() ? mismatch_ : violations_.ToStatus();
}

core::ObjectContent ObjectReader::Content(const std::string& data, std::optional<uint32_t> crc32c,
                                          const std::string& field) {
  core::ObjectContent out;
  if (static_cast<int64_t>(data.size()) > limits::kObjectInlineBytes) {
    violations_.Add(field, absl::StrCat("give at most ", limits::kObjectInlineBytes, " bytes, not ",
                                        data.size(),
                                        "; larger contents go by StartUpload (in the shell, `put "
                                        "LOCAL PATH`)"));
    return out;
  }
  out.crc32c = tools_.checksum.Of(data);
  if (crc32c.has_value() && *crc32c != out.crc32c && mismatch_.ok()) {
    mismatch_ = core::ChecksumMismatch(absl::StrCat("the CRC32C of `", field, "`"),
                                       absl::StrCat(*crc32c), absl::StrCat(out.crc32c));
  }
  out.sha256 = tools_.digest.Sha256Bytes(data);
  out.size_bytes = static_cast<int64_t>(data.size());
  out.data = data;
  return out;
}

std::string ObjectReader::ContentType(const v1::Object& object, const std::string& prefix) {
  const std::string& given = object.content_type();
  if (given.empty()) return kDefaultContentType;
  if (given.size() > limits::kContentTypeBytes || !IsMediaType(given))
    violations_.Add(prefix + "object.content_type",
                    absl::StrCat("give a media type of at most ", limits::kContentTypeBytes,
                                 " bytes, such as text/plain; charset=utf-8"));
  return given;
}

std::map<std::string, std::string> ObjectReader::Metadata(const v1::Object& object,
                                                          const std::string& prefix) {
  const std::string field = prefix + "object.metadata";
  std::map<std::string, std::string> out;
  size_t bytes = 0;
  for (const auto& [key, value] : object.metadata()) {
    bytes += key.size() + value.size();
    if (key.empty() || key.size() > limits::kMetadataKeyBytes)
      violations_.Add(field, absl::StrCat("'", Shown(key), "': give keys of 1 to ",
                                          limits::kMetadataKeyBytes, " bytes"));
    if (value.size() > limits::kMetadataValueBytes)
      violations_.Add(field,
                      absl::StrCat("'", Shown(key), "': give values of at most ",
                                   limits::kMetadataValueBytes, " bytes, not ", value.size()));
    out.emplace(key, value);
  }
  if (bytes > limits::kMetadataBytes)
    violations_.Add(field, absl::StrCat("all keys and values may have ", limits::kMetadataBytes,
                                        " bytes, and have ", bytes));
  return out;
}

int64_t ObjectReader::ExpireTime(const v1::Object& object, const std::string& prefix) {
  const auto& time = object.expire_time();
  const bool is_one = time.seconds() >= 0 && time.seconds() <= kLatestSecond && time.nanos() >= 0 &&
                      time.nanos() <= 999'999'999;
  const int64_t ms = is_one ? time.seconds() * 1000 + time.nanos() / 1'000'000 : 0;
  if (ms <= tools_.now_ms)
    violations_.Add(prefix + "object.expire_time", "give a time from now to the year 9999");
  return ms;
}

int64_t ObjectReader::Ttl(const v1::Object& object, const std::string& prefix) {
  if (!object.has_ttl()) return 0;
  const auto& ttl = object.ttl();
  const bool is_one = ttl.seconds() >= 0 && ttl.seconds() <= kTtlSecondsMax && ttl.nanos() >= 0 &&
                      ttl.nanos() <= 999'999'999;
  const int64_t ms = is_one ? ttl.seconds() * 1000 + ttl.nanos() / 1'000'000 : 0;
  if (ms == 0)
    violations_.Add(prefix + "object.ttl", "give at least a millisecond, at most 100 years");
  if (object.has_expire_time())
    violations_.Add(prefix + "object.ttl", "give it or expire_time, not both");
  return ms;
}

}  // namespace grpc_os::services
