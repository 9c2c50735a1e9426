// What reads objects.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "base/limits.h"
#include "core/identity/identity_errors.h"
#include "core/object/object_errors.h"
#include "core/object/upload_errors.h"
#include "core/store_error.h"
#include "services/filesystem_service.h"
#include "services/object_access.h"
#include "services/object_stream.h"
#include "services/paging.h"

namespace grpc_os::services {
namespace {

constexpr int kSystemObjects = 1 << 20;  // more than there ever are
constexpr int kMeasuredPerCall = 5'000;  // rows; some milliseconds

std::string KeyOf(const core::VersionPlace& place) {
  return services::KeyOf(place.generation, place.number);
}

// Of a page token; nullopt: it is none. Empty: the beginning.
std::optional<core::VersionPlace> VersionPlaceOf(const std::string& key) {
  core::VersionPlace place;
  if (key.empty()) return place;
  if (!ParseKey(key, place.generation, place.number) || place.generation < 1) return std::nullopt;
  return place;
}

}  // namespace

absl::Status FilesystemService::CheckContent(const core::Object& object) const {
  const bool stored = object.generation != 0 && !object.data.empty();
  if (!stored || parts_.checksum.Of(object.data) == object.crc32c) return absl::OkStatus();
  return core::ObjectDamaged(object.name, object.sha256, "its CRC32C is another one");
}

void FilesystemService::Find(Call& call, const core::GetObject& wanted, int64_t generation,
                             core::Objects::Done done) const {
  if (core::IsSystemName(wanted.name))
    return FindSystemObject(call, wanted, generation, std::move(done));
  parts_.objects.Get(wanted.name, generation, wanted.data, wanted.preconditions, ReaderOf(call),
                     std::move(done));
}

void FilesystemService::FindSystemObject(Call& call, const core::GetObject& wanted,
                                         int64_t generation, core::Objects::Done done) const {
  const std::string& name = wanted.name;
  if (!AccessOf(call)(core::ObjectVerb::kRead, name))
    return done(core::NameForbidden(core::ObjectVerb::kRead, name));
  const core::SystemFolder* folder = parts_.system.FolderOf(name);
  if (folder != nullptr) {
    if (absl::Status status = call.AlsoNeeds(folder->permission()); !status.ok())
      return done(status);
    if (absl::Status status =
            core::CheckPermission(call.caller(), folder->permission(), parts_.system.ThingAt(name));
        !status.ok())
      return done(status);
  }
  if (folder == nullptr || generation != 0) return done(core::ObjectNotFound(name, generation));
  parts_.system.Find(name, [this, wanted, done = std::move(done)](core::SystemFolder::Found found) {
    if (!found.ok()) return done(found.status());
    if (!found->has_value()) return done(core::ObjectNotFound(wanted.name));
    core::Object object = **std::move(found);
    if (absl::Status status = core::CheckPreconditions(wanted.preconditions, object.name, &object);
        !status.ok())
      return done(status);
    if (!object.folder) {
      object.sha256 = parts_.digest.Sha256Bytes(object.data);
      object.crc32c = parts_.checksum.Of(object.data);
    }
    if (!wanted.data) object.data.clear();
    done(std::move(object));
  });
}

void FilesystemService::ReadContent(const std::shared_ptr<ObjectStream::ReadCall>& call,
                                    core::Object object, int64_t offset,
                                    int64_t limit_bytes) const {
  if (object.name.ends_with('/')) return call->End(core::IsAFolder(object.name));
  if (absl::Status status = CheckContent(object); !status.ok()) return call->End(status);
  if (!object.blob && static_cast<int64_t>(object.data.size()) != object.size_bytes)
    return call->End(core::ObjectDamaged(object.name, object.sha256, "it has another size"));
  const auto begin = ReadFrom(offset, object.size_bytes);
  if (!begin.ok()) return call->End(begin.status());
  std::string data = std::exchange(object.data, {});
  v1::ReadObjectResponse first;
  *first.mutable_object() = ToProto(object);
  first.set_offset(*begin);
  std::shared_ptr<core::BlobReader> reader;
  if (!object.blob) {
    reader = ReadInline(std::move(data), *begin, limit_bytes, parts_.checksum);
  } else {
    reader = parts_.blobs.ReadBlob({.name = object.name,
                                    .sha256 = object.sha256,
                                    .size_bytes = object.size_bytes,
                                    .offset = *begin,
                                    .limit_bytes = limit_bytes});
  }
  ObjectStream::Start(call, std::move(first), std::move(reader));
}

void FilesystemService::AddReads(Handlers& handlers) {
  handlers.Unary<v1::GetObjectRequest, v1::Object>(
      [this](const auto& call, const v1::GetObjectRequest& request) {
        ObjectReader reader = ReaderFor(*call);
        const core::GetObject wanted = reader.Get(request, "");
        const int64_t generation =
            GenerationFromProto(request.generation(), "generation", reader.violations());
        if (absl::Status status = reader.status(); !status.ok()) return call->End(status);
        Find(*call, wanted, generation, [this, call](absl::StatusOr<core::Object> object) {
          if (!object.ok()) return call->End(object.status());
          if (absl::Status status = CheckContent(*object); !status.ok()) return call->End(status);
          if (static_cast<int64_t>(object->data.size()) > limits::kObjectInlineBytes)
            object->data.clear();  // ReadObject's to give
          call->Answer(ToProto(*object));
        });
      });

  handlers.Stream<v1::ReadObjectRequest, v1::ReadObjectResponse>(
      [this](const auto& call, const v1::ReadObjectRequest& request) {
        core::Violations violations;
        core::GetObject wanted;
        wanted.data = true;
        wanted.name = ReferenceFromProto(request.name(), "name", violations);
        const int64_t generation =
            GenerationFromProto(request.generation(), "generation", violations);
        wanted.preconditions =
            PreconditionsFromProto(request.preconditions(), "preconditions", violations);
        if (request.limit_bytes() < 0)
          violations.Add("limit_bytes", "give how many bytes to read, or 0 for all to the end");
        if (!violations.empty()) return call->End(violations.ToStatus());
        Find(*call, wanted, generation,
             [this, call, offset = request.offset(),
              limit = request.limit_bytes()](absl::StatusOr<core::Object> object) {
               if (!object.ok()) return call->End(object.status());
               ReadContent(call, *std::move(object), offset, limit);
             });
      });
}

void FilesystemService::ListAll(const std::shared_ptr<Call>& call, const core::ObjectQuery& query,
                                std::function<void(absl::StatusOr<core::ObjectPage>)> done) const {
  // What the system has is never deleted.
  if (query.deleted)
    return parts_.objects.List(query, ReaderOf(*call), HiddenUpTo(*call), std::move(done));
  if (const core::SystemFolder* folder = parts_.system.FolderOf(query.prefix); folder != nullptr) {
    if (absl::Status status = call->AlsoNeeds(folder->permission()); !status.ok())
      return done(status);
  }
  const auto with_system = [this, call, query,
                            done = std::move(done)](absl::StatusOr<core::ObjectPage> stored) {
    if (!stored.ok()) return done(stored.status());
    // What is hidden must not be the end of a page, which a page token tells.
    core::ObjectQuery all = query;
    const core::Authority& authority = call->caller().authority;
    const core::SystemFolder* of_all = parts_.system.FolderOf(query.prefix);
    if (!authority.AllowsAllNames(core::kObjectRead, query.prefix) ||
        (of_all != nullptr && !authority.AllowsAllNames(of_all->permission(), "")))
      all.limit = kSystemObjects;
    parts_.system.List(all, [this, call, limit = query.limit, stored = *std::move(stored),
                             done](absl::StatusOr<core::ObjectPage> system) mutable {
      if (!system.ok()) return done(system.status());
      std::erase_if(system->objects, [&, access = AccessOf(*call)](const core::Object& object) {
        const core::SystemFolder* folder = parts_.system.FolderOf(object.name);
        return !access(core::ObjectVerb::kRead, object.name) ||
               !core::CheckPermission(call->caller(), folder->permission(),
                                      parts_.system.ThingAt(object.name))
                    .ok();
      });
      done(core::MergePages(std::move(stored), *std::move(system), limit));
    });
  };
  parts_.objects.List(query, ReaderOf(*call), HiddenUpTo(*call), with_system);
}

void FilesystemService::AddLists(Handlers& handlers) {
  handlers.Unary<v1::ListObjectsRequest, v1::ListObjectsResponse>(
      [this](const auto& call, const v1::ListObjectsRequest& request) {
        core::Violations violations;
        core::ObjectQuery query;
        query.recursive = request.recursive();
        query.deleted = request.deleted();
        query.prefix = PrefixFromProto(request.prefix(), query.recursive, "prefix", violations);
        const auto page_query = PageQuery::Of(
            *call, request, std::move(violations),
            {query.deleted ? "deleted" : "", query.recursive ? "all" : "folder", query.prefix});
        if (!page_query.ok()) return call->End(page_query.status());
        query.limit = page_query->size();
        query.after = page_query->after();
        ListAll(call, query,
                [call, page_query = *page_query](const absl::StatusOr<core::ObjectPage>& found) {
                  if (!found.ok()) return call->End(found.status());
                  v1::ListObjectsResponse answer;
                  answer.set_revision(found->revision);
                  Page page(page_query, answer.mutable_objects());
                  for (const core::Object& object : found->objects) {
                    if (!page.Add(ToProto(object), object.name)) break;
                  }
                  answer.set_next_page_token(page.NextToken(found->more ? found->next_after : ""));
                  call->Answer(std::move(answer));
                });
      });

  handlers.Unary<v1::ListVersionsRequest, v1::ListVersionsResponse>(
      [this](const auto& call, const v1::ListVersionsRequest& request) {
        core::Violations violations;
        const std::string name = ReferenceFromProto(request.name(), "name", violations);
        const auto query = PageQuery::Of(*call, request, std::move(violations), {name});
        if (!query.ok()) return call->End(query.status());
        const auto before = VersionPlaceOf(query->after());
        if (!before.has_value()) return call->End(PageTokenInvalid());
        parts_.objects.ListVersions(
            name, *before, query->size(), ReaderOf(*call),
            [call, query = *query](const absl::StatusOr<core::ObjectPage>& found) {
              if (!found.ok()) return call->End(found.status());
              v1::ListVersionsResponse answer;
              Page page(query, answer.mutable_objects());
              for (const core::Object& object : found->objects) {
                if (!page.Add(ToProto(object), KeyOf(core::PlaceOf(object)))) break;
              }
              answer.set_next_page_token(
                  page.NextToken(found->more ? KeyOf(found->next_before) : ""));
              call->Answer(std::move(answer));
            });
      });
}

void FilesystemService::AddMeasure(Handlers& handlers) {
  handlers.Unary<v1::MeasureObjectsRequest, v1::MeasureObjectsResponse>(
      [this](const auto& call, const v1::MeasureObjectsRequest& request) {
        core::Violations violations;
        const std::string prefix =
            PrefixFromProto(request.prefix(), /*recursive=*/true, "prefix", violations);
        const auto query = PageQuery::Of(*call, request, std::move(violations), {prefix});
        if (!query.ok()) return call->End(query.status());
        // What is hidden is not counted either, so all of it must be readable.
        if (!call->caller().authority.AllowsAllNames(core::kObjectRead, prefix))
          return call->End(core::NameForbidden(core::ObjectVerb::kRead, prefix));
        parts_.store.MeasureObjects(
            call->requester(), prefix, query->after(), kMeasuredPerCall,
            [this, call, query = *query,
             prefix](const absl::StatusOr<std::pair<core::ObjectUsage, std::string>>& m) {
              if (!m.ok()) return call->End(core::FromStore(m.status()));
              const auto& [usage, next] = *m;
              v1::MeasureObjectsResponse out;
              out.set_objects(usage.objects);
              out.set_bytes(usage.bytes);
              out.set_versions(usage.versions);
              out.set_version_bytes(usage.version_bytes);
              if (!next.empty()) out.set_next_page_token(query.TokenAfter(next));
              if (!next.empty() || prefix != "/") return call->Answer(std::move(out));
              parts_.storage.Measure([call, out = std::move(out)](
                                         const absl::StatusOr<core::StorageUsage>& all) mutable {
                if (!all.ok()) return call->End(all.status());
                *out.mutable_storage() = ToProto(*all);
                call->Answer(std::move(out));
              });
            });
      });
}

}  // namespace grpc_os::services
