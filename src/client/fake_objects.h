// FilesystemService of the fake daemon: objects in a map.
#ifndef GRPC_OS_CLIENT_FAKE_OBJECTS_H_
#define GRPC_OS_CLIENT_FAKE_OBJECTS_H_

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "client/crc32c.h"
#include "client/fake_state.h"
#include "grpc_os/v1/filesystem_services.grpc.pb.h"

namespace grpc_os::client {

// The rules of names are left out; what is asked for is taken as it comes.
class FakeObjects : public v1::FilesystemService::Service {
 public:
  explicit FakeObjects(FakeState& state) : state_(state) {}

  // A new object, or new content of one that is there.
  static v1::Object& Put(FakeState& state, const std::string& name, const std::string& data) {
    const auto found = state.objects.find(name);
    if (found != state.objects.end()) Retire(state, found->second, false);
    v1::Object& object = state.objects[name];
    object.set_name(name);
    object.set_folder(name.ends_with('/'));
    object.set_generation(++state.revision);
    object.set_metageneration(1);
    object.set_revision(state.revision);
    if (object.id().empty()) object.set_id("obj_f" + std::to_string(state.next_number++));
    if (object.content_type().empty()) object.set_content_type("application/octet-stream");
    object.set_owner("admin");
    object.set_data(data);
    object.set_size_bytes(static_cast<int64_t>(data.size()));
    object.set_crc32c(Crc32c(data));
    char sha256[65];
    std::snprintf(sha256, sizeof(sha256), "%064x", object.crc32c());
    object.set_sha256(sha256);
    object.mutable_update_time()->set_seconds(1'700'000'000 + state.revision);
    object.mutable_create_time()->set_seconds(1'700'000'000);
    return object;
  }

  grpc::Status CreateObject(grpc::ServerContext* context, const v1::CreateObjectRequest* request,
                            v1::Object* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    const std::string name = request->object().name();
    if (auto status = Enter(context, "CreateObject", name); !status.ok()) return status;
    if (state_.objects.count(name) != 0) return Taken(name);
    if (Crc32c(request->data()) != request->crc32c()) return Mismatch();
    v1::Object& object = Put(state_, name, request->data());
    if (!request->object_id().empty()) object.set_id(request->object_id());
    Take(request->object(), object);
    *response = WithoutData(object);
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status PutObject(grpc::ServerContext* context, const v1::PutObjectRequest* request,
                         v1::Object* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (state_.before_put) std::exchange(state_.before_put, nullptr)();
    const std::string name = NameOf(request->object().name());
    if (auto status = Enter(context, "PutObject", name); !status.ok()) return status;
    if (auto status = Check(name, request->preconditions()); !status.ok()) return status;
    if (Crc32c(request->data()) != request->crc32c()) return Mismatch();
    v1::Object& object = Put(state_, name, request->data());
    Take(request->object(), object);
    *response = WithoutData(object);
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status GetObject(grpc::ServerContext* context, const v1::GetObjectRequest* request,
                         v1::Object* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (state_.before_get) std::exchange(state_.before_get, nullptr)();
    if (auto status = Enter(context, "GetObject", request->name()); !status.ok()) return status;
    const v1::Object* object = Find(request->name(), request->generation());
    if (object != nullptr) {
      *response = request->include_data() ? *object : WithoutData(*object);
      return grpc::Status::OK;
    }
    // Implied by what lies in it.
    const std::string folder = AsFolder(request->name());
    for (const auto& [name, each] : state_.objects) {
      if (!name.starts_with(folder)) continue;
      response->set_name(folder);
      response->set_folder(true);
      return grpc::Status::OK;
    }
    return NotFound(request->name());
  }

  grpc::Status ReadObject(grpc::ServerContext* context, const v1::ReadObjectRequest* request,
                          grpc::ServerWriter<v1::ReadObjectResponse>* writer) override {
    v1::Object object;
    size_t cut = 0;
    bool damaged = false;
    bool damaged_piece = false;
    {
      const std::lock_guard<std::mutex> lock(state_.mutex);
      if (auto status = Enter(context, "ReadObject", request->name()); !status.ok()) return status;
      if (state_.before_read) std::exchange(state_.before_read, nullptr)();
      if (state_.away || (state_.lose_reads > 0 && state_.lose_reads-- > 0)) return Away();
      const v1::Object* found = Find(request->name(), request->generation());
      if (found == nullptr) return NotFound(request->name());
      object = *found;
      cut = static_cast<size_t>(state_.cut_reads_after);
      damaged = state_.damage_reads;
      damaged_piece = state_.damage_pieces;
      state_.reads.push_back(*request);
    }
    const std::string data = object.data().substr(static_cast<size_t>(request->offset()));
    constexpr size_t kChunk = size_t{16} << 10;
    for (size_t at = 0; at == 0 || at < data.size(); at += kChunk) {
      if (cut != 0 && at >= cut) {
        const std::lock_guard<std::mutex> lock(state_.mutex);
        state_.away = state_.stays_away;
        return Away();
      }
      v1::ReadObjectResponse message;
      if (at == 0) *message.mutable_object() = WithoutData(object);
      if (damaged) message.mutable_object()->set_crc32c(1);
      message.set_offset(request->offset() + static_cast<int64_t>(at));
      message.set_data(data.substr(at, kChunk));
      message.set_crc32c(Crc32c(message.data()) ^ (damaged_piece ? 1 : 0));
      writer->Write(message);
    }
    return grpc::Status::OK;
  }

  grpc::Status UpdateObject(grpc::ServerContext* context, const v1::UpdateObjectRequest* request,
                            v1::Object* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    const std::string name = NameOf(request->object().name());
    if (auto status = Enter(context, "UpdateObject", name); !status.ok()) return status;
    const auto found = state_.objects.find(name);
    if (found == state_.objects.end()) return NotFound(name);
    if (auto status = Check(name, request->preconditions()); !status.ok()) return status;
    v1::Object& object = found->second;
    for (const std::string& path : request->update_mask().paths()) {
      if (path == "content_type") object.set_content_type(request->object().content_type());
      if (path == "metadata") *object.mutable_metadata() = request->object().metadata();
      if (path == "expire_time") *object.mutable_expire_time() = request->object().expire_time();
    }
    object.set_metageneration(object.metageneration() + 1);
    *response = WithoutData(object);
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status DeleteObject(grpc::ServerContext* context, const v1::DeleteObjectRequest* request,
                            v1::DeleteObjectResponse* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    const std::string name = NameOf(request->name());
    const std::string how =
        std::string(request->recursive() ? " recursive" : "") + (request->purge() ? " purge" : "") +
        (request->versions_only() ? " versions" : "") + (request->in_parts() ? " in parts" : "");
    if (auto status = Enter(context, "DeleteObject" + how, name); !status.ok()) return status;
    if (request->in_parts() && state_.before_part) {
      if (auto status = state_.before_part(); !status.ok()) return status;
    }
    std::vector<std::string> below;
    for (const auto& [each, object] : state_.objects) {
      if (each == name || each.starts_with(AsFolder(name))) below.push_back(each);
    }
    if (below.empty()) return NotFound(name);
    if (below.size() > 1 && !request->recursive()) {
      return FakeError(grpc::FAILED_PRECONDITION, name + " is not empty.", "FOLDER_NOT_EMPTY");
    }
    if (!request->in_parts() && below.size() > state_.objects_per_call) return TooMany();
    ++state_.revision;
    response->set_revision(state_.revision);
    if (request->in_parts()) response->set_more(LeavePart(below));
    if (request->versions_only()) {
      response->set_deleted_count(
          static_cast<int64_t>(std::erase_if(state_.versions, [&](const v1::Object& version) {
            return version.name() == name || version.name().starts_with(AsFolder(name));
          })));
      response->set_more(false);
      return LeaveFake(state_, request->request_id());
    }
    for (const std::string& each : below) {
      if (!request->purge()) Retire(state_, state_.objects[each], true);
      state_.objects.erase(each);
    }
    response->set_deleted_count(static_cast<int64_t>(below.size()));
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status UndeleteObject(grpc::ServerContext* context,
                              const v1::UndeleteObjectRequest* request,
                              v1::Object* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = Enter(context, "UndeleteObject", request->name()); !status.ok()) {
      return status;
    }
    if (request->name() == state_.undelete_taken) return Taken(request->name());
    for (size_t i = state_.versions.size(); i-- > 0;) {
      const v1::Object version = state_.versions[i];
      if (version.name() != request->name() || !version.deleted()) continue;
      if (request->generation() != 0 && version.generation() != request->generation()) continue;
      if (state_.objects.count(version.name()) != 0) return Taken(version.name());
      v1::Object& object = Put(state_, version.name(), version.data());
      object.set_id(version.id());
      *response = WithoutData(object);
      return LeaveFake(state_, request->request_id());
    }
    return NotFound(request->name());
  }

  grpc::Status MoveObject(grpc::ServerContext* context, const v1::MoveObjectRequest* request,
                          v1::Object* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    const std::string name = NameOf(request->name());
    if (auto status = Enter(context, "MoveObject " + name + " to", request->destination());
        !status.ok()) {
      return status;
    }
    const auto found = state_.objects.find(name);
    if (found == state_.objects.end())
      return Below(name).size() > state_.objects_per_call ? TooMany() : NotFound(name);
    if (state_.objects.count(request->destination()) != 0) return Taken(request->destination());
    v1::Object object = found->second;
    state_.objects.erase(found);
    object.set_name(request->destination());
    *response = WithoutData(object);
    state_.objects[request->destination()] = std::move(object);
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status MoveFolder(grpc::ServerContext* context, const v1::MoveFolderRequest* request,
                          v1::MoveFolderResponse* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    const std::string name = AsFolder(request->name());
    if (auto status = Enter(context, "MoveFolder " + name + " to", request->destination());
        !status.ok()) {
      return status;
    }
    if (state_.before_part) {
      if (auto status = state_.before_part(); !status.ok()) return status;
    }
    std::vector<std::string> below = Below(name);
    if (below.empty()) return NotFound(name);
    response->set_more(LeavePart(below));
    for (const std::string& each : below) {
      const std::string to = AsFolder(request->destination()) + each.substr(name.size());
      if (state_.objects.count(to) != 0) return Taken(to);
      v1::Object object = state_.objects[each];
      state_.objects.erase(each);
      object.set_name(to);
      state_.objects[to] = std::move(object);
    }
    response->set_revision(++state_.revision);
    response->set_moved_count(static_cast<int64_t>(below.size()));
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status CopyObject(grpc::ServerContext* context, const v1::CopyObjectRequest* request,
                          v1::Object* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    const std::string name = NameOf(request->name());
    if (auto status = Enter(context, "CopyObject " + name + " to", request->destination());
        !status.ok()) {
      return status;
    }
    const v1::Object* source = Find(name, request->generation());
    if (source == nullptr) return NotFound(name);
    const std::string data = source->data();
    if (!request->has_preconditions() && state_.objects.count(request->destination()) != 0) {
      return Taken(request->destination());
    }
    if (auto status = Check(request->destination(), request->preconditions()); !status.ok()) {
      return status;
    }
    *response = WithoutData(Put(state_, request->destination(), data));
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status CreateFolder(grpc::ServerContext* context, const v1::CreateFolderRequest* request,
                            v1::Object* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = Enter(context, "CreateFolder", request->name()); !status.ok()) return status;
    const std::string object_name = request->name().substr(0, request->name().size() - 1);
    if (state_.objects.count(object_name) != 0) return Taken(object_name);
    *response = WithoutData(Put(state_, request->name(), ""));
    return LeaveFake(state_, request->request_id());
  }

  // Pages of two, whatever is asked for.
  grpc::Status ListObjects(grpc::ServerContext* context, const v1::ListObjectsRequest* request,
                           v1::ListObjectsResponse* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = Enter(context, "ListObjects", request->prefix()); !status.ok()) return status;
    std::map<std::string, v1::Object> listed;
    for (const auto& [name, object] : request->deleted() ? Deleted() : state_.objects) {
      const std::string prefix =
          request->recursive() ? request->prefix() : AsFolder(request->prefix());
      if (!name.starts_with(prefix) || (name == prefix && !request->recursive())) continue;
      const size_t slash = name.find('/', prefix.size());
      if (request->recursive() || slash == std::string::npos || slash + 1 == name.size()) {
        listed[name] = WithoutData(object);
        continue;
      }
      v1::Object& folder = listed[name.substr(0, slash + 1)];
      if (!folder.name().empty()) continue;
      folder.set_name(name.substr(0, slash + 1));
      folder.set_folder(true);
    }
    auto from = request->page_token().empty() ? listed.begin() : listed.find(request->page_token());
    for (int n = 0; n < 2 && from != listed.end(); ++n, ++from) {
      *response->add_objects() = from->second;
    }
    if (from != listed.end()) response->set_next_page_token(from->first);
    response->set_revision(state_.revision);
    return grpc::Status::OK;
  }

  grpc::Status ListVersions(grpc::ServerContext* context, const v1::ListVersionsRequest* request,
                            v1::ListVersionsResponse* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    const std::string name = NameOf(request->name());
    if (auto status = Enter(context, "ListVersions", name); !status.ok()) return status;
    const auto live = state_.objects.find(name);
    if (live != state_.objects.end()) *response->add_objects() = WithoutData(live->second);
    for (size_t i = state_.versions.size(); i-- > 0;) {
      if (state_.versions[i].name() == name) {
        *response->add_objects() = WithoutData(state_.versions[i]);
      }
    }
    return grpc::Status::OK;
  }

  grpc::Status MeasureObjects(grpc::ServerContext* context,
                              const v1::MeasureObjectsRequest* request,
                              v1::MeasureObjectsResponse* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = Enter(context, "MeasureObjects", request->prefix()); !status.ok()) {
      return status;
    }
    // One object a page.
    int at = 0;
    const int wanted = request->page_token().empty() ? 0 : std::stoi(request->page_token());
    for (const auto& [name, object] : state_.objects) {
      if (!name.starts_with(request->prefix())) continue;
      if (at++ != wanted) continue;
      response->set_objects(1);
      response->set_bytes(object.size_bytes());
    }
    if (wanted + 1 < at) response->set_next_page_token(std::to_string(wanted + 1));
    return grpc::Status::OK;
  }

  grpc::Status StartUpload(grpc::ServerContext* context, const v1::StartUploadRequest* request,
                           v1::Upload* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    const std::string& name = request->object().name();
    if (auto status = Enter(context, "StartUpload", name); !status.ok()) return status;
    if (!state_.has_uploads) return grpc::Status(grpc::UNIMPLEMENTED, "");
    const std::string id = "upload-" + std::to_string(state_.next_number++);
    state_.uploads[id].request = *request;
    *response = ToUpload(id);
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status WriteUpload(grpc::ServerContext* context,
                           grpc::ServerReader<v1::WriteUploadRequest>* reader,
                           v1::Upload* response) override {
    v1::WriteUploadRequest piece;
    std::string id;
    size_t taken = 0;
    while (reader->Read(&piece)) {
      const std::lock_guard<std::mutex> lock(state_.mutex);
      if (id.empty()) {
        id = piece.upload_id();
        if (auto status = Enter(context, "WriteUpload", id); !status.ok()) return status;
      }
      const auto found = state_.uploads.find(id);
      if (found == state_.uploads.end()) return UploadNotFound();
      if (Crc32c(piece.data()) != piece.crc32c()) return Mismatch();
      std::string& data = found->second.data;
      const auto offset = static_cast<size_t>(piece.offset());
      if (offset > data.size()) {
        return FakeError(grpc::OUT_OF_RANGE, "The piece does not follow.", "UPLOAD_OFFSET");
      }
      std::string bytes = piece.data();
      const auto cut = static_cast<size_t>(state_.cut_uploads_after);
      const bool last = cut != 0 && taken + bytes.size() > cut;
      if (last) bytes.resize(cut - taken);  // in the middle of a piece
      taken += bytes.size();
      data.resize(std::max(data.size(), offset + bytes.size()));
      data.replace(offset, bytes.size(), bytes);
      if (last) {
        state_.cut_uploads_after = 0;
        state_.away = state_.stays_away;
        return Away();
      }
    }
    const std::lock_guard<std::mutex> lock(state_.mutex);
    *response = ToUpload(id);
    return grpc::Status::OK;
  }

  grpc::Status GetUpload(grpc::ServerContext* context, const v1::GetUploadRequest* request,
                         v1::Upload* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = Enter(context, "GetUpload", request->upload_id()); !status.ok()) {
      return status;
    }
    if (state_.away) return Away();
    if (state_.uploads.count(request->upload_id()) == 0) return UploadNotFound();
    *response = ToUpload(request->upload_id());
    return grpc::Status::OK;
  }

  grpc::Status FinishUpload(grpc::ServerContext* context, const v1::FinishUploadRequest* request,
                            v1::Object* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = Enter(context, "FinishUpload", request->upload_id()); !status.ok()) {
      return status;
    }
    const auto found = state_.uploads.find(request->upload_id());
    if (found == state_.uploads.end()) return UploadNotFound();
    FakeUpload& upload = found->second;
    if (upload.object.name().empty()) {
      const std::string& name = upload.request.object().name();
      if (auto status = Check(name, upload.request.preconditions()); !status.ok()) return status;
      if (static_cast<int64_t>(upload.data.size()) != request->size_bytes() ||
          Crc32c(upload.data) != request->crc32c()) {
        return Mismatch();
      }
      v1::Object& object = Put(state_, name, upload.data);
      Take(upload.request.object(), object);
      upload.object = WithoutData(object);
    }
    *response = upload.object;
    return LeaveFake(state_, "");
  }

  grpc::Status ListUploads(grpc::ServerContext* context, const v1::ListUploadsRequest* request,
                           v1::ListUploadsResponse* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    const std::string whose = request->all_users() ? "all" : "own";
    if (auto status = Enter(context, "ListUploads", whose); !status.ok()) return status;
    for (const auto& [id, upload] : state_.uploads) *response->add_uploads() = ToUpload(id);
    return grpc::Status::OK;
  }

  grpc::Status CancelUpload(grpc::ServerContext* context, const v1::CancelUploadRequest* request,
                            v1::CancelUploadResponse*) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = Enter(context, "CancelUpload", request->upload_id()); !status.ok()) {
      return status;
    }
    return state_.uploads.erase(request->upload_id()) == 0 ? UploadNotFound() : grpc::Status::OK;
  }

  grpc::Status CheckObjects(grpc::ServerContext* context, const v1::CheckObjectsRequest* request,
                            grpc::ServerWriter<v1::CheckObjectsResponse>* writer) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = Enter(context, "CheckObjects", request->prefix()); !status.ok()) {
      return status;
    }
    for (const v1::CheckObjectsResponse& message : state_.checks) writer->Write(message);
    return grpc::Status::OK;
  }

