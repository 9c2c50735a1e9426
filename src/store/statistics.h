// What the store has done since it was opened, for the page of metrics.
#ifndef GRPC_OS_STORE_STATISTICS_H_
#define GRPC_OS_STORE_STATISTICS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "store/database.h"

namespace grpc_os::store {

// Each number by itself is right at any time; they are not of one moment. All but those of the
// queue and of reads are written by the writer's thread only.
struct Statistics {
  explicit Statistics(const Reserve& reserve = {}) { SetReserve(reserve); }

  // Upper bounds of `commit_buckets`; the last bucket has none.
  static constexpr std::array<int64_t, 8> kBucketMicroseconds = {
      500, 1'000, 2'000, 5'000, 10'000, 50'000, 250'000, 1'000'000};

  std::atomic<int64_t> commits{0};     // transactions that became durable
  std::atomic<int64_t> operations{0};  // that were in them
  std::atomic<int64_t> refused{0};     // operations refused in a transaction (name taken…)
  std::atomic<int64_t> failed_transactions{0};  // lost to the storage
  std::atomic<int64_t> failed_operations{0};    // answered with that
  std::atomic<int64_t> disk_full_ms{0};   // EventLoop::NowMs when the disk was last full; 0: never
  std::atomic<int64_t> largest_group{0};  // operations in one transaction
  std::atomic<int64_t> commit_microseconds{0};           // of all commits, from BEGIN to durable
  std::array<std::atomic<int64_t>, 9> commit_buckets{};  // how many took so long
  std::atomic<int64_t> swept_rows{0};                    // forgotten: old events, records, requests
  std::atomic<int64_t> sweeps{0};                        // in so many transactions
  std::atomic<int64_t> queue_full{0};   // operations refused because too many waited
  std::atomic<int64_t> queue_depth{0};  // operations that wait now

  std::atomic<int64_t> reads_dropped{0};  // whose call had ended when their turn came

  // What is kept of the disk for changes that must be possible when it is full.
  std::atomic<int64_t> reserve_wanted_bytes{0};  // 0: the engine keeps none
  std::atomic<int64_t> reserve_kept_bytes{0};    // less: ordinary changes are refused
  std::atomic<bool> reserve_is_supported{true};  // by the file system

  void SetReserve(const Reserve& reserve) {
    reserve_wanted_bytes = reserve.wanted_bytes;
    reserve_kept_bytes = reserve.kept_bytes;
    reserve_is_supported = reserve.supported;
  }
  void CountCommit(int64_t count, int64_t microseconds) {
    commits.fetch_add(1, std::memory_order_relaxed);
    operations.fetch_add(count, std::memory_order_relaxed);
    if (count > largest_group.load(std::memory_order_relaxed)) largest_group = count;
    commit_microseconds.fetch_add(microseconds, std::memory_order_relaxed);
    size_t bucket = 0;
    while (bucket < kBucketMicroseconds.size() && microseconds > kBucketMicroseconds[bucket]) {
      ++bucket;
    }
    commit_buckets[bucket].fetch_add(1, std::memory_order_relaxed);
  }
};

}  // namespace grpc_os::store

#endif  // GRPC_OS_STORE_STATISTICS_H_
