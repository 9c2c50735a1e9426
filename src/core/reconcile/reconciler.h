// Makes a data plane follow the resources of one kind.
#ifndef GRPC_OS_CORE_RECONCILE_RECONCILER_H_
#define GRPC_OS_CORE_RECONCILE_RECONCILER_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/reconcile/reconciliation.h"

namespace grpc_os::core {

// `T`: a Resource<…>. Each is rendered once a generation. Lives on the core's thread.
template <typename T>
class Reconciler {
 public:
  struct Parts {
    Scheduler& scheduler;
    DataPlane& plane;
    std::function<std::vector<T>()> wanted;
    // Of any generation. An error: it cannot be rendered, and is rejected with these words.
    std::function<absl::StatusOr<PlaneFile>(const T&)> render;
    std::function<void(const std::string& id, const PlaneOutcome& outcome)> report;
  };
  explicit Reconciler(Parts parts)
      : wanted_(std::move(parts.wanted)),
        render_(std::move(parts.render)),
        reconciliation_({.scheduler = parts.scheduler,
                         .plane = parts.plane,
                         .wanted = [this] { return Render(); },
                         .report = std::move(parts.report)}) {}

  Reconciliation& rounds() { return reconciliation_; }

 private:
  PlaneFiles Render() {
    PlaneFiles files;
    for (const T& resource : wanted_()) {
      std::shared_ptr<const PlaneFile> file;
      if (const auto it = rendered_.find(resource.id);
          it != rendered_.end() && it->second->generation == resource.generation) {
        file = it->second;
      } else {
        auto rendered = render_(resource);
        PlaneFile made;
        if (rendered.ok()) {
          made = *std::move(rendered);
        } else {
          made.unfit = std::string(rendered.status().message());
        }
        made.generation = resource.generation;
        file = std::make_shared<const PlaneFile>(std::move(made));
      }
      files.emplace(resource.id, std::move(file));
    }
    rendered_ = files;
    return files;
  }

  const std::function<std::vector<T>()> wanted_;
  const std::function<absl::StatusOr<PlaneFile>(const T&)> render_;
  PlaneFiles rendered_;
  Reconciliation reconciliation_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_RECONCILE_RECONCILER_H_
