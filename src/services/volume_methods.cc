#include "services/volume_methods.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "core/process/validate.h"
#include "grpc_os/v1/volume_services.pb.h"
#include "services/convert/time_convert.h"
#include "services/resource_methods.h"

namespace grpc_os::services {
namespace {

// Of ResourceMethods.
struct VolumeKind {
  using Message = v1::Volume;
  using GetRequest = v1::GetVolumeRequest;
  using ListRequest = v1::ListVolumesRequest;
  using ListResponse = v1::ListVolumesResponse;
  using CreateRequest = v1::CreateVolumeRequest;
  using UpdateRequest = v1::UpdateVolumeRequest;
  using DeleteRequest = v1::DeleteVolumeRequest;
  using DeleteResponse = v1::DeleteVolumeResponse;

  static constexpr const core::ResourceKind& kKind = core::kVolumeKind;

  static const v1::Volume& Given(const auto& request) { return request.volume(); }
  static auto* ItemsOf(v1::ListVolumesResponse& page) { return page.mutable_volumes(); }

  static void CheckName(const std::string& name, const char* field, core::Violations& violations) {
    core::CheckProcessName(name, field, violations);
  }
  static core::Volume Read(const v1::Volume& given, core::Violations& violations) {
    core::Volume volume;
    volume.name = given.name();
    volume.spec = {given.spec().account(), given.spec().shared()};
    CheckName(volume.name, "volume.name", violations);
    core::CheckAccount(volume.spec.account, "volume.spec.account", violations);
    return volume;
  }
  v1::Volume Show(const core::Volume& volume, const Call& call) const {
    v1::Volume shown;
    shown.set_name(volume.name);
    shown.mutable_spec()->set_account(volume.spec.account);
    shown.mutable_spec()->set_shared(volume.spec.shared);
    shown.mutable_status()->set_path(volumes.PathOf(volume.name));
    if (const auto measured = volumes.sizes().Last(volume.name)) {
      shown.mutable_status()->set_size_bytes(measured->size.bytes);
      shown.mutable_status()->set_size_partial(measured->size.partial);
      SetTimeMs(measured->time_ms, shown.mutable_status()->mutable_size_time());
    }
    for (const std::string& process : volumes.UsersOf(volume.name)) {
      if (call.caller().authority.AllowsName("process.read", process))
        shown.mutable_status()->add_processes(process);
    }
    shown.set_owner(volume.owner);
    SetTimeMs(volume.create_time_ms, shown.mutable_create_time());
    SetTimeMs(volume.update_time_ms, shown.mutable_update_time());
    shown.set_etag(core::EtagOf(volume));
    return shown;
  }

  void Refresh(const std::vector<std::string>& names, std::function<void()> done) const {
    volumes.sizes().Refresh(names, std::move(done));
  }
  static std::string KeyOf(const core::Volume& volume) { return volume.name; }
  std::vector<core::Volume> List(const std::string& after, int limit) const {
    return volumes.List(after, limit);
  }
  absl::StatusOr<core::Volume> Find(const std::string& name) const { return volumes.Find(name); }
  void Create(core::Volume wanted, core::Origin origin, core::Volumes::Done done) const {
    volumes.Create(std::move(wanted), std::move(origin), std::move(done));
  }
  void Update(core::Volume wanted, const std::string& etag, core::Origin origin,
              core::Volumes::Done done) const {
    volumes.Update(std::move(wanted), etag, std::move(origin), std::move(done));
  }
  void Delete(const std::string& name, const std::string& etag, core::Origin origin,
              std::function<void(absl::Status)> done) const {
    volumes.Delete(name, etag, std::move(origin), std::move(done));
  }

  core::Volumes& volumes;
};

}  // namespace

void AddVolumeMethods(Handlers& handlers, core::Volumes& volumes) {
  ResourceMethods<VolumeKind>::Add(handlers, {volumes});
}

}  // namespace grpc_os::services
