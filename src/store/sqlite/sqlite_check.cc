#include "store/sqlite/sqlite_check.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "store/schema.h"
#include "store/sqlite/sqlite_bytes.h"
#include "store/sqlite/sqlite_connection.h"
#include "store/sqlite/sqlite_database.h"

namespace grpc_os::store {
namespace {

using Schema = std::map<std::string, std::string>;

absl::StatusOr<Schema> SchemaOf(Connection& connection) {
  auto statement = connection.Prepare(
      "SELECT type || ' ' || name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'");
  if (!statement.ok()) return statement.status();
  Schema schema;
  for (;;) {
    const auto more = (*statement)->Step();
    if (!more.ok()) return more.status();
    if (!*more) return schema;
    schema[(*statement)->Text(0)] = (*statement)->Text(1);
  }
}

// What this program makes, in a database of its own.
absl::StatusOr<Schema> ExpectedSchema() {
  std::string pattern = (std::filesystem::temp_directory_path() / "grpc-os-check.XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    return absl::UnavailableError(absl::StrCat("making a directory like ", pattern, ": ",
                                               std::generic_category().message(errno),
                                               "; make room there, or set TMPDIR"));
  }
  const std::unique_ptr<std::string, void (*)(std::string*)> directory(
      &pattern, [](std::string* path) {
        std::error_code ignored;
        std::filesystem::remove_all(*path, ignored);
      });
  auto database = OpenSqlite(pattern + "/grpc-os.db");
  if (!database.ok()) return database.status();
  auto writer = (*database)->OpenWriter();
  if (!writer.ok()) return writer.status();
  if (auto status = Migrate(**writer, (*database)->dialect()); !status.ok()) return status;
  return SchemaOf(**writer);
}

absl::Status CompareSchemas(Connection& connection, CheckReport& report) {
  auto expected = ExpectedSchema();
  if (!expected.ok()) return expected.status();
  auto found = SchemaOf(connection);
  if (!found.ok()) return found.status();
  for (const auto& [name, sql] : *expected) {
    const auto same = found->find(name);
    if (same == found->end()) {
      report.findings.push_back(absl::StrCat("the ", name, " is missing"));
    } else if (same->second != sql) {
      report.findings.push_back(absl::StrCat("the ", name, " is not as this program makes it"));
    }
  }
  for (const auto& [name, sql] : *found) {
    if (!expected->contains(name)) {
      report.findings.push_back(absl::StrCat("the ", name, " is not of this program"));
    }
  }
  return absl::OkStatus();
}

// The rows of a pragma that tells of what is wrong.
absl::Status Collect(Connection& connection, const char* pragma, const char* what,
                     CheckReport& report) {
  auto statement = connection.Prepare(pragma);
  if (!statement.ok()) return statement.status();
  for (;;) {
    const auto more = (*statement)->Step();
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    if (const std::string text = (*statement)->Text(0); text != "ok") {
      report.findings.push_back(absl::StrCat(what, absl::StrReplaceAll(text, {{"\n", "; "}})));
    }
  }
}

}  // namespace

absl::StatusOr<CheckReport> CheckSqlite(const std::string& path, const CheckMore& more) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return absl::NotFoundError(absl::StrCat("there is no database at ", path, ": ",
                                            std::generic_category().message(errno),
                                            "; name the data directory of a gRPC OS"));
  }
  CheckReport report;
  if (auto status = CheckSqliteBytes(path); !status.ok()) {
    report.findings.emplace_back(status.message());
    return report;
  }
  auto reader = SqliteConnection::Open(path, SqliteConnection::Role::kReader, [] {});
  if (!reader.ok()) return reader.status();
  for (const auto& [pragma, what] :
       {std::pair("PRAGMA integrity_check", "integrity: "),
        std::pair("PRAGMA foreign_key_check", "a row of no owner in ")}) {
    if (auto status = Collect(**reader, pragma, what, report); !status.ok()) {
      report.findings.emplace_back(status.message());
      return report;
    }
  }
  // Its tables are those of an older program, which the next start changes.
  if (const auto older = IsOlder(**reader); older.ok() && *older) {
    report.summary = "the database is of an older version; only its structure was looked at";
    return report;
  }
  if (auto status = CompareSchemas(**reader, report); !status.ok()) return status;
  auto content = CheckContent(**reader, SqliteDialect());
  if (!content.ok()) return content.status();
  report.findings.insert(report.findings.end(), content->findings.begin(), content->findings.end());
  report.summary = content->summary;
  if (more) {
    if (auto status = more(**reader, SqliteDialect(), report); !status.ok()) return status;
  }
  return report;
}

}  // namespace grpc_os::store
