// The five standard methods of a kind of resource, from one description of it.
#ifndef GRPC_OS_SERVICES_RESOURCE_METHODS_H_
#define GRPC_OS_SERVICES_RESOURCE_METHODS_H_

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/id.h"
#include "core/change/envelope.h"
#include "core/resource/resource_errors.h"
#include "core/violations.h"
#include "services/answer_empty.h"
#include "services/handlers.h"
#include "services/paging.h"
#include "services/run_once.h"

namespace grpc_os::services {

// Enters Get, List, Create, Update and Delete. What a `Kind` has (role_methods.cc has one):
//
// - the types of the API: Message, GetRequest, ListRequest, ListResponse, CreateRequest,
//   UpdateRequest, DeleteRequest, DeleteResponse. Get and Delete have a `name`, the message and
//   Delete an `etag`, the changes a `request_id`;
// - `kKind`: its core::ResourceKind;
// - `Given(request)`: the message in a Create or an Update; `ItemsOf(list_response)`: the messages
//   of a page;
// - `CheckName(name, field, violations)`; `Read(message, violations)`: the resource that is asked
//   for, with a `name`; `Show(resource)`, or `Show(resource, call)` if it depends on who asks: its
//   message;
// - `Find(name)`: an absl::StatusOr; `List(after, limit)`: those after this key, in the order of
//   `KeyOf(resource)`;
// - `Create(resource, origin, done)` and `Update(resource, etag, origin, done)`, whose `done` takes
//   an absl::StatusOr; `Delete(name, etag, origin, done)`, whose `done` takes an absl::Status;
// - if a page says more than its items: `Finish(list_response)`;
// - if Get and List have to wait before they show something: `Refresh(names, done)`, whose `done`
//   comes once, soon, on any thread.
//
// It is copied into each handler, and called on any thread.
template <typename Kind>
class ResourceMethods {
 public:
  static void Add(Handlers& handlers, const Kind& kind) {
    AddReads(handlers, kind);
    AddChange<typename Kind::CreateRequest>(
        handlers, kind, [kind](auto wanted, const std::string& /*etag*/, auto origin, auto done) {
          kind.Create(std::move(wanted), std::move(origin), std::move(done));
        });
    AddChange<typename Kind::UpdateRequest>(
        handlers, kind, [kind](auto wanted, const std::string& etag, auto origin, auto done) {
          kind.Update(std::move(wanted), etag, std::move(origin), std::move(done));
        });
    AddDelete(handlers, kind);
  }

 private:
  using Message = typename Kind::Message;

  // What a reference names; an id names nothing before it is looked up.
  static std::string NameIn(const std::string& reference) {
    return LooksLikeId(reference) ? "" : reference;
  }

  template <typename CallPointer, typename Resource>
  static void Answer(const Kind& kind, const CallPointer& call,
                     const absl::StatusOr<Resource>& resource) {
    if (!resource.ok()) return call->End(resource.status());
    call->Answer(ShowTo(*call, kind, *resource));
  }
  template <typename Resource>
  static Message ShowTo(const Call& call, const Kind& kind, const Resource& resource) {
    if constexpr (requires { kind.Show(resource, call); }) {
      return kind.Show(resource, call);
    } else {
      return kind.Show(resource);
    }
  }

  static void AddReads(Handlers& handlers, const Kind& kind) {
    using Get = typename Kind::GetRequest;
    handlers.Unary<Get, Message>([kind](const auto& call, const Get& request) {
      core::Violations violations;
      kind.CheckName(request.name(), "name", violations);
      if (!violations.empty()) return call->End(violations.ToStatus());
      if (absl::Status status = call->CheckName(NameIn(request.name())); !status.ok())
        return call->End(status);
      const auto found = kind.Find(request.name());
      if (found.ok() && !call->Permits(found->name))
        return call->End(core::ResourceNotFound(Kind::kKind, request.name()));
      if (!found.ok()) return call->End(found.status());
      Refresh(kind, {found->name}, [kind, call, found] { Answer(kind, call, found); });
    });

    using List = typename Kind::ListRequest;
    using Listed = typename Kind::ListResponse;
    handlers.Unary<List, Listed>([kind](const auto& call, const List& request) {
      const auto query = PageQuery::Of(*call, request);
      if (!query.ok()) return call->End(query.status());
      const int most = call->PermitsAll() ? query->size() + 1 : std::numeric_limits<int>::max();
      auto resources = kind.List(query->after(), most);
      std::erase_if(resources, [&](const auto& each) { return !call->Permits(each.name); });
      std::vector<std::string> names;
      for (const auto& resource : resources) names.push_back(resource.name);
      names.resize(std::min(names.size(), static_cast<size_t>(query->size())));
      Refresh(kind, names, [kind, call, query = *query, resources = std::move(resources)] {
        Listed answer;
        Page page(query, kind.ItemsOf(answer));
        for (const auto& resource : resources) {
          if (!page.Add(ShowTo(*call, kind, resource), kind.KeyOf(resource))) break;
        }
        answer.set_next_page_token(page.NextToken());
        if constexpr (requires { kind.Finish(answer); }) kind.Finish(answer);
        call->Answer(std::move(answer));
      });
    });
  }
  static void Refresh(const Kind& kind, const std::vector<std::string>& names,
                      std::function<void()> done) {
    if constexpr (requires { kind.Refresh(names, done); }) {
      kind.Refresh(names, std::move(done));
    } else {
      done();
    }
  }

  // `run(resource, etag, origin, done)`.
  template <typename Request, typename Run>
  static void AddChange(Handlers& handlers, const Kind& kind, Run run) {
    handlers.Unary<Request, Message>([kind, run](const auto& call, const Request& request) {
      core::Violations violations;
      auto wanted = kind.Read(kind.Given(request), violations);
      if (!violations.empty()) return call->End(violations.ToStatus());
      const std::string name = wanted.name;
      auto carry_out = [kind, run, call, wanted = std::move(wanted),
                        etag = kind.Given(request).etag()](core::Origin origin) {
        run(wanted, etag, std::move(origin),
            [kind, call](const auto& resource) { Answer(kind, call, resource); });
      };
      const auto repeat = [kind, call](const core::CommittedRequest& committed) {
        Answer(kind, call, kind.Find(committed.subject));
      };
      RunOnce(call, request, name, std::move(carry_out), repeat, name);
    });
  }

  static void AddDelete(Handlers& handlers, const Kind& kind) {
    using Delete = typename Kind::DeleteRequest;
    using Deleted = typename Kind::DeleteResponse;
    handlers.Unary<Delete, Deleted>([kind](const auto& call, const Delete& request) {
      core::Violations violations;
      kind.CheckName(request.name(), "name", violations);
      if (!violations.empty()) return call->End(violations.ToStatus());
      const auto carry_out = [kind, call, name = request.name(),
                              etag = request.etag()](core::Origin origin) {
        kind.Delete(name, etag, std::move(origin), AnswerEmpty<Deleted>(call));
      };
      const auto repeat = [call](const core::CommittedRequest&) { call->Answer(Deleted()); };
      RunOnce(call, request, request.name(), carry_out, repeat, NameIn(request.name()));
    });
  }
};

}  // namespace grpc_os::services

#endif  // GRPC_OS_SERVICES_RESOURCE_METHODS_H_
