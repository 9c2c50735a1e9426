// For tests: a database that fails when it is told to.
#ifndef GRPC_OS_STORE_FAULTY_DATABASE_H_
#define GRPC_OS_STORE_FAULTY_DATABASE_H_

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "store/database.h"

namespace grpc_os::store {

// What is to go wrong on the writing connection, and what it did. Thread-safe.
class Faults {
 public:
  // The next `count` COMMITs lose their transaction and return `status`.
  void FailCommits(int count, absl::Status status) { Set(fail_commits_, count, std::move(status)); }
  // The next `count` transactions cannot begin.
  void FailBegins(int count, absl::Status status) { Set(fail_begins_, count, std::move(status)); }
  // Each statement to which `text` is bound loses the transaction and returns `status`, as SQLite
  // does on a full disk.
  void FailOn(const std::string& text, absl::Status status) {
    const std::lock_guard lock(mutex_);
    fail_on_[text] = std::move(status);
  }
  // The `n`th statement from now on, 1 being the next, does so; 0: none.
  void FailStatement(int n, absl::Status status) {
    const std::lock_guard lock(mutex_);
    fail_statement_ = statements_ + n;
    statement_failure_ = std::move(status);
  }
  // That were carried out, failing ones too, and none without parameters or rows (Execute).
  int statements() const { return Get(statements_); }
  // Called on the writer's thread before each COMMIT.
  void BeforeCommit(std::function<void()> hook) {
    const std::lock_guard lock(mutex_);
    before_commit_ = std::move(hook);
  }
  // COMMITs that were tried.
  int commits() const { return Get(commits_); }
  // Transactions that were to begin.
  int begins() const { return Get(begins_); }
  // Of them, those that may use what is kept for a full disk.
  int allowed() const { return Get(allowed_); }

  // For the connection:
  void OnAllowReserve() {
    const std::lock_guard lock(mutex_);
    ++allowed_;
  }
  absl::Status OnBegin() {
    {
      const std::lock_guard lock(mutex_);
      ++begins_;
    }
    return Next(fail_begins_);
  }
  absl::Status OnCommit() {
    std::function<void()> hook;
    {
      const std::lock_guard lock(mutex_);
      ++commits_;
      hook = before_commit_;
    }
    if (hook) hook();
    return Next(fail_commits_);
  }
  absl::Status OnStatement() {
    const std::lock_guard lock(mutex_);
    return ++statements_ == fail_statement_ ? statement_failure_ : absl::OkStatus();
  }
  absl::Status OnText(std::string_view text) {
    const std::lock_guard lock(mutex_);
    const auto found = fail_on_.find(std::string(text));
    return found == fail_on_.end() ? absl::OkStatus() : found->second;
  }

 private:
  struct Countdown {
    int left = 0;
    absl::Status status;
  };
  void Set(Countdown& countdown, int count, absl::Status status) {
    const std::lock_guard lock(mutex_);
    countdown = {count, std::move(status)};
  }
  absl::Status Next(Countdown& countdown) {
    const std::lock_guard lock(mutex_);
    if (countdown.left == 0) return absl::OkStatus();
    --countdown.left;
    return countdown.status;
  }
  int Get(const int& count) const {
    const std::lock_guard lock(mutex_);
    return count;
  }

  mutable std::mutex mutex_;
  Countdown fail_commits_;
  Countdown fail_begins_;
  std::map<std::string, absl::Status> fail_on_;
  int fail_statement_ = 0;
  absl::Status statement_failure_;
  std::function<void()> before_commit_;
  int commits_ = 0;
  int begins_ = 0;
  int allowed_ = 0;
  int statements_ = 0;
};

// `inner`, with `faults` on its writing connection.
class FaultyDatabase final : public Database {
 public:
  FaultyDatabase(std::unique_ptr<Database> inner, std::shared_ptr<Faults> faults)
      : inner_(std::move(inner)), faults_(std::move(faults)) {}

  const Dialect& dialect() const override { return inner_->dialect(); }
  absl::StatusOr<std::unique_ptr<Connection>> OpenReader() override { return inner_->OpenReader(); }
  absl::StatusOr<std::unique_ptr<Connection>> OpenWriter() override {
    auto writer = inner_->OpenWriter();
    if (!writer.ok()) return writer.status();
    return std::unique_ptr<Connection>(
        new FaultyConnection(*std::move(writer), faults_, inner_->dialect().begin_write));
  }

 private:
  class FaultyStatement final : public Statement {
   public:
    FaultyStatement(Connection& connection, Statement* inner, std::shared_ptr<Faults> faults)
        : connection_(connection), inner_(inner), faults_(std::move(faults)) {}
    void Reset() override {
      fault_ = absl::OkStatus();
      begun_ = false;
      inner_->Reset();
    }
    void BindInt(int index, int64_t value) override { inner_->BindInt(index, value); }
    void BindText(int index, std::string_view value) override {
      if (fault_.ok()) fault_ = faults_->OnText(value);
      inner_->BindText(index, value);
    }
    void BindBlob(int index, std::string_view value) override { inner_->BindBlob(index, value); }
    void BindNull(int index) override { inner_->BindNull(index); }
    absl::StatusOr<bool> Step() override {
      if (!std::exchange(begun_, true)) fault_.Update(faults_->OnStatement());
      if (fault_.ok()) return inner_->Step();
      inner_->Reset();
      connection_.Execute("ROLLBACK").IgnoreError();
      return fault_;
    }
    int64_t Int(int column) const override { return inner_->Int(column); }
    std::string Text(int column) const override { return inner_->Text(column); }
    bool IsNull(int column) const override { return inner_->IsNull(column); }

   private:
    Connection& connection_;
    Statement* const inner_;
    const std::shared_ptr<Faults> faults_;
    absl::Status fault_;
    bool begun_ = false;
  };

  class FaultyConnection final : public Connection {
   public:
    FaultyConnection(std::unique_ptr<Connection> inner, std::shared_ptr<Faults> faults,
                     std::string begin)
        : inner_(std::move(inner)), faults_(std::move(faults)), begin_(std::move(begin)) {}

    absl::StatusOr<Statement*> Prepare(std::string_view sql) override {
      auto inner = inner_->Prepare(sql);
      if (!inner.ok()) return inner.status();
      auto& statement = statements_[std::string(sql)];
      if (statement == nullptr) {
        statement = std::make_unique<FaultyStatement>(*inner_, *inner, faults_);
      }
      statement->Reset();
      return statement.get();
    }

    absl::Status Execute(std::string_view sql) override {
      if (sql == begin_) {
        if (auto status = faults_->OnBegin(); !status.ok()) return status;
      }
      if (sql == "COMMIT") {
        if (auto status = faults_->OnCommit(); !status.ok()) {
          inner_->Execute("ROLLBACK").IgnoreError();
          return status;
        }
      }
      return inner_->Execute(sql);
    }
    void AllowReserve() override {
      faults_->OnAllowReserve();
      inner_->AllowReserve();
    }
    Reserve reserve() const override { return inner_->reserve(); }

   private:
    const std::unique_ptr<Connection> inner_;
    const std::shared_ptr<Faults> faults_;
    const std::string begin_;
    std::map<std::string, std::unique_ptr<FaultyStatement>> statements_;
  };

  const std::unique_ptr<Database> inner_;
  const std::shared_ptr<Faults> faults_;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_FAULTY_DATABASE_H_
