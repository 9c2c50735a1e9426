// FilesystemService: see protos/grpc_os/v1/filesystem_services.proto.
#ifndef GRPC_OS_SERVICES_FILESYSTEM_SERVICE_H_
#define GRPC_OS_SERVICES_FILESYSTEM_SERVICE_H_

#include <functional>
#include <memory>
#include <string>

#include "core/checksum.h"
#include "core/digest.h"
#include "core/object/blobs.h"
#include "core/object/content_hash.h"
#include "core/object/content_index.h"
#include "core/object/object_store.h"
#include "core/object/objects.h"
#include "core/object/quotas.h"
#include "core/object/storage_usage.h"
#include "core/object/system_objects.h"
#include "grpc_os/v1/filesystem_services.pb.h"
#include "services/convert/object_convert.h"
#include "services/handlers.h"
#include "services/object_stream.h"
#include "services/upload_calls.h"

namespace grpc_os::services {

// What reads is in filesystem_reads.cc.
class FilesystemService {
 public:
  struct Parts {
    core::Objects& objects;
    core::Quotas& quotas;
    core::ObjectStore& store;
    core::Blobs& blobs;
    core::Uploads& uploads;
    const core::Digest& digest;
    const core::Checksum& checksum;
    const core::SystemObjects& system;
    core::ContentIndex& contents;
    const core::ContentHash& content_hash;
    core::StorageMeter& storage;
  };
  FilesystemService(Handlers& handlers, const Parts& parts);

 private:
  void AddReads(Handlers& handlers);
  void AddLists(Handlers& handlers);
  void AddMeasure(Handlers& handlers);
  void AddWrites(Handlers& handlers);
  void AddDeletes(Handlers& handlers);
  void AddMoves(Handlers& handlers);
  void AddTransactions(Handlers& handlers);
  void AddCheck(Handlers& handlers);
  void AddQuotas(Handlers& handlers);

  using ObjectCall = std::shared_ptr<UnaryCall<v1::Object>>;

  ObjectReader ReaderFor(Call& call) const;
  // DATA_LOSS (OBJECT_DAMAGED) unless the bytes, if it has any, are those that were written.
  absl::Status CheckContent(const core::Object& object) const;
  // As core::Objects::Get with the data, of the system's names and all others.
  void Find(Call& call, const core::GetObject& wanted, int64_t generation,
            core::Objects::Done done) const;
  void FindSystemObject(Call& call, const core::GetObject& wanted, int64_t generation,
                        core::Objects::Done done) const;
  // As core::Objects::List, with what of the system's lies there.
  void ListAll(const std::shared_ptr<Call>& call, const core::ObjectQuery& query,
               std::function<void(absl::StatusOr<core::ObjectPage>)> done) const;
  void ReadContent(const std::shared_ptr<ObjectStream::ReadCall>& call, core::Object object,
                   int64_t offset, int64_t limit_bytes) const;
  // Carries out `work(by, done)` once, and answers with the object.
  template <typename Request, typename Work>
  void RunChange(const ObjectCall& call, const Request& request, const std::string& resource,
                 Work work) const;

  const Parts parts_;
  UploadCalls uploads_;
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_FILESYSTEM_SERVICE_H_
