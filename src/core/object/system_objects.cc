#include "core/object/system_objects.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace grpc_os::core {
namespace {

constexpr char kText[] = "text/plain; charset=utf-8";

// Names of a folder become whole ones.
void PutBefore(const std::string& folder, Object& object) { object.name.insert(0, folder); }

// To so many objects at most.
ObjectPage Cut(ObjectPage page, int limit) {
  if (static_cast<int>(page.objects.size()) <= limit) return page;
  page.objects.resize(limit);
  page.more = true;
  page.next_after = page.objects.back().name;
  return page;
}

}  // namespace

Object SystemObject(std::string name, std::string data, int64_t now_ms) {
  Object object;
  object.name = std::move(name);
  object.size_bytes = static_cast<int64_t>(data.size());
  object.content_type = kText;
  object.data = std::move(data);
  object.create_time_ms = object.update_time_ms = now_ms;
  return object;
}

Object SystemFolderObject(std::string name, int64_t now_ms) {
  Object folder;
  folder.name = std::move(name);
  folder.folder = true;
  folder.create_time_ms = folder.update_time_ms = now_ms;
  return folder;
}

void FixedFolder::Find(const std::string& path, std::function<void(Found)> done) {
  const auto found = contents_.find(path);
  if (found == contents_.end()) return done(std::optional<Object>());
  done(std::optional<Object>(SystemObject(path, found->second(), clock_.NowMs())));
}

void FixedFolder::List(const Range& range, std::function<void(Listed)> done) {
  std::vector<Object> objects;
  const bool any = range.recursive || range.path.empty();
  for (auto it = contents_.upper_bound(range.after); any && it != contents_.end(); ++it) {
    if (static_cast<int>(objects.size()) == range.limit) break;
    if (!it->first.starts_with(range.path)) continue;
    objects.push_back(SystemObject(it->first, "", clock_.NowMs()));
  }
  done(std::move(objects));
}

std::pair<const std::string*, SystemFolder*> SystemObjects::Locate(std::string_view name) const {
  for (const auto& [root, folder] : folders_) {
    const bool itself = name == std::string_view(root).substr(0, root.size() - 1);
    if (itself || name.starts_with(root)) return {&root, folder.get()};
  }
  return {nullptr, nullptr};
}

const SystemFolder* SystemObjects::FolderOf(std::string_view name) const {
  return Locate(name).second;
}

std::string SystemObjects::ThingAt(const std::string& name) const {
  const auto [root, folder] = Locate(name);
  return folder == nullptr || name.size() <= root->size()
             ? ""
             : folder->ThingAt(name.substr(root->size()));
}

void SystemObjects::Find(const std::string& name,
                         std::function<void(SystemFolder::Found)> done) const {
  const auto [root, folder] = Locate(name);
  if (folder == nullptr) return done(std::optional<Object>());
  if (name.size() <= root->size())
    return done(std::optional<Object>(SystemFolderObject(*root, clock_.NowMs())));
  folder->Find(name.substr(root->size()),
               [root = *root, done = std::move(done)](SystemFolder::Found found) {
                 if (found.ok() && found->has_value()) PutBefore(root, **found);
                 done(std::move(found));
               });
}

void SystemObjects::List(const ObjectQuery& query,
                         std::function<void(absl::StatusOr<ObjectPage>)> done) const {
  if (query.prefix == "/" && !query.recursive) {
    ObjectPage roots;
    for (const auto& [root, folder] : folders_) {
      if (root > query.after) roots.objects.push_back(SystemFolderObject(root, clock_.NowMs()));
    }
    return done(Cut(std::move(roots), query.limit));
  }
  const auto [root, folder] = Locate(query.prefix);
  const bool over = folder != nullptr && query.after > *root && !query.after.starts_with(*root);
  if (folder == nullptr || over) return done(ObjectPage());
  SystemFolder::Range range = {.recursive = query.recursive, .limit = query.limit + 1};
  range.path = query.prefix.substr(std::min(root->size(), query.prefix.size()));
  if (query.after.starts_with(*root)) range.after = query.after.substr(root->size());
  folder->List(range, [root = *root, limit = query.limit,
                       done = std::move(done)](SystemFolder::Listed listed) {
    if (!listed.ok()) return done(listed.status());
    ObjectPage page;
    page.objects = *std::move(listed);
    for (Object& object : page.objects) PutBefore(root, object);
    done(Cut(std::move(page), limit));
  });
}

ObjectPage MergePages(ObjectPage stored, ObjectPage system, int limit) {
  ObjectPage merged;
  merged.revision = stored.revision;
  // What lies behind the end of a page that has more may have something between it.
  std::string end;
  for (const ObjectPage* page : {&stored, &system}) {
    if (page->more && (end.empty() || page->next_after < end)) end = page->next_after;
  }
  merged.more = !end.empty();
  const auto before = [](const Object& a, const Object& b) { return a.name < b.name; };
  std::merge(std::make_move_iterator(stored.objects.begin()),
             std::make_move_iterator(stored.objects.end()),
             std::make_move_iterator(system.objects.begin()),
             std::make_move_iterator(system.objects.end()), std::back_inserter(merged.objects),
             before);
  if (merged.more)
    std::erase_if(merged.objects, [&end](const Object& object) { return object.name > end; });
  merged.next_after = end;
  return Cut(std::move(merged), limit);
}

}  // namespace grpc_os::core
