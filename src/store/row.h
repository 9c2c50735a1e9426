// Parameters and columns of a statement, one after the other.
#ifndef GRPC_OS_STORE_ROW_H_
#define GRPC_OS_STORE_ROW_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "store/database.h"

namespace grpc_os::store {

class RowBinder {
 public:
  explicit RowBinder(Statement& statement) : statement_(statement) {}
  RowBinder& Int(int64_t value) {
    statement_.BindInt(next_++, value);
    return *this;
  }
  RowBinder& Text(std::string_view value) {
    statement_.BindText(next_++, value);
    return *this;
  }
  RowBinder& Text(const char* value) { return Text(std::string_view(value)); }
  RowBinder& Text(std::string&& value) = delete;  // see Statement::BindText
  RowBinder& Blob(std::string&& value) = delete;
  RowBinder& Blob(std::string_view value) {
    statement_.BindBlob(next_++, value);
    return *this;
  }
  RowBinder& Null() {
    statement_.BindNull(next_++);
    return *this;
  }

 private:
  Statement& statement_;
  int next_ = 0;
};

class RowReader {
 public:
  explicit RowReader(const Statement& statement) : statement_(statement) {}
  int64_t Int64() { return statement_.Int(next_++); }
  int Int() { return static_cast<int>(Int64()); }
  bool Bool() { return Int64() != 0; }
  std::string Text() { return statement_.Text(next_++); }
  bool IsNull() const { return statement_.IsNull(next_); }
  void Skip(int columns) { next_ += columns; }

 private:
  const Statement& statement_;
  int next_ = 0;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_ROW_H_
