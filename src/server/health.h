// grpc.health.v1: whether the server serves.
#ifndef GRPC_OS_SERVER_HEALTH_H_
#define GRPC_OS_SERVER_HEALTH_H_

#include <set>
#include <string>
#include <string_view>

#include "base/guarded.h"
#include "transport/io_thread.h"

namespace grpc_os::server {

// One status for the server and all its services. Thread-safe; outlives the server.
class Health {
 public:
  // Adds its methods.
  void AddTo(transport::Methods& methods);
  // It answers for the services of these: once all are there, before the server runs.
  void AnswerFor(const transport::Methods& methods);
  void SetServing(bool serving);
  // A server that is stuck does not serve, whatever SetServing said.
  void SetStuck(bool stuck);

 private:
  class Watcher;
  struct State {
    bool serving = false;
    bool stuck = false;
    bool Serves() const { return serving && !stuck; }
    std::set<Watcher*> watchers;
  };
  bool Knows(std::string_view service) const;
  static void Update(const State& state);

  std::set<std::string, std::less<>> services_;  // constant once the server runs
  Guarded<State> state_;
};

}  // namespace grpc_os::server

#endif  // GRPC_OS_SERVER_HEALTH_H_
