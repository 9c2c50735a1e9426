#include "core/object/system_objects.h"

#include <algorithm>

namespace grpc_os::core {
namespace {

constexpr char kText[] = "text/plain; charset=utf-8";

// Names of a folder become whole ones.
void PutBefore(const std::string& folder, Object& object) { object.name.insert(0, folder); }

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

void FixedFolder::List(const std::string& path, const std::string& after, int limit,
                       std::function<void(absl::StatusOr<std::vector<Object>>)> done) {
  std::vector<Object> objects;
  if (path.empty()) {
    for (auto it = contents_.upper_bound(after); it != contents_.end(); ++it) {
      if (static_cast<int>(objects.size()) == limit) break;
      objects.push_back(SystemObject(it->first, it->second(), clock_.NowMs()));
      objects.back().data.clear();
    }
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
                         std::function<void(absl::StatusOr<std::vector<Object>>)> done) const {
  const auto [root, folder] = Locate(query.prefix);
  if (folder == nullptr) return done(std::vector<Object>());
  const std::string path = query.prefix.substr(std::min(root->size(), query.prefix.size()));
  const bool below = query.after.starts_with(query.prefix);
  const std::string after = below ? query.after.substr(query.prefix.size()) : "";
  folder->List(
      path, after, query.limit,
      [at = *root + path, done = std::move(done)](absl::StatusOr<std::vector<Object>> objects) {
        if (objects.ok()) {
          for (Object& object : *objects) PutBefore(at, object);
        }
        done(std::move(objects));
      });
}

std::vector<Object> SystemObjects::Roots() const {
  std::vector<Object> roots;
  for (const auto& [root, folder] : folders_)
    roots.push_back(SystemFolderObject(root, clock_.NowMs()));
  return roots;
}

}  // namespace grpc_os::core
