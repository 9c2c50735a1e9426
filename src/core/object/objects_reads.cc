// What reads.
#include <utility>

#include "core/object/object_edit.h"
#include "core/object/object_errors.h"
#include "core/object/object_name.h"
#include "core/object/objects.h"
#include "core/store_error.h"

namespace grpc_os::core {

absl::Status CheckMayRead(const ObjectAccess& access, const std::string& reference) {
  if (IsObjectId(reference) || access(ObjectVerb::kRead, reference)) return absl::OkStatus();
  return NameForbidden(ObjectVerb::kRead, reference);
}

namespace {

// A folder with a row of its own, or one that something lies in, or "/".
void FindFolder(ObjectStore& store, const std::string& name, int64_t now_ms,
                const Preconditions& preconditions, const Requester& by, Objects::Done done) {
  const std::string folder = name.ends_with('/') ? name : name + "/";
  store.ListObjects(
      {.prefix = folder, .limit = 1, .now_ms = now_ms, .by = by},
      [name, folder, preconditions, done = std::move(done)](absl::StatusOr<ObjectPage> page) {
        if (!page.ok()) return done(FromStore(page.status()));
        const bool any = !page->objects.empty();
        if (!any && folder != "/") return done(ObjectNotFound(name));
        Object found = any && page->objects.front().name == folder
                           ? std::move(page->objects.front())
                           : Object{.name = folder, .folder = true, .metageneration = 0};
        if (auto status = CheckPreconditions(preconditions, folder, &found); !status.ok())
          return done(status);
        done(std::move(found));
      });
}

}  // namespace

void Objects::Get(const std::string& name, int64_t generation, bool data,
                  Preconditions preconditions, const Reader& reader, Done done) {
  if (auto status = CheckMayRead(reader.access, name); !status.ok()) return done(status);
  const int64_t now = clock_.NowMs();
  if (name.ends_with('/') && generation == 0)
    return FindFolder(store_, name, now, preconditions, reader.by, std::move(done));
  store_.FindObject(
      {.name_or_id = name, .generation = generation, .data = data, .now_ms = now, .by = reader.by},
      [&store = store_, name, generation, preconditions, reader, now,
       done = std::move(done)](ObjectStore::Found found) mutable {
        if (!found.ok()) return done(FromStore(found.status()));
        if (!found->has_value()) {
          if (generation == 0 && !IsObjectId(name))
            return FindFolder(store, name, now, preconditions, reader.by, std::move(done));
          return done(ObjectNotFound(name, generation));
        }
        // Behind an id, and a version may come from another name.
        if (!reader.access(ObjectVerb::kRead, (*found)->name))
          return done(ObjectNotFound(name, generation));
        if (auto status = CheckPreconditions(preconditions, (*found)->name, &**found); !status.ok())
          return done(status);
        done(**std::move(found));
      });
}

namespace {

// From page to page of the store until one is full of what may be read.
struct Listing {
  ObjectStore& store;
  ObjectQuery query;
  ObjectAccess access;
  Objects::HiddenUpTo hidden_up_to;
  size_t limit;
  std::function<void(absl::StatusOr<ObjectPage>)> done;
  ObjectPage page = {};

  static void GoOn(std::shared_ptr<Listing> self) {
    ObjectStore& store = self->store;
    const ObjectQuery query = self->query;
    store.ListObjects(query, [self = std::move(self)](absl::StatusOr<ObjectPage> found) {
      if (!found.ok()) return self->done(FromStore(found.status()));
      if (self->Take(*std::move(found))) return GoOn(self);
      self->done(std::move(self->page));
    });
  }

 private:
  // Whether there is more to be asked for.
  bool Take(ObjectPage found) {
    // Who watches from the first snapshot misses nothing.
    if (page.revision == 0) page.revision = found.revision;
    const bool stopped = !found.next_after.empty();
    std::string last = found.next_after;
    if (!stopped && !found.objects.empty()) last = found.objects.back().name;
    for (Object& object : found.objects) {
      if (access(ObjectVerb::kRead, object.name)) page.objects.push_back(std::move(object));
    }
    if (page.objects.size() > limit) {
      page.objects.resize(limit);
      page.more = true;
      page.next_after = page.objects.back().name;
      return false;
    }
    if (!found.more) return false;
    if (!access(ObjectVerb::kRead, last)) {
      auto end = hidden_up_to(last);
      if (!end) return false;
      if (last < *end) last = *std::move(end);
    } else if (stopped) {
      page.more = true;
      page.next_after = std::move(last);
      return false;
    }
    query.after = std::move(last);
    return true;
  }
};

struct VersionListing {
  ObjectStore& store;
  std::string name;
  VersionPlace before;
  Objects::Reader reader;
  size_t limit;
  std::function<void(absl::StatusOr<ObjectPage>)> done;
  ObjectPage page = {};

  static void GoOn(std::shared_ptr<VersionListing> self) {
    // One more, so that the last page is known to be the last.
    self->store.ListVersions(self->reader.by, self->name, self->before,
                             static_cast<int>(self->limit) + 1,
                             [self](absl::StatusOr<ObjectPage> found) {
                               if (!found.ok()) return self->done(FromStore(found.status()));
                               if (self->Take(*std::move(found))) return GoOn(self);
                               self->done(std::move(self->page));
                             });
  }

 private:
  // Whether there is more to be asked for.
  bool Take(ObjectPage found) {
    if (page.revision == 0) page.revision = found.revision;
    if (!found.objects.empty()) before = PlaceOf(found.objects.back());
    for (Object& object : found.objects) {
      if (reader.access(ObjectVerb::kRead, object.name)) page.objects.push_back(std::move(object));
    }
    if (page.objects.size() <= limit) return found.more;
    page.objects.resize(limit);
    page.more = true;
    page.next_before = PlaceOf(page.objects.back());
    return false;
  }
};

}  // namespace

void Objects::List(ObjectQuery query, const Reader& reader, HiddenUpTo hidden_up_to,
                   std::function<void(absl::StatusOr<ObjectPage>)> done) {
  query.now_ms = clock_.NowMs();
  query.by = reader.by;
  if (!query.recursive && !query.prefix.ends_with('/')) query.prefix += '/';
  const auto limit = static_cast<size_t>(query.limit);
  ++query.limit;  // so that the last page is known to be the last
  Listing::GoOn(std::make_shared<Listing>(Listing{
      store_, std::move(query), reader.access, std::move(hidden_up_to), limit, std::move(done)}));
}

void Objects::ListVersions(const std::string& name, const VersionPlace& before, int limit,
                           const Reader& reader,
                           std::function<void(absl::StatusOr<ObjectPage>)> done) {
  if (auto status = CheckMayRead(reader.access, name); !status.ok()) return done(status);
  VersionListing::GoOn(std::make_shared<VersionListing>(
      VersionListing{store_, name, before, reader, static_cast<size_t>(limit), std::move(done)}));
}

}  // namespace grpc_os::core