  grpc::Status SetQuota(grpc::ServerContext* context, const v1::SetQuotaRequest* request,
                        v1::Quota* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    const std::string& prefix = request->quota().prefix();
    if (auto status = Enter(context, "SetQuota", prefix); !status.ok()) return status;
    *response = state_.quotas[prefix] = request->quota();
    return LeaveFake(state_, request->request_id());
  }

  grpc::Status ListQuotas(grpc::ServerContext* context, const v1::ListQuotasRequest* request,
                          v1::ListQuotasResponse* response) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = Enter(context, "ListQuotas", ""); !status.ok()) return status;
    auto from = state_.quotas.lower_bound(request->page_token());
    for (int n = 0; n < 2 && from != state_.quotas.end(); ++n, ++from)
      *response->add_quotas() = from->second;
    if (from != state_.quotas.end()) response->set_next_page_token(from->first);
    return grpc::Status::OK;
  }

  grpc::Status DeleteQuota(grpc::ServerContext* context, const v1::DeleteQuotaRequest* request,
                           v1::DeleteQuotaResponse*) override {
    const std::lock_guard<std::mutex> lock(state_.mutex);
    if (auto status = Enter(context, "DeleteQuota", request->prefix()); !status.ok()) {
      return status;
    }
    if (state_.quotas.erase(request->prefix()) == 0) {
      return FakeError(grpc::NOT_FOUND, "There is no quota of " + request->prefix() + ".",
                       "QUOTA_NOT_FOUND");
    }
    return LeaveFake(state_, request->request_id());
  }

 private:
  std::vector<std::string> Below(const std::string& name) const {
    std::vector<std::string> below;
    for (const auto& [each, object] : state_.objects)
      if (each.starts_with(AsFolder(name))) below.push_back(each);
    return below;
  }
  // Whether there is more than a part of it.
  bool LeavePart(std::vector<std::string>& names) const {
    const size_t part = state_.objects_per_call / 10;
    if (names.size() <= part) return false;
    names.resize(part);
    return true;
  }
  static grpc::Status TooMany() {
    return FakeError(grpc::RESOURCE_EXHAUSTED, "That is too much.", "LIMIT_REACHED",
                     /*retry_after_ms=*/0, "objects_per_call");
  }
  static std::string AsFolder(const std::string& name) {
    return name.ends_with('/') ? name : name + "/";
  }

  static void Retire(FakeState& state, const v1::Object& object, bool deleted) {
    v1::Object version = object;
    version.mutable_retire_time()->set_seconds(1'700'000'001 + state.revision);
    version.set_deleted(deleted);
    state.versions.push_back(std::move(version));
  }

  // What can be brought back.
  std::map<std::string, v1::Object> Deleted() const {
    std::map<std::string, v1::Object> deleted;
    for (const v1::Object& version : state_.versions) {
      if (version.deleted() && !version.folder()) deleted[version.name()] = version;
    }
    for (const auto& [name, object] : state_.objects) deleted.erase(name);
    return deleted;
  }

  static v1::Object WithoutData(v1::Object object) {
    object.clear_data();
    return object;
  }

  static void Take(const v1::Object& given, v1::Object& object) {
    if (!given.content_type().empty()) object.set_content_type(given.content_type());
    if (!given.metadata().empty()) *object.mutable_metadata() = given.metadata();
    if (given.has_expire_time()) *object.mutable_expire_time() = given.expire_time();
    if (given.has_ttl()) *object.mutable_ttl() = given.ttl();  // as it was asked for
  }

  static grpc::Status NotFound(const std::string& name) {
    return FakeError(grpc::NOT_FOUND, "There is no object " + name + ".", "OBJECT_NOT_FOUND");
  }
  static grpc::Status Taken(const std::string& name) {
    return FakeError(grpc::ALREADY_EXISTS, "There is an object " + name + ".", "NAME_TAKEN");
  }
  static grpc::Status Away() { return grpc::Status(grpc::UNAVAILABLE, "Socket closed"); }
  static grpc::Status UploadNotFound() {
    return FakeError(grpc::NOT_FOUND, "There is no such upload.", "UPLOAD_NOT_FOUND");
  }
  static grpc::Status Mismatch() {
    return FakeError(grpc::INVALID_ARGUMENT, "The bytes are not those of the checksum.",
                     "CHECKSUM_MISMATCH");
  }

  grpc::Status Enter(grpc::ServerContext* context, const std::string& call,
                     const std::string& name) {
    return EnterFake(state_, context, call + " " + name);
  }

  std::string NameOf(const std::string& reference) const {
    for (const auto& [name, object] : state_.objects) {
      if (object.id() == reference) return name;
    }
    return state_.objects.count(reference) == 0 && state_.objects.count(reference + "/") != 0
               ? reference + "/"
               : reference;
  }

  const v1::Object* Find(const std::string& reference, int64_t generation) const {
    const std::string name = NameOf(reference);
    const auto live = state_.objects.find(name);
    if (live != state_.objects.end() &&
        (generation == 0 || live->second.generation() == generation)) {
      return &live->second;
    }
    for (const v1::Object& version : state_.versions) {
      if (generation != 0 && version.name() == name && version.generation() == generation) {
        return &version;
      }
    }
    return nullptr;
  }

  grpc::Status Check(const std::string& name, const v1::Preconditions& wanted) const {
    const auto live = state_.objects.find(name);
    const int64_t generation = live == state_.objects.end() ? 0 : live->second.generation();
    if (!wanted.has_if_generation_match() || wanted.if_generation_match() == generation) {
      return grpc::Status::OK;
    }
    return FakeError(grpc::FAILED_PRECONDITION,
                     name + " has the generation " + std::to_string(generation) + ", not " +
                         std::to_string(wanted.if_generation_match()) + ".",
                     "PRECONDITION_FAILED");
  }

  v1::Upload ToUpload(const std::string& id) const {
    const FakeUpload& upload = state_.uploads.at(id);
    v1::Upload answer;
    answer.set_upload_id(id);
    answer.set_name(upload.request.object().name());
    answer.set_persisted_bytes(static_cast<int64_t>(upload.data.size()));
    answer.set_crc32c(Crc32c(upload.data));
    answer.set_finished(!upload.object.name().empty());
    answer.set_owner("admin");
    answer.set_busy(upload.busy);
    return answer;
  }

  FakeState& state_;
};

}  // namespace grpc_os::client

#endif  // GRPC_OS_CLIENT_FAKE_OBJECTS_H_
