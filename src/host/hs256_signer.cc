#include "host/hs256_signer.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace grpc_os::host {
namespace {

constexpr size_t kInstanceBytes = core::TokenSigner::kInstanceDigits / 2;
constexpr int64_t kLatestTimeS = int64_t{1} << 40;  // so that milliseconds fit too
constexpr char kIssuer[] = "grpc-os:";              // and the instance
constexpr char kAccessAudience[] = "grpc-os";
constexpr char kRefreshAudience[] = "grpc-os/refresh";

std::string Encode(std::string_view bytes) {
  return absl::WebSafeBase64Escape(absl::string_view(bytes.data(), bytes.size()));
}

// The claims, if each is there and of its type. What else may be there shows when they are written
// again.
std::optional<core::Claims> Parse(const std::string& payload) {
  const auto json = nlohmann::json::parse(payload, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  const auto text = [&json](const char* name) {
    const auto it = json.find(name);
    return it != json.end() && it->is_string() ? it->get<std::string>() : "";
  };
  const auto number = [&json](const char* name) -> int64_t {
    const auto it = json.find(name);
    return it != json.end() && it->is_number_integer() ? it->get<int64_t>() : -1;
  };
  core::Claims claims;
  if (text("aud") == kRefreshAudience) {
    claims.use = core::Claims::Use::kRefresh;
    claims.refresh_number = number("num");
  }
  claims.user = text("sub");
  claims.session_id = text("sid");
  claims.issue_time_s = number("iat");
  claims.expire_time_s = number("exp");
  if (claims.user.empty() || claims.session_id.empty() || claims.refresh_number < 0 ||
      claims.issue_time_s < 0 || claims.expire_time_s < 0 || claims.expire_time_s > kLatestTimeS)
    return std::nullopt;
  return claims;
}

}  // namespace

Hs256Signer::Hs256Signer(std::string key)
    : key_(std::move(key)),
      header_(Encode(R"({"alg":"HS256","typ":"at+jwt"})") + "."),
      instance_(absl::BytesToHexString(Mac("grpc-os instance").substr(0, kInstanceBytes))) {}

std::string Hs256Signer::Mac(std::string_view text) const {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &size);
  return {reinterpret_cast<char*>(mac), size};
}

std::string Hs256Signer::Payload(const core::Claims& claims) const {
  const bool refresh = claims.use == core::Claims::Use::kRefresh;
  nlohmann::ordered_json json = {{"iss", absl::StrCat(kIssuer, instance_)},
                                 {"aud", refresh ? kRefreshAudience : kAccessAudience},
                                 {"sub", claims.user},
                                 {"sid", claims.session_id}};
  if (refresh) json["num"] = claims.refresh_number;
  json["iat"] = claims.issue_time_s;
  json["exp"] = claims.expire_time_s;
  return json.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace);
}

std::string Hs256Signer::Sign(const core::Claims& claims) const {
  const std::string signed_part = header_ + Encode(Payload(claims));
  return absl::StrCat(signed_part, ".", Encode(Mac(signed_part)));
}

// Nothing of an unsigned token is parsed: Sign writes the issuer first.
bool Hs256Signer::NamesAnother(std::string_view encoded) const {
  const std::string ours = absl::StrCat(R"({"iss":")", kIssuer, instance_, R"(")");
  const size_t size = ours.size() / 3 * 4;
  static_assert((sizeof(R"({"iss":"grpc-os:")") - 1 + 2 * kInstanceBytes) % 3 == 0,
                "the issuer ends with a group of base64");
  std::string named;
  if (encoded.size() < size ||
      !absl::WebSafeBase64Unescape(absl::string_view(encoded.data(), size), &named))
    return false;
  const size_t before = ours.size() - 1 - instance_.size();
  return named.size() == ours.size() && named.substr(0, before) == ours.substr(0, before) &&
         named.back() == '"' && named != ours &&
         core::IsInstance(std::string_view(named).substr(before, instance_.size()));
}

absl::StatusOr<core::Claims> Hs256Signer::Verify(std::string_view token) const {
  const absl::Status refused = absl::UnauthenticatedError("not a token of this system");
  const size_t dot = token.rfind('.');
  if (dot == std::string_view::npos || dot < header_.size() ||
      token.substr(0, header_.size()) != header_)
    return refused;
  const std::string expected = Encode(Mac(token.substr(0, dot)));
  const std::string_view given = token.substr(dot + 1);
  const std::string_view encoded = token.substr(header_.size(), dot - header_.size());
  if (given.size() != expected.size() ||
      CRYPTO_memcmp(given.data(), expected.data(), expected.size()) != 0)
    return NamesAnother(encoded) ? absl::FailedPreconditionError("of another instance") : refused;
  // Made with our key; but by another program with the same JWT_SECRET, maybe.
  std::string payload;
  if (!absl::WebSafeBase64Unescape(absl::string_view(encoded.data(), encoded.size()), &payload))
    return refused;
  const auto claims = Parse(payload);
  if (!claims || Encode(Payload(*claims)) != encoded) return refused;
  return *claims;
}

}  // namespace grpc_os::host
