// The generic resource: what a managed thing has, whatever kind it is of.
#ifndef GRPC_OS_CORE_RESOURCE_RESOURCE_H_
#define GRPC_OS_CORE_RESOURCE_RESOURCE_H_

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace grpc_os::core {

struct ResourceMeta {
  std::string id;                   // for ever; unique among all kinds that give ids
  std::string name;                 // for people; unique within its kind
  std::string owner;                // the user who made it
  int64_t generation = 1;           // counts changes of the spec
  int64_t observed_generation = 0;  // which one the status is about
  int64_t create_time_ms = 0;
  int64_t update_time_ms = 0;  // of the spec
  int64_t revision = 0;        // of the last commit that wrote it

  bool operator==(const ResourceMeta&) const = default;
};

// Changes with each change of the spec.
inline std::string EtagOf(const ResourceMeta& meta) {
  return absl::StrCat(absl::Hex(meta.create_time_ms), "-", meta.generation);
}

// What users want (`spec`), and what a reconciler found or made of it (`status`).
struct NoStatus {
  bool operator==(const NoStatus&) const = default;
};
template <typename Fields>
void Describe(Fields&, NoStatus&) {}

template <typename SpecType, typename StatusType = NoStatus>
struct Resource : ResourceMeta {
  using Spec = SpecType;
  using Status = StatusType;

  Spec spec = {};
  Status status = {};

  bool operator==(const Resource&) const = default;
};

// What the kinds have beside their specs. One of each, for as long as the program runs.
struct ResourceKind {
  const char* name;       // "role": of its events, commands and errors
  const char* id_prefix;  // "cert_"; empty: the name is the id
  int most;               // resources of it
  const char* limit;      // its name: "custom_roles"
  // Of an error: core/error_reason.h.
  const char* not_found;
  const char* exists;
  // The shell's commands for it, where they are not "role ls", "role update" and "role rm".
  const char* list_command = nullptr;
  const char* change_command = nullptr;
  const char* remove_command = nullptr;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_RESOURCE_RESOURCE_H_
