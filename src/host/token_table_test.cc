// Tokens as an attacker may make them, each beside the good one that it was made from.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/error_detail.h"
#include "base/limits.h"
#include "core/identity/identity.h"
#include "host/hs256_signer.h"
#include "testing/fake_crypto.h"
#include "testing/manual_scheduler.h"
#include "testing/memory_identity_store.h"

namespace grpc_os::host {
namespace {

const std::string kKey(32, 'k');
constexpr char kHeader[] = R"({"alg":"HS256","typ":"at+jwt"})";

std::string Encode(const std::string& bytes) { return absl::WebSafeBase64Escape(bytes); }

std::string Mac(const EVP_MD* digest, const std::string& key, const std::string& text) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(digest, key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac, &size);
  return {reinterpret_cast<char*>(mac), size};
}

std::string Forge(const std::string& header, const std::string& payload,
                  const std::string& key = kKey, const EVP_MD* digest = EVP_sha256()) {
  const std::string text = absl::StrCat(Encode(header), ".", Encode(payload));
  return absl::StrCat(text, ".", Encode(Mac(digest, key, text)));
}

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

std::string PublicPem(EVP_PKEY* key) {
  std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  PEM_write_bio_PUBKEY(out.get(), key);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<size_t>(size)};
}

// A good signature of another kind.
std::string ForgeSigned(const std::string& header, const std::string& payload, EVP_PKEY* key,
                        const EVP_MD* digest) {
  const std::string text = absl::StrCat(Encode(header), ".", Encode(payload));
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                  EVP_MD_CTX_free);
  EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key);
  size_t size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size());
  std::string signature(size, '\0');
  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes,
                 text.size());
  signature.resize(size);
  return absl::StrCat(text, ".", Encode(signature));
}

class TokenTable : public ::testing::Test {
 protected:
  struct Token {
    std::string text, header, payload, signature;  // encoded whole, decoded parts
    std::string refresh;
    core::Caller caller;
  };

  void SetUp() override {
    clock_.now_ms = int64_t{1'800'000'000} * 1000;
    ASSERT_TRUE(identity_.MakeAdmin("hash:admin's password").ok());
    identity_.CreateUser("ada", {"admin"}, "ada's password", Asked(), [](const auto&) {});
  }

  // By the admin, for a change.
  core::Origin Asked() {
    core::Origin origin;
    identity_.LoginPeer(0, {}, [&](const auto& login) {
      ASSERT_TRUE(login.ok()) << login.status();
      origin.record.session_id = login->caller.session_id;
    });
    return origin;
  }

  Token Fresh() {
    Token token;
    identity_.LoginPassword("ada", "ada's password", -1, {}, [&](const auto& login) {
      ASSERT_TRUE(login.ok()) << login.status();
      token.text = login->access_token;
      token.refresh = login->refresh_token;
      token.caller = login->caller;
    });
    const std::vector<std::string> parts = absl::StrSplit(token.text, '.');
    EXPECT_TRUE(absl::WebSafeBase64Unescape(parts[0], &token.header));
    EXPECT_TRUE(absl::WebSafeBase64Unescape(parts[1], &token.payload));
    token.signature = parts[2];
    return token;
  }
  static std::string Replaced(const std::string& text, const std::string& what,
                              const std::string& with) {
    EXPECT_NE(text.find(what), std::string::npos) << what << " is not in " << text;
    return absl::StrReplaceAll(text, {{what, with}});
  }

  testing::ManualScheduler clock_;
  testing::MemoryIdentityStore store_;
  testing::FakeHasher hasher_;
  testing::FakeDigest digest_;
  const Hs256Signer signer_{kKey};
  core::Identity identity_{{store_, store_, signer_, hasher_, digest_, clock_, {0}, clock_, {}}};
};

TEST_F(TokenTable, EachIsRefusedWithTheSameWords) {
  using Make = std::function<std::string(const Token&)>;
  std::vector<std::pair<std::string, Make>> rows;
  const auto row = [&rows](const std::string& name, Make make) {
    rows.emplace_back(name, std::move(make));
  };

  const Key rsa(EVP_RSA_gen(2048), EVP_PKEY_free);
  const Key curve(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const Key edwards(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), EVP_PKEY_free);

  // ---- Headers, signed with the right key
  for (const std::string alg :
       {R"("none")", R"("None")", R"("nOnE")", R"("NONE")", R"("")", "null", "0", "true",
        R"(["HS256"])", R"({"alg":"HS256"})", R"("hs256")", R"("HS256 ")", R"("HS384")",
        R"("HS512")", R"("RS256")", R"("ES256")", R"("PS256")", R"("EdDSA")"}) {
    row("alg " + alg, [alg](const Token& t) {
      return Forge(absl::StrCat(R"({"alg":)", alg, R"(,"typ":"at+jwt"})"), t.payload);
    });
  }
  for (const std::string header :
       {R"({"typ":"at+jwt"})", R"({"alg":"HS256"})", R"({"typ":"at+jwt","alg":"HS256"})",
        R"({"alg":"HS256","typ":"JWT"})", R"({"alg":"HS256","typ":"id+jwt"})",
        R"({"alg": "HS256","typ":"at+jwt"})", R"({"alg":"none","alg":"HS256","typ":"at+jwt"})",
        R"({"alg":"HS256","alg":"HS256","typ":"at+jwt"})", "{}", "", "null", "[]", "{"}) {
    row("header " + header, [header](const Token& t) { return Forge(header, t.payload); });
  }
  for (const std::string extra :
       {R"("kid":"../../dev/null")", R"("kid":"' OR 1=1--")", R"("kid":"")",
        R"("jku":"https://attacker.example/keys")", R"("x5u":"https://attacker.example/cert")",
        R"("jwk":{"kty":"oct","k":"a2tr"})", R"("x5c":["AAAA"])", R"("crit":["exp"])",
        R"("b64":false,"crit":["b64"])", R"("zip":"DEF")"}) {
    row("header with " + extra, [extra](const Token& t) {
      return Forge(absl::StrCat(R"({"alg":"HS256","typ":"at+jwt",)", extra, "}"), t.payload);
    });
  }
  row("kid of 2 KiB", [](const Token& t) {
    return Forge(
        absl::StrCat(R"({"alg":"HS256","typ":"at+jwt","kid":")", std::string(2048, 'x'), "\"}"),
        t.payload);
  });

