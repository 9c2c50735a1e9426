// Messages of protobuf as the transport takes them.
#ifndef GRPC_OS_SERVER_MESSAGE_BYTES_H_
#define GRPC_OS_SERVER_MESSAGE_BYTES_H_

#include <google/protobuf/message_lite.h>

#include <string>

#include "transport/message.h"

namespace grpc_os::server {

inline std::string ToBytes(const google::protobuf::MessageLite& message) {
  std::string bytes = transport::NewMessage(message.ByteSizeLong());
  message.SerializeWithCachedSizesToArray(
      reinterpret_cast<uint8_t*>(bytes.data() + transport::kPrefixBytes));
  return bytes;
}

}  // namespace grpc_os::server

#endif  // GRPC_OS_SERVER_MESSAGE_BYTES_H_
