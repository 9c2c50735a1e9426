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
core::Objects::Reader ReaderToRepeat(Call& call) {
  return {[access = CurrentAccessOf(call)](core::ObjectVerb, std::string_view name) {
            return access(core::ObjectVerb::kRead, name) || access(core::ObjectVerb::kWrite, name);
          },
          call.requester()};
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
    parts_.objects.Get(committed.subject, 0, false, {}, ReaderToRepeat(*call), AnswerWith(call));
  };
  RunOnce(call, request, resource, std::move(carry_out), repeat);
}

FilesystemService::FilesystemService(Handlers& handlers, const Parts& parts)
    : parts_(parts),
      uploads_(handlers, {parts.uploads, parts.quotas, parts.digest, parts.checksum}) {
  AddReads(handlers);
  AddLists(handlers);
  AddMeasure(handlers);
  AddWrites(handlers);
  AddDeletes(handlers);
  AddMoves(handlers);
  AddTransactions(handlers);
  AddCheck(handlers);
  AddQuotas(handlers);
}

void FilesystemService::AddWrites(Handlers& handlers) {
  handlers.Unary<v1::CreateObjectRequest, v1::Object>(
      [this](const auto& call, const v1::CreateObjectRequest& request) {
        ObjectReader reader = ReaderFor(*call);
        core::CreateObject change = reader.Create(request, "");
        if (absl::Status status = reader.status(); !status.ok()) return call->End(status);
        const std::string name = change.name;
        RunChange(call, request, name,
                  [this, change = std::move(change)](core::Objects::By by,
                                                     core::Objects::Done done) mutable {
                    parts_.objects.Create(std::move(change), std::move(by), std::move(done));
                  });
      });

  handlers.Unary<v1::PutObjectRequest, v1::Object>([this](const auto& call,
                                                          const v1::PutObjectRequest& request) {
    ObjectReader reader = ReaderFor(*call);
    core::PutObject change = reader.Put(request, "");
    if (absl::Status status = reader.status(); !status.ok()) return call->End(status);
    const std::string name = change.name;
    RunChange(
        call, request, name,
        [this, change = std::move(change)](core::Objects::By by, core::Objects::Done done) mutable {
          parts_.objects.Put(std::move(change), std::move(by), std::move(done));
        });
  });

  handlers.Unary<v1::UpdateObjectRequest, v1::Object>(
      [this](const auto& call, const v1::UpdateObjectRequest& request) {
        ObjectReader reader = ReaderFor(*call);
        core::UpdateObject change = reader.Update(request, "");
        if (absl::Status status = reader.status(); !status.ok()) return call->End(status);
        const std::string name = change.name;
        RunChange(call, request, name,
                  [this, change = std::move(change)](core::Objects::By by,
                                                     core::Objects::Done done) mutable {
                    parts_.objects.Update(std::move(change), std::move(by), std::move(done));
                  });
      });

  handlers.Unary<v1::CreateFolderRequest, v1::Object>(
      [this](const auto& call, const v1::CreateFolderRequest& request) {
        core::Violations violations;
        const std::string name = core::ObjectName(request.name(), "name", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        RunChange(call, request, name,
                  [this, name](core::Objects::By by, core::Objects::Done done) {
                    parts_.objects.MakeFolder(name, std::move(by), std::move(done));
                  });
      });
}

void FilesystemService::AddDeletes(Handlers& handlers) {
  handlers.Unary<v1::DeleteObjectRequest, v1::DeleteObjectResponse>(
      [this](const auto& call, const v1::DeleteObjectRequest& request) {
        ObjectReader reader = ReaderFor(*call);
        const core::DeleteObject change = reader.Delete(request, "");
        if (absl::Status status = reader.status(); !status.ok()) return call->End(status);
        const auto answer = [call](const absl::StatusOr<core::Objects::Batch>& deleted) {
          if (!deleted.ok()) return call->End(deleted.status());
          v1::DeleteObjectResponse out;
          out.set_revision(deleted->revision);
          out.set_deleted_count(deleted->count);
          out.set_more(deleted->more);
          call->Answer(std::move(out));
        };
        const auto carry_out = [this, call, change, answer](core::Origin origin) {
          parts_.objects.Delete(change, ByOf(*call, std::move(origin)), answer);
        };
        const auto repeat = [answer](const core::CommittedRequest& committed) {
          answer(core::Objects::RepeatBatch(committed.subject));
        };
        RunOnce(call, request, change.name, carry_out, repeat);
      });

  handlers.Unary<v1::UndeleteObjectRequest, v1::Object>(
      [this](const auto& call, const v1::UndeleteObjectRequest& request) {
        core::Violations violations;
        const std::string name = ReferenceFromProto(request.name(), "name", violations);
        const int64_t generation =
            GenerationFromProto(request.generation(), "generation", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        RunChange(call, request, name,
                  [this, name, generation](core::Objects::By by, core::Objects::Done done) {
                    parts_.objects.Undelete(name, generation, std::move(by), std::move(done));
                  });
      });
}

void FilesystemService::AddMoves(Handlers& handlers) {
  handlers.Unary<v1::MoveObjectRequest, v1::Object>([this](const auto& call,
                                                           const v1::MoveObjectRequest& request) {
    core::Violations violations;
    const std::string name = ReferenceFromProto(request.name(), "name", violations);
    const std::string destination =
        core::ObjectName(request.destination(), "destination", violations, core::Root::kAllowed);
    const core::Preconditions preconditions =
        PreconditionsFromProto(request.preconditions(), "preconditions", violations);
    if (!violations.empty()) return call->End(violations.ToStatus());
    RunChange(
        call, request, name,
        [this, name, destination, preconditions](core::Objects::By by, core::Objects::Done done) {
          parts_.objects.Move(name, destination, preconditions, std::move(by), std::move(done));
        });
  });

  handlers.Unary<v1::MoveFolderRequest, v1::MoveFolderResponse>(
      [this](const auto& call, const v1::MoveFolderRequest& request) {
        core::Violations violations;
        const std::string name = ReferenceFromProto(request.name(), "name", violations);
        const std::string destination =
            core::ObjectName(request.destination(), "destination", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        const auto answer = [call](const absl::StatusOr<core::Objects::Batch>& moved) {
          if (!moved.ok()) return call->End(moved.status());
          v1::MoveFolderResponse out;
          out.set_revision(moved->revision);
          out.set_moved_count(moved->count);
          out.set_more(moved->more);
          call->Answer(std::move(out));
        };
        const auto carry_out = [this, call, name, destination, answer](core::Origin origin) {
          parts_.objects.MoveFolder(name, destination, ByOf(*call, std::move(origin)), answer);
        };
        const auto repeat = [answer](const core::CommittedRequest& committed) {
          answer(core::Objects::RepeatBatch(committed.subject));
        };
        RunOnce(call, request, name, carry_out, repeat);
      });

  handlers.Unary<v1::CopyObjectRequest, v1::Object>([this](const auto& call,
                                                           const v1::CopyObjectRequest& request) {
    core::Violations violations;
    const std::string name = ReferenceFromProto(request.name(), "name", violations);
    const int64_t generation = GenerationFromProto(request.generation(), "generation", violations);
    const std::string destination =
        core::ObjectName(request.destination(), "destination", violations, core::Root::kAllowed);
    core::Preconditions preconditions =
        PreconditionsFromProto(request.preconditions(), "preconditions", violations);
    if (!violations.empty()) return call->End(violations.ToStatus());
    RunChange(call, request, destination,
              [this, name, generation, destination, preconditions](core::Objects::By by,
                                                                   core::Objects::Done done) {
                parts_.objects.Copy(name, generation, destination, preconditions, std::move(by),
                                    std::move(done));
              });
  });
}

void FilesystemService::AddTransactions(Handlers& handlers) {
  handlers.Unary<v1::TransactObjectsRequest, v1::TransactObjectsResponse>(
      [this](const auto& call, const v1::TransactObjectsRequest& request) {
        ObjectReader reader = ReaderFor(*call);
        core::ObjectTransaction transaction = reader.Transaction(request);
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
          parts_.objects.RepeatTransact(committed.subject, ReaderToRepeat(*call), answer);
        };
        RunOnce(call, request, names, std::move(carry_out), repeat);
      });
}

}  // namespace grpc_os::services
