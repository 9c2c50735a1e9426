// Where the SQL engines differ. All other SQL of the store is the same text for each of them.
#ifndef GRPC_OS_STORE_DIALECT_H_
#define GRPC_OS_STORE_DIALECT_H_

namespace grpc_os::store {

// Rules that keep the rest portable: named columns only, `?` parameters, SAVEPOINT x / ROLLBACK TO
// SAVEPOINT x / RELEASE SAVEPOINT x, no upsert (the one writer looks first, then inserts or
// updates), no generated keys, LIMIT and OFFSET as parameters.
struct Dialect {
  // Types of columns.
  const char* integer;  // 64 bits, signed
  const char* key;      // text of at most 255 bytes, compared by its bytes, can be indexed
  const char* text;     // UTF-8, at least 1 MiB
  const char* path;     // UTF-8 of at most 1024 bytes, compared by its bytes, can be indexed
  const char* digest;   // at most 32 bytes, can be indexed
  const char* bytes;    // any bytes, at least 2 MiB
  // Ends of CREATE TABLE (…).
  const char* table;
  const char* clustered_table;  // rows lie in the order of the primary key
  // Ends a CREATE INDEX that only rows with `deleted = 1` are to be in; empty: all of them are.
  const char* where_deleted;
  // Of an ALTER TABLE, before a column that may be gone already where the engine commits each
  // statement by itself.
  const char* drop_column;
  const char* add_column;  // the same, before one that may be there already
  // Transactions: one that has the right to write from the start, one that sees a single snapshot.
  const char* begin_write;
  const char* begin_read;
  // Ends a SELECT whose row stays locked until the end of the transaction.
  const char* for_update;
  // Gives the {path} `name` anew: its first parameter, then the bytes of `name` from the one that
  // its second parameter counts, from 1.
  const char* moved_name;
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_DIALECT_H_
