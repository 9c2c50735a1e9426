#include "supervise/framer.h"

#include <algorithm>

#include "base/limits.h"

namespace grpc_os::supervise {

void Framer::Feed(std::string_view bytes, const Sink& sink) {
  constexpr size_t kMax = limits::kLogLineBytes;
  while (!bytes.empty()) {
    const size_t room = kMax - held_.size();
    // A newline right after a line of full length still ends that line.
    const size_t end = bytes.substr(0, room + 1).find('\n');
    if (end == std::string_view::npos && bytes.size() <= room) {
      held_.append(bytes);
      return;
    }
    const bool whole = end != std::string_view::npos;
    const size_t length = whole ? end : room;
    const std::string_view part = bytes.substr(0, length);
    std::string_view text = part;
    if (!held_.empty()) text = held_.append(part);
    sink({text, !whole, static_cast<int>(text.size()) + (whole ? 1 : 0)});
    unfinished_ = !whole;
    held_.clear();
    bytes.remove_prefix(length + (whole ? 1 : 0));
  }
}

void Framer::Flush(bool ended, const Sink& sink) {
  if (held_.empty() && !(ended && unfinished_)) return;
  sink({held_, !ended, static_cast<int>(held_.size())});
  unfinished_ = !ended;
  held_.clear();
}

}  // namespace grpc_os::supervise
