#include "services/request_subject.h"

#include <cstddef>
#include <set>

#include "absl/strings/str_join.h"

namespace grpc_os::services {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using Path = std::vector<const FieldDescriptor*>;

constexpr const char* kKeys[] = {"name", "process", "user", "prefix", "upload_id", "id", "label"};
constexpr size_t kDeepest = 4;
constexpr size_t kEnoughBytes = 256;

void FindPaths(const Descriptor& message, Path& path, std::vector<Path>& found) {
  const auto add = [&](const FieldDescriptor* field) {
    path.push_back(field);
    found.push_back(path);
    path.pop_back();
  };
  for (const char* key : kKeys) {
    const FieldDescriptor* field = message.FindFieldByName(key);
    if (field == nullptr || field->type() != FieldDescriptor::TYPE_STRING || field->is_repeated())
      continue;
    add(field);
    // Whoever changes a thing may give its id instead.
    const FieldDescriptor* id = message.FindFieldByName("id");
    if (!path.empty() && id != nullptr && id != field) add(id);
    return;
  }
  if (path.size() == kDeepest) return;
  for (int i = 0; i < message.field_count(); ++i) {
    const FieldDescriptor* field = message.field(i);
    const Descriptor* inner = field->message_type();
    if (inner == nullptr || field->is_map() ||
        inner->file()->package() != message.file()->package())
      continue;
    path.push_back(field);
    FindPaths(*inner, path, found);
    path.pop_back();
  }
}

void Collect(const Message& message, const Path& path, size_t at, std::set<std::string>& names,
             size_t& bytes) {
  const FieldDescriptor* field = path[at];
  const auto* reflection = message.GetReflection();
  if (at + 1 == path.size()) {
    std::string name = reflection->GetString(message, field);
    if (name.empty()) return;
    bytes += name.size();
    names.insert(std::move(name));
  } else if (field->is_repeated()) {
    const int count = reflection->FieldSize(message, field);
    for (int i = 0; i < count && bytes < kEnoughBytes; ++i)
      Collect(reflection->GetRepeatedMessage(message, field, i), path, at + 1, names, bytes);
  } else if (reflection->HasField(message, field)) {
    Collect(reflection->GetMessage(message, field), path, at + 1, names, bytes);
  }
}

}  // namespace

RequestSubject::RequestSubject(const Descriptor& request) {
  Path path;
  FindPaths(request, path, paths_);
}

std::string RequestSubject::Of(const Message& request) const {
  if (paths_.size() == 1 && paths_[0].size() == 1)
    return request.GetReflection()->GetString(request, paths_[0][0]);
  std::set<std::string> names;
  size_t bytes = 0;
  for (const Path& path : paths_) Collect(request, path, 0, names, bytes);
  return absl::StrJoin(names, " ");
}

}  // namespace grpc_os::services
