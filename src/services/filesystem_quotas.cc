// Quotas.
#include <string>
#include <utility>
#include <vector>

#include "services/filesystem_service.h"
#include "services/paging.h"
#include "services/run_once.h"

namespace grpc_os::services {
namespace {

v1::Quota ToProto(const core::Quota& quota) {
  v1::Quota out;
  out.set_prefix(quota.prefix);
  out.set_max_objects(quota.max_objects);
  out.set_max_bytes(quota.max_bytes);
  out.set_objects(quota.objects);
  out.set_bytes(quota.bytes);
  out.set_include_versions(quota.include_versions);
  return out;
}

}  // namespace

void FilesystemService::AddQuotas(Handlers& handlers) {
  handlers.Unary<v1::SetQuotaRequest, v1::Quota>(
      [this](const auto& call, const v1::SetQuotaRequest& request) {
        core::Violations violations;
        core::Quota wanted;
        wanted.prefix = core::QuotaPrefix(request.quota().prefix(), "quota.prefix", violations);
        wanted.max_objects = request.quota().max_objects();
        wanted.max_bytes = request.quota().max_bytes();
        wanted.include_versions = request.quota().include_versions();
        core::CheckQuotaBounds(wanted, "quota", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        const auto answer = [call](const absl::StatusOr<core::Quota>& quota) {
          if (!quota.ok()) return call->End(quota.status());
          call->Answer(ToProto(*quota));
        };
        const auto carry_out = [this, wanted, answer](core::Origin origin) {
          parts_.quotas.Set(wanted, std::move(origin), answer);
        };
        const auto repeat = [this, call, answer](const core::CommittedRequest& committed) {
          parts_.quotas.Get(committed.subject, answer, call->requester());
        };
        RunOnce(call, request, wanted.prefix, carry_out, repeat, wanted.prefix);
      });

  handlers.Unary<v1::ListQuotasRequest, v1::ListQuotasResponse>(
      [this](const auto& call, const v1::ListQuotasRequest& request) {
        const auto query = PageQuery::Of(*call, request);
        if (!query.ok()) return call->End(query.status());
        parts_.quotas.List(
            [call, query = *query](const absl::StatusOr<std::vector<core::Quota>>& quotas) {
              if (!quotas.ok()) return call->End(quotas.status());
              v1::ListQuotasResponse answer;
              Page page(query, answer.mutable_quotas());
              const core::Authority& authority = call->caller().authority;
              for (const core::Quota& quota : *quotas) {
                // It tells how much lies there.
                const bool shown = quota.prefix > query.after() && call->Permits(quota.prefix) &&
                                   authority.AllowsAllNames(core::kObjectRead, quota.prefix);
                if (shown && !page.Add(ToProto(quota), quota.prefix)) break;
              }
              answer.set_next_page_token(page.NextToken());
              call->Answer(std::move(answer));
            },
            call->requester());
      });

  handlers.Unary<v1::DeleteQuotaRequest, v1::DeleteQuotaResponse>(
      [this](const auto& call, const v1::DeleteQuotaRequest& request) {
        core::Violations violations;
        const std::string prefix = core::QuotaPrefix(request.prefix(), "prefix", violations);
        if (!violations.empty()) return call->End(violations.ToStatus());
        const auto carry_out = [this, call, prefix](core::Origin origin) {
          parts_.quotas.Delete(prefix, std::move(origin), [call](const absl::Status& status) {
            status.ok() ? call->Answer(v1::DeleteQuotaResponse()) : call->End(status);
          });
        };
        const auto repeat = [call](const core::CommittedRequest&) {
          call->Answer(v1::DeleteQuotaResponse());
        };
        RunOnce(call, request, prefix, carry_out, repeat, prefix);
      });
}

}  // namespace grpc_os::services