  // ---- Signatures
  for (const char* alg : {"none", "None", "nOnE"}) {
    row(absl::StrCat("alg ", alg, " without signature"), [alg](const Token& t) {
      return absl::StrCat(Encode(absl::StrCat(R"({"alg":")", alg, R"(","typ":"at+jwt"})")), ".",
                          Encode(t.payload), ".");
    });
  }
  row("alg none with its last dot left out", [](const Token& t) {
    return absl::StrCat(Encode(R"({"alg":"none"})"), ".", Encode(t.payload));
  });
  row("another key",
      [](const Token& t) { return Forge(kHeader, t.payload, std::string(32, 'x')); });
  row("an empty key", [](const Token& t) { return Forge(kHeader, t.payload, ""); });
  row("the example's key",
      [](const Token& t) { return Forge(kHeader, t.payload, "your_secret_key"); });
  row("the key cut by a byte",
      [](const Token& t) { return Forge(kHeader, t.payload, kKey.substr(1)); });
  row("HMAC with SHA-512",
      [](const Token& t) { return Forge(kHeader, t.payload, kKey, EVP_sha512()); });
  row("HMAC with SHA-1",
      [](const Token& t) { return Forge(kHeader, t.payload, kKey, EVP_sha1()); });
  row("HS256 with the PEM of a public key",
      [&](const Token& t) { return Forge(kHeader, t.payload, PublicPem(rsa.get())); });
  row("a good RS256 signature", [&](const Token& t) {
    return ForgeSigned(R"({"alg":"RS256","typ":"at+jwt"})", t.payload, rsa.get(), EVP_sha256());
  });
  row("a good RS256 signature that says HS256",
      [&](const Token& t) { return ForgeSigned(kHeader, t.payload, rsa.get(), EVP_sha256()); });
  row("a good ES256 signature", [&](const Token& t) {
    return ForgeSigned(R"({"alg":"ES256","typ":"at+jwt"})", t.payload, curve.get(), EVP_sha256());
  });
  row("a good EdDSA signature", [&](const Token& t) {
    return ForgeSigned(R"({"alg":"EdDSA","typ":"at+jwt"})", t.payload, edwards.get(), nullptr);
  });
  row("signature left out", [](const Token& t) { return t.text.substr(0, t.text.rfind('.') + 1); });
  row("signature and its dot left out",
      [](const Token& t) { return t.text.substr(0, t.text.rfind('.')); });
  row("signature cut", [](const Token& t) { return t.text.substr(0, t.text.size() - 1); });
  row("signature with padding", [](const Token& t) { return t.text + "="; });
  row("signature with a byte more", [](const Token& t) { return t.text + "A"; });
  row("signature of zeros", [](const Token& t) {
    return t.text.substr(0, t.text.rfind('.') + 1) + std::string(43, 'A');
  });
  row("signature whose spare bits differ", [](const Token& t) {
    std::string text = t.text;  // of the last character two bits mean nothing
    static constexpr char kDigits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    text.back() = kDigits[(std::string(kDigits).find(text.back())) ^ 1];
    return text;
  });
  row("signature in hexadecimal", [](const Token& t) {
    std::string raw;
    EXPECT_TRUE(absl::WebSafeBase64Unescape(t.signature, &raw));
    return t.text.substr(0, t.text.rfind('.') + 1) + absl::BytesToHexString(raw);
  });
  row("a bit behind the issuer flipped", [](const Token& t) {
    std::string payload = t.payload;
    payload[50] = static_cast<char>(payload[50] ^ 1);
    return absl::StrCat(Encode(kHeader), ".", Encode(payload), ".", t.signature);
  });
  row("the payload of an admin under another's signature", [this](const Token& t) {
    return absl::StrCat(Encode(kHeader), ".",
                        Encode(Replaced(t.payload, R"("sub":"ada")", R"("sub":"admin")")), ".",
                        t.signature);
  });

