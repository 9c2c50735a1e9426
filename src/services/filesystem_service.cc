#include "services/filesystem_service.h"

#include <set>
#include <utility>

#include "absl/strings/str_join.h"
#include "services/object_access.h"
#include "services/run_once.h"

namespace grpc_os::services {
namespace {

core::Objects::By ByOf(Call& call, core::Origin origin) {
  return {.origin = std::move(origin), .access = LastingAccessOf(call)};
}

// Of what is repeated, the answer was the caller's to see although it may only write there.
core::ObjectAccess AccessToRepeat(const Call& call) {
  return [access = AccessOf(call)](core::ObjectVerb, std::string_view name) {
    return access(core::ObjectVerb::kRead, name) || access(core::ObjectVerb::kWrite, name);
  };
}

core::Objects::Done AnswerWith(const std::shared_ptr<UnaryCall<v1::Object>>& call) {
  return [call](const absl::StatusOr<core::Object>& object) {
    if (!object.ok()) return call->End(object.status());
    call->Answer(ToProto(*object));
  };
}

// What a transaction is about, for the audit.
std::string NamesOf(const core::ObjectTransaction& transaction) {
  std::set<std::string> names;
  for (const auto* changes : {&transaction.success, &transaction.failure}) {
    for (const core::ObjectChange& change : *changes) {
      if (std::holds_alternative<core::GetObject>(change)) continue;
      names.insert(std::visit([](const auto& one) { return one.name; }, change));
    }
  }
  return absl::StrJoin(names, " ");
}

}  // namespace

ObjectReader FilesystemService::ReaderFor(Call& call) const {
  return ObjectReader({.digest = parts_.digest,
                       .checksum = parts_.checksum,
                       .now_ms = call.environment().clock.NowMs()});
}

template <typename Request, typename Work>
void FilesystemService::RunChange(const ObjectCall& call, const Request& request,
                                  const std::string& resource, Work work) const {
  auto carry_out = [call, work = std::move(work)](core::Origin origin) mutable {
    work(ByOf(*call, std::move(origin)), AnswerWith(call));
  };
  const auto repeat = [this, call](const core::CommittedRequest& committed) {
    parts_.objects.Get(committed.subject, 0, false, {}, AccessToRepeat(*call), AnswerWith(call));
  };
  RunOnce(call, request, resource, std::move(carry_out), repeat);
}

FilesystemService::Reactor* FilesystemService::CreateObject(Context* context,
                                                            const v1::CreateObjectRequest* request,
                                                            v1::Object* response) {
  return parts_.funnel.Unary(
      context, "grpc_os.v1.FilesystemService/CreateObject", response, [&](const auto& call) {
        ObjectReader reader = ReaderFor(*call);
        core::CreateObject change = reader.Create(*request, "");
        if (absl::Status status = reader.status(); !status.ok()) return call->End(status);
        const std::string name = change.name;
        RunChange(call, *request, name,
                  [this, change = std::move(change)](core::Objects::By by,
                                                     core::Objects::Done done) mutable {
                    parts_.objects.Create(std::move(change), std::move(by), std::move(done));
                  });
      });
}

FilesystemService::Reactor* FilesystemService::PutObject(Context* context,
                                                         const v1::PutObjectRequest* request,
                                                         v1::Object* response) {
  return parts_.funnel.Unary(
      context, "grpc_os.v1.FilesystemService/PutObject", response, [&](const auto& call) {
        ObjectReader reader = ReaderFor(*call);
        core::PutObject change = reader.Put(*request, "");
        if (absl::Status status = reader.status(); !status.ok()) return call->End(status);
        const std::string name = change.name;
        RunChange(call, *request, name,
                  [this, change = std::move(change)](core::Objects::By by,
                                                     core::Objects::Done done) mutable {
                    parts_.objects.Put(std::move(change), std::move(by), std::move(done));
                  });
      });
}

FilesystemService::Reactor* FilesystemService::UpdateObject(Context* context,
                                                            const v1::UpdateObjectRequest* request,
                                                            v1::Object* response) {
  return parts_.funnel.Unary(
      context, "grpc_os.v1.FilesystemService/UpdateObject", response, [&](const auto& call) {
        ObjectReader reader = ReaderFor(*call);
        core::UpdateObject change = reader.Update(*request, "");
        if (absl::Status status = reader.status(); !status.ok()) return call->End(status);
        const std::string name = change.name;
        RunChange(call, *request, name,
                  [this, change = std::move(change)](core::Objects::By by,
                                                     core::Objects::Done done) mutable {
                    parts_.objects.Update(std::move(change), std::move(by), std::move(done));
                  });
      });
}

FilesystemService::Reactor* FilesystemService::DeleteObject(Context* context,
                                                            const v1::DeleteObjectRequest* request,
                                                            v1::DeleteObjectResponse* response) {
  return parts_.funnel.Unary(
      context, "grpc_os.v1.FilesystemService/DeleteObject", response, [&](const auto& call) {
        ObjectReader reader = ReaderFor(*call);
        const core::DeleteObject change = reader.Delete(*request, "");
        if (absl::Status status = reader.status(); !status.ok()) return call->End(status);
        const auto answer = [call](const absl::StatusOr<core::Objects::Deleted>& deleted) {
          if (!deleted.ok()) return call->End(deleted.status());
          v1::DeleteObjectResponse out;
          out.set_revision(deleted->revision);
          out.set_deleted_count(deleted->count);
          call->Answer(std::move(out));
        };
        const auto carry_out = [this, call, change, answer](core::Origin origin) {
          parts_.objects.Delete(change, ByOf(*call, std::move(origin)), answer);
        };
        const auto repeat = [answer](const core::CommittedRequest& committed) {
          answer(core::Objects::RepeatDelete(committed.subject));
        };
        RunOnce(call, *request, change.name, carry_out, repeat);
      });
}

FilesystemService::Reactor* FilesystemService::UndeleteObject(
    Context* context, const v1::UndeleteObjectRequest* request, v1::Object* response) {
  return parts_.funnel.Unary(
      context, "grpc_os.v1.FilesystemService/UndeleteObject", response, [&](const auto& call) {
        core::Violations violations;
        const std::string name = ReferenceFromProto(request->name(), "name", violations);
        const int64_t generation =
            GenerationFromProto(request->generation(), "generation", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        RunChange(call, *request, name,
                  [this, name, generation](core::Objects::By by, core::Objects::Done done) {
                    parts_.objects.Undelete(name, generation, std::move(by), std::move(done));
                  });
      });
}

FilesystemService::Reactor* FilesystemService::MoveObject(Context* context,
                                                          const v1::MoveObjectRequest* request,
                                                          v1::Object* response) {
  return parts_.funnel.Unary(
      context, "grpc_os.v1.FilesystemService/MoveObject", response, [&](const auto& call) {
        core::Violations violations;
        const std::string name = ReferenceFromProto(request->name(), "name", violations);
        const std::string destination = core::ObjectName(request->destination(), "destination",
                                                         violations, core::Root::kAllowed);
        const core::Preconditions preconditions =
            PreconditionsFromProto(request->preconditions(), "preconditions", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        RunChange(call, *request, name,
                  [this, name, destination, preconditions](core::Objects::By by,
                                                           core::Objects::Done done) {
                    parts_.objects.Move(name, destination, preconditions, std::move(by),
                                        std::move(done));
                  });
      });
}

FilesystemService::Reactor* FilesystemService::CopyObject(Context* context,
                                                          const v1::CopyObjectRequest* request,
                                                          v1::Object* response) {
  return parts_.funnel.Unary(
      context, "grpc_os.v1.FilesystemService/CopyObject", response, [&](const auto& call) {
        core::Violations violations;
        const std::string name = ReferenceFromProto(request->name(), "name", violations);
        const int64_t generation =
            GenerationFromProto(request->generation(), "generation", violations);
        const std::string destination = core::ObjectName(request->destination(), "destination",
                                                         violations, core::Root::kAllowed);
        core::Preconditions preconditions =
            PreconditionsFromProto(request->preconditions(), "preconditions", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        RunChange(call, *request, destination,
                  [this, name, generation, destination, preconditions](core::Objects::By by,
                                                                       core::Objects::Done done) {
                    parts_.objects.Copy(name, generation, destination, preconditions, std::move(by),
                                        std::move(done));
                  });
      });
}

FilesystemService::Reactor* FilesystemService::CreateFolder(Context* context,
                                                            const v1::CreateFolderRequest* request,
                                                            v1::Object* response) {
  return parts_.funnel.Unary(
      context, "grpc_os.v1.FilesystemService/CreateFolder", response, [&](const auto& call) {
        core::Violations violations;
        const std::string name = core::ObjectName(request->name(), "name", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        RunChange(call, *request, name,
                  [this, name](core::Objects::By by, core::Objects::Done done) {
                    parts_.objects.MakeFolder(name, std::move(by), std::move(done));
                  });
      });
}

FilesystemService::Reactor* FilesystemService::TransactObjects(
    Context* context, const v1::TransactObjectsRequest* request,
    v1::TransactObjectsResponse* response) {
  return parts_.funnel.Unary(
      context, "grpc_os.v1.FilesystemService/TransactObjects", response, [&](const auto& call) {
        ObjectReader reader = ReaderFor(*call);
        core::ObjectTransaction transaction = reader.Transaction(*request);
        if (absl::Status status = reader.status(); !status.ok()) return call->End(status);
        const std::string names = NamesOf(transaction);
        const auto answer = [this,
                             call](const absl::StatusOr<core::ObjectTransactionResult>& result) {
          if (!result.ok()) return call->End(result.status());
          for (const core::Object& object : result->objects) {
            if (absl::Status status = CheckContent(object); !status.ok()) return call->End(status);
          }
          call->Answer(ToProto(*result));
        };
        auto carry_out = [this, call, answer,
                          transaction = std::move(transaction)](core::Origin origin) mutable {
          parts_.objects.Transact(std::move(transaction), ByOf(*call, std::move(origin)), answer);
        };
        const auto repeat = [this, call, answer](const core::CommittedRequest& committed) {
          parts_.objects.RepeatTransact(committed.subject, AccessToRepeat(*call), answer);
        };
        RunOnce(call, *request, names, std::move(carry_out), repeat);
      });
}

}  // namespace grpc_os::services
