// A password on its way through the core.
#ifndef GRPC_OS_CORE_IDENTITY_SECRET_H_
#define GRPC_OS_CORE_IDENTITY_SECRET_H_

#include <string>
#include <utility>

namespace grpc_os::core {

// Is overwritten when its last owner lets go of it, so that freed memory holds no password.
class Secret {
 public:
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() {
    // Through a volatile pointer, or the compiler would leave out what nobody reads.
    volatile char* byte = text_.data();
    for (size_t left = text_.size(); left > 0; --left) *byte++ = '\0';
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace grpc_os::core

#endif  // GRPC_OS_CORE_IDENTITY_SECRET_H_