  // ---- Form
  row("nothing", [](const Token&) { return ""; });
  row("a dot", [](const Token&) { return "."; });
  row("two dots", [](const Token&) { return ".."; });
  row("the header alone", [](const Token& t) { return t.text.substr(0, t.text.find('.')); });
  row("a segment more", [](const Token& t) { return t.text + ".AAAA"; });
  row("a segment before", [](const Token& t) { return "AAAA." + t.text; });
  row("an empty payload", [](const Token&) { return Forge(kHeader, ""); });
  row("a space before", [](const Token& t) { return " " + t.text; });
  row("a newline after", [](const Token& t) { return t.text + "\n"; });
  row("a NUL after", [](const Token& t) { return t.text + std::string(1, '\0'); });
  row("twice", [](const Token& t) { return t.text + "," + t.text; });
  row("padding in the payload, signed", [](const Token& t) {
    const std::string text = absl::StrCat(Encode(kHeader), ".", Encode(t.payload), "=");
    return absl::StrCat(text, ".", Encode(Mac(EVP_sha256(), kKey, text)));
  });
  row("+ and / instead of - and _, signed", [](const Token& t) {
    // A space more makes the payload one that has such a character.
    std::string payload = Encode(t.payload.substr(0, t.payload.size() - 1) + R"(,"x":"??>>~~"})");
    payload = absl::StrReplaceAll(payload, {{"-", "+"}, {"_", "/"}});
    const std::string text = absl::StrCat(Encode(kHeader), ".", payload);
    return absl::StrCat(text, ".", Encode(Mac(EVP_sha256(), kKey, text)));
  });
  row("5 KiB", [this](const Token& t) {
    return Forge(kHeader, Replaced(t.payload, "}",
                                   absl::StrCat(R"(,"x":")", std::string(5000, 'x'), "\"}")));
  });
  row("a megabyte of dots", [](const Token&) { return std::string(1 << 20, '.'); });

  // ---- Claims, signed with the right key
  const std::vector<std::pair<std::string, std::string>> swaps = {
      {R"("aud":"grpc-os")", R"("aud":"other")"},
      {R"("aud":"grpc-os")", R"("aud":["grpc-os"])"},
      {R"("aud":"grpc-os")", R"("aud":["grpc-os","other"])"},
      {R"("aud":"grpc-os")", R"("aud":"")"},
      {R"("aud":"grpc-os")", R"("aud":null)"},
      {R"("aud":"grpc-os",)", ""},
      {R"("iss":"grpc-os:)", R"("iss":"other:)"},
      {R"("iss":"grpc-os:)", R"("iss":"grpc-os:0)"},
      {R"("sub":"ada")", R"("sub":"admin")"},
      {R"("sub":"ada")", R"("sub":"")"},
      {R"("sub":"ada")", R"("sub":["ada"])"},
      {R"("sub":"ada")", R"("sub":"ada\u0000")"},
      {R"("sub":"ada")", R"("sub":"ad\u0061")"},
      {R"("sub":"ada")", "\"sub\":\"ada\xc1\x81\""},
      {R"("sub":"ada",)", ""},
      {R"("sub":"ada")", R"("sub":"ada","sub":"admin")"},
      {R"("sub":"ada")", R"("sub":"admin","sub":"ada")"},
      {R"("sid":)", R"("sid":"00000000000000000000000000000000","old":)"},
      {R"("sid":)", R"("SID":)"},
      {R"("iat":)", R"("iat":-)"},
      {R"("iat":)", R"("nbf":9999999999,"iat":)"},
      {R"("exp":)", R"("exp":"1","x":)"},
      {R"("exp":)", R"("exp":1e12,"x":)"},
      {R"("exp":)", R"("exp":1.5,"x":)"},
      {R"("exp":)", R"("exp":null,"x":)"},
      {R"("exp":)", R"("exp":9223372036854775807,"x":)"},
      {R"("exp":)", R"("exp":9223372036854775808,"x":)"},
      {R"("exp":)", R"("exp":18446744073709551616,"x":)"},
      {R"("exp":)", R"("exp":0)"},
      {R"("exp":)", R"("EXP":)"},
      {"}", R"(,"roles":["admin"]})"},
      {"}", R"(,"num":0})"},
      {"}", " }"},
      {"}", "}}"},
      {"}", ""},
      {"{", "\xef\xbb\xbf{"},
  };
  for (const auto& [what, with] : swaps) {
    row(absl::StrCat("claims with ", absl::CHexEscape(with), " for ", what),
        [this, w = what, n = with](const Token& t) {
          return Forge(kHeader, Replaced(t.payload, w, n));
        });
  }
  row("claims nested 1000 deep",
      [](const Token&) { return Forge(kHeader, std::string(1000, '[') + std::string(1000, ']')); });
  for (const std::string payload : {"null", "[]", "1", "\"ada\"", "{}", "nonsense"})
    row("claims " + payload, [payload](const Token&) { return Forge(kHeader, payload); });

  // ---- True once, or elsewhere
  row("a refresh token", [](const Token& t) { return t.refresh; });
  const auto timed = [this](int64_t issued, int64_t expires) {
    return [this, issued, expires](const Token& t) {
      const int64_t now_s = clock_.now_ms / 1000;
      return signer_.Sign({.user = "ada",
                           .session_id = t.caller.session_id,
                           .issue_time_s = now_s + issued,
                           .expire_time_s = now_s + expires});
    };
  };
  row("expired this second", timed(-900, 0));
  row("expired a day ago", timed(-90'000, -86'400));
  row("issued in the future", timed(3600, 7200));
  row("of a session that never was", [this](const Token&) {
    return signer_.Sign({.user = "ada",
                         .session_id = std::string(32, '0'),
                         .issue_time_s = clock_.now_ms / 1000,
                         .expire_time_s = clock_.now_ms / 1000 + 900});
  });
  row("after its log-out", [this](const Token& t) {
    identity_.Logout(t.caller, {}, [](const absl::Status& status) { EXPECT_TRUE(status.ok()); });
    return t.text;
  });
  row("after its session was ended", [this](const Token& t) {
    identity_.EndSession(t.caller, t.caller.session_id, {},
                         [](const absl::Status& status) { EXPECT_TRUE(status.ok()); });
    return t.text;
  });
  row("of a user that was disabled and enabled", [this](const Token& t) {
    for (const bool disabled : {true, false})
      identity_.SetDisabled("ada", "", disabled, Asked(),
                            [](const auto& u) { EXPECT_TRUE(u.ok()); });
    return t.text;
  });
  row("of a user with a new password", [this](const Token& t) {
    const Token other = Fresh();
    identity_.SetPassword(other.caller, "", "ada's password", "ada's password", Asked(),
                          [](const auto& user) { EXPECT_TRUE(user.ok()) << user.status(); });
    return t.text;
  });
  row("of a user that was removed and made again", [this](const Token& t) {
    identity_.DeleteUser("ada", "", Asked(), [](const absl::Status& s) { EXPECT_TRUE(s.ok()); });
    identity_.CreateUser("ada", {"operator"}, "ada's password", Asked(),
                         [](const auto& user) { EXPECT_TRUE(user.ok()); });
    return t.text;
  });

  EXPECT_GE(rows.size(), 60u);
  std::optional<absl::Status> words;
  for (const auto& [name, make] : rows) {
    const Token good = Fresh();
    ASSERT_EQ(Forge(kHeader, good.payload), good.text) << "the forge makes good ones too";
    ASSERT_TRUE(identity_.Authenticate(good.text).ok()) << "the twin of: " << name;
    const std::string bad = make(good);
    const auto result = identity_.Authenticate(bad);
    EXPECT_FALSE(result.ok()) << name;
    if (!words) words = result.status();
    EXPECT_EQ(result.status(), *words) << name;
    EXPECT_EQ(result.status().code(), absl::StatusCode::kUnauthenticated) << name;
    EXPECT_EQ(DetailOf(result.status())->reason, "TOKEN_INVALID") << name;
  }
  const Hs256Signer other(std::string(32, 'o'));
  const auto foreign =
      identity_.Authenticate(other.Sign({.user = "ada",
                                         .session_id = Fresh().caller.session_id,
                                         .issue_time_s = clock_.now_ms / 1000,
                                         .expire_time_s = clock_.now_ms / 1000 + 900}));
  EXPECT_EQ(foreign.status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(DetailOf(foreign.status())->reason, "TOKEN_OF_OTHER_SYSTEM");
  RecordProperty("rows", static_cast<int>(rows.size()));
  printf("%zu rows\n", rows.size());
}

}  // namespace
}  // namespace grpc_os::host
