#include "store/blob/blob_check.h"

#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "core/object/content_check.h"
#include "store/blob/blob_files.h"
#include "store/blob/blob_reader.h"
#include "store/blob/io_threads.h"
#include "store/blob_table.h"
#include "store/object_contents.h"
#include "store/transaction.h"

namespace grpc_os::store {
namespace {

constexpr int kPage = 1000;

// The tables as an index, and who has which blob on the way. Answers at once.
class Contents final : public core::ContentIndex {
 public:
  explicit Contents(Connection& reader) : reader_(reader) {}
  void ListContents(const core::Requester&, const std::string& prefix, const std::string& from,
                    int limit,
                    std::function<void(absl::StatusOr<core::ContentPage>)> done) override {
    auto page = SelectContents(reader_, prefix, from, limit);
    if (page.ok()) {
      for (const core::Object& object : page->objects) had_[object.sha256] += object.blob ? 1 : 0;
    }
    done(std::move(page));
  }
  int64_t HadBy(const std::string& sha256) const {
    const auto found = had_.find(sha256);
    return found == had_.end() ? 0 : found->second;
  }

 private:
  Connection& reader_;
  std::map<std::string, int64_t> had_;
};

class BlobsIn final : public core::Blobs {
 public:
  BlobsIn(Files& files, const core::Checksum& checksum)
      : files_(files), checksum_(checksum), threads_(1) {}
  std::shared_ptr<core::BlobReader> ReadBlob(const Range& range) override {
    return std::make_shared<StoredBlobReader>(
        StoredBlobReader::Parts{.files = files_,
                                .threads = threads_,
                                .checksum = checksum_,
                                .hold = nullptr,
                                .is_named = [] { return true; }},  // nothing is removed meanwhile
        BlobFiles::PathOf(range.sha256), range);
  }

 private:
  Files& files_;
  const core::Checksum& checksum_;
  IoThreads threads_;
};

std::string NameOf(const core::Object& object) {
  return absl::StrCat(object.name, " (", object.id, ", generation ", object.generation,
                      object.retire_time_ms != 0 ? ", a version" : "", ")");
}

// As the rows tell it, and as the table of blobs does.
absl::Status CompareCounts(Connection& reader, const Contents& contents, CheckReport& report) {
  for (std::string after;;) {
    const auto page = SelectBlobs(reader, after, kPage);
    if (!page.ok()) return page.status();
    for (const core::BlobEntry& entry : *page) {
      const int64_t had = contents.HadBy(entry.sha256);
      if (had == entry.refs && (had == 0) == (entry.unused_since_ms != 0)) continue;
      report.findings.push_back(absl::StrCat("the content ", absl::BytesToHexString(entry.sha256),
                                             " is counted ", entry.refs, " times, ", had,
                                             " objects and versions have it"));
    }
    if (page->size() < kPage) return absl::OkStatus();
    after = page->back().sha256;
  }
}

}  // namespace

absl::Status CheckContents(Connection& reader, const Dialect& dialect, Files& files,
                           const ContentHashes& hashes, CheckReport& report) {
  Transaction transaction(reader);
  if (auto status = transaction.Begin(dialect.begin_read); !status.ok()) return status;
  Contents contents(reader);
  BlobsIn blobs(files, hashes.checksum);
  const auto check = core::ContentCheck::Make({contents, blobs, hashes.hash, hashes.checksum}, "/");
  for (;;) {
    auto promise = std::make_shared<std::promise<absl::StatusOr<core::ContentCheck::Progress>>>();
    check->Next([promise](auto step) { promise->set_value(std::move(step)); });
    const auto progress = promise->get_future().get();
    if (!progress.ok()) {
      report.findings.push_back(absl::StrCat("not all contents could be read: ",
                                             std::string(progress.status().message())));
      return absl::OkStatus();
    }
    for (const core::ContentCheck::Damage& one : progress->damaged) {
      report.findings.push_back(
          absl::StrCat("the content of ", NameOf(one.object), " is damaged: ", one.how));
    }
    if (!progress->done) continue;
    absl::StrAppend(&report.summary, ", ", progress->contents, " contents of ", progress->bytes,
                    " bytes");
    return CompareCounts(reader, contents, report);
  }
}

}  // namespace grpc_os::store
