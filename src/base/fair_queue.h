// A queue of several owners.
#ifndef GRPC_OS_BASE_FAIR_QUEUE_H_
#define GRPC_OS_BASE_FAIR_QUEUE_H_

#include <cstddef>
#include <deque>
#include <list>
#include <unordered_map>
#include <utility>

namespace grpc_os {

// Owners take turns, whatever each has waiting; in its turn the oldest item of an owner is taken.
// An owner without items costs nothing. Not thread-safe.
template <typename Key, typename Item>
class FairQueue {
 public:
  void Push(const Key& owner, Item item) {
    const auto [items, first] = owners_.try_emplace(owner);
    if (first) turns_.push_back(owner);
    items->second.push_back(std::move(item));
    ++size_;
  }
  // There is one.
  Item Pop() {
    Key owner = std::move(turns_.front());
    turns_.pop_front();
    const auto items = owners_.find(owner);
    Item item = std::move(items->second.front());
    items->second.pop_front();
    if (items->second.empty()) {
      owners_.erase(items);
    } else {
      turns_.push_back(std::move(owner));
    }
    --size_;
    return item;
  }

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  size_t SizeOf(const Key& owner) const {
    const auto items = owners_.find(owner);
    return items == owners_.end() ? 0 : items->second.size();
  }

 private:
  std::unordered_map<Key, std::list<Item>> owners_;  // of those that have any
  std::deque<Key> turns_;                            // the same, the next first
  size_t size_ = 0;
};

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_FAIR_QUEUE_H_
