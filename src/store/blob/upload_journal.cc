#include "store/blob/upload_journal.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/object/object_name.h"
#include "store/blob/content.h"
#include "store/pairs.h"

namespace grpc_os::store {
namespace {

constexpr size_t kHeaderBytes = 8;  // size and checksum of the payload
constexpr int64_t kJournalBytesMax = int64_t{64} << 20;
constexpr char kForm[] = "1";

std::string Maybe(const std::optional<int64_t>& number) {
  return number.has_value() ? absl::StrCat(*number) : "";
}
bool Parse(const std::string& text, int64_t& number) { return absl::SimpleAtoi(text, &number); }
bool Parse(const std::string& text, std::optional<int64_t>& number) {
  if (text.empty()) return true;
  return absl::SimpleAtoi(text, &number.emplace());
}

std::string EncodeTarget(const core::UploadTarget& target) {
  const core::PutObject& object = target.object;
  std::vector<std::string> words = {
      kForm,
      target.id,
      target.user,
      target.request_id,
      target.request_digest,
      absl::StrCat(target.create_time_ms),
      Maybe(target.size_bytes),
      object.name,
      object.content_type.has_value() ? "1" : "",
      object.content_type.value_or(""),
      object.metadata.has_value() ? "1" : "",
      object.metadata.has_value() ? EncodePairs(*object.metadata) : "",
      Maybe(object.expire_time_ms),
      Maybe(object.preconditions.generation),
      Maybe(object.preconditions.not_generation),
      Maybe(object.preconditions.metageneration),
      Maybe(object.preconditions.not_metageneration)};
  // An older daemon knows these 17 words, which are all that most uploads need.
  if (object.ttl_ms != 0 || target.path != object.name) {
    words.push_back(absl::StrCat(object.ttl_ms));
    words.push_back(target.path);
  }
  return EncodeWords(words);
}

std::optional<core::UploadTarget> DecodeTarget(std::string_view payload) {
  const auto words = DecodeWords(payload);
  if (!words.ok() || (words->size() != 17 && words->size() != 19) || (*words)[0] != kForm)
    return std::nullopt;
  const auto& word = *words;
  core::UploadTarget target;
  target.id = word[1];
  target.user = word[2];
  target.request_id = word[3];
  target.request_digest = word[4];
  target.object.name = word[7];
  // By an id that an older daemon took: only whoever may write everywhere goes on with that.
  target.path = core::IsObjectId(word[7]) ? "/" : word[7];
  if (word.size() > 17) target.path = word[18];
  if (!word[8].empty()) target.object.content_type = word[9];
  if (!word[10].empty()) {
    auto metadata = DecodePairs(word[11]);
    if (!metadata.ok()) return std::nullopt;
    target.object.metadata = *std::move(metadata);
  }
  core::Preconditions& wanted = target.object.preconditions;
  if (!Parse(word[5], target.create_time_ms) || !Parse(word[6], target.size_bytes) ||
      !Parse(word[12], target.object.expire_time_ms) || !Parse(word[13], wanted.generation) ||
      !Parse(word[14], wanted.not_generation) || !Parse(word[15], wanted.metageneration) ||
      !Parse(word[16], wanted.not_metageneration) ||
      (word.size() > 17 && !Parse(word[17], target.object.ttl_ms))) {
    return std::nullopt;
  }
  return target;
}

std::string EncodeRecord(const UploadJournal::Record& record) {
  std::string payload;
  AppendNumber64(payload, static_cast<uint64_t>(record.state.persisted_bytes));
  AppendNumber64(payload, static_cast<uint64_t>(record.state.write_time_ms));
  AppendNumber32(payload, record.state.crc32c);
  payload.append(record.sha256);
  return payload;
}

std::optional<UploadJournal::Record> DecodeRecord(std::string_view payload) {
  if (payload.size() != 20 && payload.size() != 52) return std::nullopt;
  UploadJournal::Record record;
  record.state.persisted_bytes = static_cast<int64_t>(Number64At(payload, 0));
  record.state.write_time_ms = static_cast<int64_t>(Number64At(payload, 8));
  record.state.crc32c = Number32At(payload, 16);
  record.sha256 = payload.substr(20);
  record.state.sealed = !record.sha256.empty();
  return record;
}

// The next whole payload, removed from the front of `bytes`.
std::optional<std::string_view> TakePayload(std::string_view& bytes,
                                            const core::Checksum& checksum) {
  if (bytes.size() < kHeaderBytes) return std::nullopt;
  const uint32_t size = Number32At(bytes, 0);
  if (size == 0 || size > bytes.size() - kHeaderBytes) return std::nullopt;
  const std::string_view payload = bytes.substr(kHeaderBytes, size);
  if (Number32At(bytes, 4) != checksum.Of(payload)) return std::nullopt;
  bytes.remove_prefix(kHeaderBytes + size);
  return payload;
}

}  // namespace

absl::StatusOr<std::unique_ptr<UploadJournal>> UploadJournal::Create(
    Files& files, const std::string& path, const core::UploadTarget& target,
    const core::Checksum& checksum) {
  auto file = files.Open(path, Files::Mode::kCreate);
  if (!file.ok()) return file.status();
  std::unique_ptr<UploadJournal> journal(new UploadJournal(*std::move(file), checksum, 0));
  if (auto status = journal->AppendPayload(EncodeTarget(target)); !status.ok()) return status;
  return journal;
}

absl::StatusOr<UploadJournal::Opened> UploadJournal::Open(Files& files, const std::string& path,
                                                          const core::Checksum& checksum) {
  auto file = files.Open(path, Files::Mode::kWrite);
  if (!file.ok()) return file.status();
  const auto content = (*file)->ReadAt(0, std::min((*file)->Size().value_or(0), kJournalBytesMax));
  if (!content.ok()) return content.status();
  std::string_view rest = *content;
  const auto first = TakePayload(rest, checksum);
  auto target = first.has_value() ? DecodeTarget(*first) : std::nullopt;
  if (!target.has_value())
    return absl::DataLossError(absl::StrCat(path, " has no whole first record"));
  Opened opened;
  opened.target = *std::move(target);
  opened.last.state.write_time_ms = opened.target.create_time_ms;
  auto end = static_cast<int64_t>(content->size() - rest.size());
  while (const auto payload = TakePayload(rest, checksum)) {
    auto record = DecodeRecord(*payload);
    if (!record.has_value()) break;
    opened.last = *std::move(record);
    end = static_cast<int64_t>(content->size() - rest.size());
  }
  // What a killed daemon had written and not synced counts from now on.
  if (auto status = (*file)->Sync(); !status.ok()) return status;
  opened.journal.reset(new UploadJournal(*std::move(file), checksum, end));
  return opened;
}

absl::Status UploadJournal::Append(const Record& record) {
  return AppendPayload(EncodeRecord(record));
}

absl::Status UploadJournal::Rewind() {
  if (auto status = file_->Truncate(end_); !status.ok()) return status;
  return file_->Sync();
}

absl::Status UploadJournal::AppendPayload(std::string_view payload) {
  std::string bytes;
  AppendNumber32(bytes, static_cast<uint32_t>(payload.size()));
  AppendNumber32(bytes, checksum_.Of(payload));
  bytes.append(payload);
  if (auto status = file_->WriteAt(end_, bytes); !status.ok()) return status;
  if (auto status = file_->Sync(); !status.ok()) return status;
  end_ += static_cast<int64_t>(bytes.size());
  return absl::OkStatus();
}

}  // namespace grpc_os::store
