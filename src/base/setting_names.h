// The variables of the environment that settings are taken from: see
// src/manifest/settings_table.cc, which says what each is. Here for programs that only pass them
// on.
#ifndef GRPC_OS_BASE_SETTING_NAMES_H_
#define GRPC_OS_BASE_SETTING_NAMES_H_

namespace grpc_os {

inline constexpr char kAdminPasswordVariable[] = "GRPC_OS_ADMIN_PASSWORD";

struct SettingName {
  const char* name;
  // Programs that were given it erase it, because /proc would show it for as long as they live.
  bool secret = false;
};

inline constexpr SettingName kSettingNames[] = {
    {"GRPC_PORT"},
    {"GRPC_IO_THREADS"},
    {"GRPC_TLS_CERTIFICATE"},
    {"GRPC_TLS_KEY"},
    {"GRPC_TLS_ADDRESS"},
    {"GRPC_TLS_PORT"},
    {"HTTP_PORT"},
    {"GRPC_OSD_MEMORY"},
    {"EVENTS_KEPT"},
    {"PROCESS_PORTS"},
    {"HELD_ON_COPY"},
    {"EDGE_HTTP_PORT"},
    {"EDGE_HTTPS_PORT"},
    {"EDGE_GRPC_PORT"},
    {"EDGE_ADDRESS"},
    {"EDGE_NGINX"},
    {"EDGE_TEMPLATE"},
    {"EDGE_TRUSTED_PROXIES"},
    {"JWT_SECRET", true},
    {"JWT_SECRET_FILE"},
    {"GRPC_OS_ACCESS_TOKEN_LIFETIME"},
    {"GRPC_OS_SESSION_IDLE"},
    {"GRPC_OS_SESSION_LIFETIME"},
    {"GRPC_OS_PASSWORD_BYTES_MIN"},
    {kAdminPasswordVariable, true},
    {"GRPC_OSD_LOG_LEVEL"},
    {"DEBUG"},
    {"GRPC_OSD_LOG_SIZE"},
    {"DATA_DIR"},
    {"DB_HOST"},
    {"DB_PORT"},
    {"DB_NAME"},
    {"DB_USER"},
    {"DB_PASSWORD", true},
};

}  // namespace grpc_os

#endif  // GRPC_OS_BASE_SETTING_NAMES_H_
