#include "server/reflection.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "grpc/reflection/v1alpha/reflection.pb.h"
#include "server/message_bytes.h"
#include "server/one_answer.h"
#include "transport/stream.h"

namespace grpc_os::server {
namespace {

using google::protobuf::DescriptorPool;
using google::protobuf::FileDescriptor;
using Names = std::set<std::string>;

const DescriptorPool& Pool() { return *DescriptorPool::generated_pool(); }

// The two versions have the same messages under other names.
struct V1 {
  using Request = grpc::reflection::v1::ServerReflectionRequest;
  using Response = grpc::reflection::v1::ServerReflectionResponse;
};
struct V1Alpha {
  using Request = grpc::reflection::v1alpha::ServerReflectionRequest;
  using Response = grpc::reflection::v1alpha::ServerReflectionResponse;
};

// One at a time: a question is read once the last one's answer is on its way. Deletes itself. Lives
// on the I/O thread alone.
template <typename Version>
class Conversation final : public transport::StreamUser {
 public:
  using Request = typename Version::Request;
  using Response = typename Version::Response;

  Conversation(transport::Stream& stream, const Names& services)
      : stream_(stream), services_(services) {}

 private:
  void OnMessage(std::string_view bytes) override {
    Request request;
    if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return stream_.Finish(ToEnd(absl::InternalError("this is no ServerReflectionRequest")),
                            std::nullopt);
    }
    Response response;
    Answer(request, response);
    response.set_valid_host(request.host());
    *response.mutable_original_request() = std::move(request);
    writing_ = true;
    stream_.Write(ToBytes(response));
  }
  void OnHalfClosed() override { End({}); }
  void OnWritten(bool) override {
    writing_ = false;
    if (end_.has_value()) return End({});
    stream_.Read();
  }
  void OnCancelled(const absl::Status& why) override { End(ToEnd(why)); }
  void OnGone() override { delete this; }

  void End(transport::EndStatus status) {
    if (finished_) return;
    if (!end_.has_value()) end_ = std::move(status);
    if (writing_) return;
    finished_ = true;
    stream_.Finish(*end_, std::nullopt);
  }

  void Answer(const Request& request, Response& response) {
    switch (request.message_request_case()) {
      case Request::kFileByFilename:
        return AddFile(Pool().FindFileByName(request.file_by_filename()),
                       request.file_by_filename(), response);
      case Request::kFileContainingSymbol:
        return AddFile(Pool().FindFileContainingSymbol(request.file_containing_symbol()),
                       request.file_containing_symbol(), response);
      case Request::kFileContainingExtension: {
        const auto& wanted = request.file_containing_extension();
        const auto* type = Pool().FindMessageTypeByName(wanted.containing_type());
        const auto* field = type == nullptr
                                ? nullptr
                                : Pool().FindExtensionByNumber(type, wanted.extension_number());
        return AddFile(
            field == nullptr ? nullptr : field->file(),
            absl::StrCat("extension ", wanted.extension_number(), " of ", wanted.containing_type()),
            response);
      }
      case Request::kAllExtensionNumbersOfType: {
        const std::string& name = request.all_extension_numbers_of_type();
        const auto* type = Pool().FindMessageTypeByName(name);
        if (type == nullptr) return NotFound(name, response);
        std::vector<const google::protobuf::FieldDescriptor*> fields;
        Pool().FindAllExtensions(type, &fields);
        auto& numbers = *response.mutable_all_extension_numbers_response();
        numbers.set_base_type_name(name);
        for (const auto* field : fields) numbers.add_extension_number(field->number());
        return;
      }
      case Request::kListServices:
        for (const std::string& name : services_)
          response.mutable_list_services_response()->add_service()->set_name(name);
        return;
      case Request::MESSAGE_REQUEST_NOT_SET:
        break;
    }
    auto& error = *response.mutable_error_response();
    error.set_error_code(static_cast<int>(absl::StatusCode::kInvalidArgument));
    error.set_error_message("the request asks for nothing");
  }

  // With those that it imports and were not sent yet.
  void AddFile(const FileDescriptor* file, const std::string& wanted, Response& response) {
    if (file == nullptr) return NotFound(wanted, response);
    std::vector<const FileDescriptor*> files{file};
    for (size_t i = 0; i < files.size(); ++i) {
      if (!sent_.insert(files[i]).second && i > 0) continue;
      google::protobuf::FileDescriptorProto proto;
      files[i]->CopyTo(&proto);
      response.mutable_file_descriptor_response()->add_file_descriptor_proto(
          proto.SerializeAsString());
      for (int n = 0; n < files[i]->dependency_count(); ++n)
        files.push_back(files[i]->dependency(n));
    }
  }
  static void NotFound(const std::string& wanted, Response& response) {
    auto& error = *response.mutable_error_response();
    error.set_error_code(static_cast<int>(absl::StatusCode::kNotFound));
    error.set_error_message(absl::StrCat("there is no ", wanted));
  }

  transport::Stream& stream_;
  const Names& services_;
  std::set<const FileDescriptor*> sent_;
  bool writing_ = false;
  bool finished_ = false;
  std::optional<transport::EndStatus> end_;
};

template <typename Version>
transport::Method MakeMethod(const std::shared_ptr<Names>& services) {
  return {.client_streams = true,
          .begin = [services](transport::Stream& stream) -> transport::StreamUser* {
            auto* conversation = new Conversation<Version>(stream, *services);
            stream.Read();
            return conversation;
          }};
}

}  // namespace

void AddReflection(transport::Methods& methods) {
  const auto services = std::make_shared<Names>();
  for (const char* version : {"v1", "v1alpha"}) {
    const std::string path =
        absl::StrCat("/grpc.reflection.", version, ".ServerReflection/ServerReflectionInfo");
    methods[path] = version == std::string_view("v1") ? MakeMethod<V1>(services)
                                                      : MakeMethod<V1Alpha>(services);
  }
  for (const auto& [path, method] : methods)
    services->insert(path.substr(1, path.find('/', 1) - 1));
}

}  // namespace grpc_os::server
