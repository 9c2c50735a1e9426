// The port to all contents, one after another.
#ifndef GRPC_OS_CORE_OBJECT_CONTENT_INDEX_H_
#define GRPC_OS_CORE_OBJECT_CONTENT_INDEX_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/object/object.h"
#include "core/requester.h"

namespace grpc_os::core {

struct ContentPage {
  std::vector<Object> objects;  // live ones and versions, no folders; with data, but for blobs
  std::string next;             // where the next page begins; empty: that was all
};

// Thread-safe.
class ContentIndex {
 public:
  virtual ~ContentIndex() = default;
  // Of names that begin with `prefix`: first what is live, then versions, each in the order of the
  // names. `from`: ContentPage::next of the page before; empty: from the beginning. `done` comes
  // once, on a thread of the store.
  virtual void ListContents(const Requester& by, const std::string& prefix, const std::string& from,
                            int limit, std::function<void(absl::StatusOr<ContentPage>)> done) = 0;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_OBJECT_CONTENT_INDEX_H_
