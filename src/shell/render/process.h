// Processes as people look at them.
#ifndef GRPC_OS_SHELL_RENDER_PROCESS_H_
#define GRPC_OS_SHELL_RENDER_PROCESS_H_

#include <cstdint>
#include <functional>
#include <string>

#include "grpc_os/v1/process_services.pb.h"
#include "shell/render/resource_view.h"

namespace grpc_os::shell {

// "running", "crash_looping", …
std::string StateWord(v1::Process::State state);
// "exit 1", "signal KILL", "supervisor lost", …; "-" if there was none.
std::string ExitWord(const v1::ExitReport& report);
// A sentence's worth: "exit 1 at 2026-11-23T02:07:37Z after 2.5s (attempt 3)".
std::string DescribeExit(const v1::ExitReport& report);
// "always", "on-failure", "never".
std::string PolicyWord(v1::ProcessSpec::RestartPolicy policy);
// "data:/app/data, media:shared", as `--volume` has them.
std::string VolumesText(const v1::ProcessSpec& spec);
// "db:started, cache:ready", as `--depends-on` has them.
std::string DependenciesText(const v1::ProcessSpec& spec);
// As people compare bundles: the first 12 digits.
std::string ShortDigest(const std::string& digest);
// Whether it has a main process now.
bool IsLive(v1::Process::State state);
// Whether it ran to its end, and nothing but its user makes it run again.
bool HasFinished(const v1::Process& process);
// What became of a start: ", pid 7", or "; it has ended already: exit 0".
std::string OutcomeOfStart(const v1::Process& process);
// Whether it should run, could not be executed, and is tried again.
bool WaitsForExecution(const v1::Process& process);
// Whether what runs is older than the spec.
bool NeedsRestart(const v1::Process& process);
// What to do about the state it is in; "" if nothing need be done.
std::string CureFor(const v1::Process& process);

// `text` with each `command` in it as the user has to type it.
using Typing = std::function<std::string(const std::string& text)>;

// A `*` after the state marks one whose spec waits for a restart. The details have the names of
// environment variables, never their values.
ResourceView<v1::Process> ProcessView(int64_t now_ms, Typing typed);

}  // namespace grpc_os::shell

#endif  // GRPC_OS_SHELL_RENDER_PROCESS_H_
