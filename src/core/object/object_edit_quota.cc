// What changes do to the quotas.
#include <deque>

#include "base/error_detail.h"
#include "core/object/object_edit.h"
#include "core/object/quota.h"

namespace grpc_os::core {
namespace {

void Add(std::string_view name, const Object& object, int sign, std::vector<QuotaDelta>& deltas) {
  if (!object.folder)
    deltas.push_back({.name = name, .objects = sign, .bytes = sign * object.size_bytes});
}

}  // namespace

void ObjectEdit::AddRemovals(const std::vector<Object>& objects, bool retired,
                             std::set<int64_t>& gone, std::vector<QuotaDelta>& deltas) {
  for (const Object& object : objects) {
    if (object.folder || !gone.insert(object.number).second) continue;
    Add(object.name, object, -1, deltas);
    if (!retired) continue;
    deltas.back().versions = 1;
    deltas.back().version_bytes = object.size_bytes;
  }
}

void ObjectEdit::AddDeltas(const ObjectStep& step, std::set<int64_t>& gone,
                           std::deque<std::string>& names, std::vector<QuotaDelta>& deltas) {
  using Kind = ObjectStep::Kind;
  AddRemovals(step.expired, /*retired=*/true, gone, deltas);
  const Object& object = step.object;
  switch (step.kind) {
    case Kind::kNothing:
    case Kind::kForget:
      return;
    case Kind::kInsert:
      Add(object.name, object, 1, deltas);
      if (step.restored_generation == 0 || object.folder) return;
      deltas.back().versions = -1;
      deltas.back().version_bytes = -object.size_bytes;
      return;
    case Kind::kReplace:
      deltas.push_back({.name = object.name,
                        .bytes = object.size_bytes - step.live->size_bytes,
                        .versions = 1,
                        .version_bytes = step.live->size_bytes});
      return;
    case Kind::kUpdate:
      if (step.from.empty()) return;
      Add(step.from, object, -1, deltas);
      return Add(object.name, object, 1, deltas);
    case Kind::kRemove:
      return AddRemovals(step.affected, !step.purge, gone, deltas);
    case Kind::kRename:
    case Kind::kMove:
      for (const Object& one : step.affected) {
        if (one.folder) continue;
        Add(one.name, one, -1, deltas);
        names.push_back(object.name + one.name.substr(step.from.size()));
        Add(names.back(), one, 1, deltas);
      }
  }
}

absl::Status ObjectEdit::Charge(const std::vector<const ObjectStep*>& steps, size_t* index) {
  std::vector<QuotaDelta> deltas;
  std::vector<size_t> ends;  // of the deltas of each step
  std::set<int64_t> gone;
  std::deque<std::string> names;
  for (const ObjectStep* step : steps) {
    AddDeltas(*step, gone, names, deltas);
    ends.push_back(deltas.size());
  }
  if (deltas.empty()) return absl::OkStatus();
  absl::Status status = scene_.rows.Charge(deltas);
  if (status.ok() || index == nullptr) return status;
  const auto detail = DetailOf(status);
  if (!detail.has_value() || !detail->metadata.contains("prefix")) return status;
  const std::string& prefix = detail->metadata.at("prefix");
  size_t delta = 0;
  for (*index = 0; *index + 1 < steps.size(); ++*index) {
    for (; delta < ends[*index]; ++delta) {
      const QuotaDelta& one = deltas[delta];
      if (one.name.starts_with(prefix) &&
          (one.objects > 0 || one.bytes > 0 || one.versions > 0 || one.version_bytes > 0))
        return status;
    }
  }
  return status;
}

}  // namespace grpc_os::core
