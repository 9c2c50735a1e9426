// The port to a data plane: a program that serves what files say, such as nginx.
#ifndef GRPC_OS_CORE_RECONCILE_DATA_PLANE_H_
#define GRPC_OS_CORE_RECONCILE_DATA_PLANE_H_

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace grpc_os::core {

// One thing as the data plane is to have it.
struct PlaneFile {
  int64_t generation = 0;  // of the thing's spec; 0: not known
  std::string text;
  std::string unfit = {};  // why there is no text of it; empty: there is
  // What lies beside it: keys. `text` differs where this does. Not known of what is read back.
  std::string secret = {};
};
// By the ids of the things.
using PlaneFiles = std::map<std::string, std::shared_ptr<const PlaneFile>>;

// Whether they are the same for the data plane.
inline bool SameTexts(const PlaneFiles& one, const PlaneFiles& other) {
  return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                    [](const auto& a, const auto& b) {
                      return a.first == b.first && a.second->text == b.second->text;
                    });
}

// On the core's thread; `done` comes on it too, once, never from inside the call.
class DataPlane {
 public:
  virtual ~DataPlane() = default;

  struct Verdict {
    bool accepted = true;
    std::string words = {};    // the program's, of a refusal
    std::string culprit = {};  // the thing that it names; empty: it names none
  };
  // Whether the program takes these files together. An error: it could not be asked.
  using Checked = std::function<void(absl::StatusOr<Verdict>)>;
  virtual void Check(const PlaneFiles& files, Checked done) = 0;
  // Makes those that were checked last live. OK: it serves by them, and nothing serves by others.
  // Where that is so already, nothing is done.
  virtual void Apply(std::function<void(absl::Status)> done) = 0;
  // Nothing runs that serves anything: where nothing is wanted, nothing is to be done.
  virtual bool Idle() const = 0;
  // How many generations still finish what they began.
  virtual int Draining() const = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_RECONCILE_DATA_PLANE_H_
