#include "services/declarations.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/identity/roles.h"
#include "grpc_os/v1/options.pb.h"

namespace grpc_os::services {
namespace {

using Names = core::Permission::Names;

Names NamesOf(v1::Permission::Names names) {
  switch (names) {
    case v1::Permission::NAMES_WORD:
      return Names::kWords;
    case v1::Permission::NAMES_PATH:
      return Names::kPaths;
    default:
      return Names::kNone;
  }
}

// Collects what there is and what is wrong with it.
class Reader {
 public:
  void Read(const google::protobuf::FileDescriptor& file) {
    for (int s = 0; s < file.service_count(); ++s) {
      const auto& options = file.service(s)->options();
      for (int p = 0; p < options.ExtensionSize(v1::permissions); ++p)
        Add(options.GetExtension(v1::permissions, p));
    }
    for (int m = 0; m < file.message_type_count(); ++m) {
      const auto& options = file.message_type(m)->options();
      if (options.HasExtension(v1::kind)) Add(options.GetExtension(v1::kind));
    }
  }
  void Use(const std::string& permission, const std::string& by) {
    if (permission == kNoLogin || permission == kAnyLogin) return;
    used_.insert(permission);
    if (!permissions_.contains(permission))
      mistakes_.push_back(absl::StrCat(by, " needs ", permission, ", which no service declares"));
  }
  absl::StatusOr<Declarations> Finish() && {
    Declarations all;
    for (auto& [name, kind] : kinds_) {
      Use(kind.permission, absl::StrCat("the kind ", name));
      all.kinds.push_back(std::move(kind));
    }
    for (auto& [name, permission] : permissions_) {
      if (!used_.contains(name)) mistakes_.push_back(absl::StrCat("nothing needs ", name));
      all.permissions.push_back(std::move(permission));
    }
    if (mistakes_.empty()) return all;
    return absl::FailedPreconditionError(
        absl::StrCat("the protos of the API do not fit together, so nothing is served: ",
                     absl::StrJoin(mistakes_, "; ")));
  }

 private:
  void Add(const v1::Permission& declared) {
    core::Permission permission{.name = declared.name(), .names = NamesOf(declared.names())};
    for (const std::string& role : declared.roles()) {
      if (!core::IsBuiltInRole(role))
        mistakes_.push_back(absl::StrCat(declared.name(), " is of no built-in role ", role));
      permission.roles.push_back(role);
    }
    if (!permissions_.emplace(declared.name(), std::move(permission)).second)
      mistakes_.push_back(absl::StrCat(declared.name(), " is declared twice"));
  }
  void Add(const v1::Kind& declared) {
    const Kind kind{declared.name(), declared.permission(), declared.watched_by_default()};
    if (!kinds_.emplace(declared.name(), kind).second)
      mistakes_.push_back(absl::StrCat("the kind ", declared.name(), " is declared twice"));
  }

  std::map<std::string, core::Permission> permissions_;
  std::map<std::string, Kind> kinds_;
  std::set<std::string> used_;
  std::vector<std::string> mistakes_;
};

}  // namespace

absl::StatusOr<Declarations> Declarations::Build(
    const std::vector<const google::protobuf::FileDescriptor*>& files, const MethodTable& methods) {
  Reader reader;
  for (const auto* file : files) reader.Read(*file);
  for (const MethodInfo& method : methods.all()) reader.Use(method.permission, method.full_name);
  return std::move(reader).Finish();
}

absl::StatusOr<Declarations> Declarations::BuildApi() {
  const auto methods = MethodTable::BuildApi();
  if (!methods.ok()) return methods.status();
  return Build(MethodTable::ApiFiles(), *methods);
}

const Kind* Declarations::FindKind(std::string_view name) const {
  const auto found = std::find_if(kinds.begin(), kinds.end(),
                                  [name](const Kind& kind) { return kind.name == name; });
  return found == kinds.end() ? nullptr : &*found;
}

}  // namespace grpc_os::services
