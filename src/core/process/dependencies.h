// What processes depend on: rules over `depends_on`. Pure.
#ifndef GRPC_OS_CORE_PROCESS_DEPENDENCIES_H_
#define GRPC_OS_CORE_PROCESS_DEPENDENCIES_H_

#include <functional>
#include <string>
#include <vector>

#include "core/process/process.h"

namespace grpc_os::core {

// Whether a process has come that far.
bool HasCome(DependencyCondition condition, const Process& process);

// What is waited for, to stand after "waits for": "db to be ready".
std::string Wanted(const Dependency& dependency);
// The same, where more than patience is needed with what and why: "db, which is stopped: `start
// db`". nullptr: there is no such process.
std::string Wanted(const Dependency& dependency, const Process* process);

// The shortest way from `name` over what it depends on back to it, both ends in it: {"a", "b",
// "a"}; empty: there is none. `of` gives the names that a process depends on.
std::vector<std::string> FindCycle(
    const std::string& name, const std::function<std::vector<std::string>(const std::string&)>& of);

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_PROCESS_DEPENDENCIES_H_
