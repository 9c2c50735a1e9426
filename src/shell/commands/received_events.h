// Which events of a watch came already, over all of its connections.
#ifndef GRPC_OS_SHELL_COMMANDS_RECEIVED_EVENTS_H_
#define GRPC_OS_SHELL_COMMANDS_RECEIVED_EVENTS_H_

#include <algorithm>
#include <cstdint>

#include "grpc_os/v1/event_services.pb.h"

namespace grpc_os::shell {

// Each once, also where a stream was cut in the middle of a revision.
class ReceivedEvents {
 public:
  explicit ReceivedEvents(int64_t from_revision) : resume_(from_revision) {}

  // Where the next stream has to begin.
  int64_t resume() const { return resume_; }
  void BeginStream() { of_revision_in_stream_ = 0; }

  // False if `event` came before the last stream was cut, in the middle of its revision.
  bool IsNew(const v1::Event& event) {
    if (event.revision() != in_stream_) of_revision_in_stream_ = 0;
    in_stream_ = event.revision();
    ++of_revision_in_stream_;
    if (event.revision() < last_) return false;
    if (event.revision() == last_ && of_revision_in_stream_ <= of_last_) return false;
    last_ = event.revision();
    of_last_ = of_revision_in_stream_;
    return true;
  }
  void Delivered(int64_t revision) { resume_ = std::max(resume_, revision); }

 private:
  int64_t resume_;
  int64_t last_ = 0;       // the revision of the last new event
  int of_last_ = 0;        // how many of that revision came
  int64_t in_stream_ = 0;  // the same of the stream that is being read
  int of_revision_in_stream_ = 0;
};

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_COMMANDS_RECEIVED_EVENTS_H_
