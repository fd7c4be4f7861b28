// The options of `bitvault-events serve`, checked. Flags win over the configuration file.
//
// The file is TOML with the flags' names, underscores for hyphens; what is unknown is refused:
//
//   data = "/var/lib/bitvault"
//   listen = "127.0.0.1:8080"
//   tls_cert = "server.pem"         # with tls_key: HTTPS instead of HTTP
//   tls_key = "server.key"
//   store = "postgres://..."        # absent: SQLite in the data folder
//   bus = "nats://..."              # absent: within the process
//   roles = ["api", "drain"]        # absent: all
//   allow_private_targets = false
//   allow_targets = ["10.1.0.0/16"] # what tenants' targets may be beside public addresses
//   threads = 2                     # absent: one a core
//   retention_max_age = "30d"       # absent: events are kept however old they get
//   retention_max_events = 1000000  # absent: however many there are
//   rate_limit_requests = 1000      # a second, of a tenant; absent: as many as come
//   rate_limit_events = 10000       # likewise, published
//   rate_limit_scanned = 100000     # likewise, looked at by reads
//   log_level = "info"
//   log_json = false
//   [watch]
//   acme = "/srv/files/acme"
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/tenant_name.h"
#include "net/address_guard.h"

namespace bitvault::cli {

enum class Role : std::uint8_t { kApi, kDrain, kDeliver, kAudit };
enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };

struct Watch {
  TenantName tenant;
  std::filesystem::path directory;  // it exists
};

// A tenant whose history begins a new epoch before it is served.
struct NewEpoch {
  std::optional<TenantName> tenant;  // absent: every tenant that is not named
  std::string label;                 // not empty: begun only once under this label
};

struct ServeOptions {
  std::filesystem::path data = "bitvault-data";
  std::string listen_address = "127.0.0.1";  // an IP address
  std::uint16_t listen_port = 8080;          // 0: any free one
  std::string tls_cert;                      // a PEM file; empty, as tls_key then is: no TLS
  std::string tls_key;
  std::string store;  // a postgres URL; empty: SQLite in `data`
  std::string bus;    // a nats URL; empty: within the process
  std::vector<Role> roles = {Role::kApi, Role::kDrain, Role::kDeliver, Role::kAudit};
  std::vector<Watch> watches;        // at most one a tenant
  std::vector<NewEpoch> new_epochs;  // likewise
  net::AddressPolicy targets{};      // where tenants may have requests sent
  LogLevel log_level = LogLevel::kInfo;
  bool log_json = false;
  unsigned threads = 0;  // 0: one a core
  // Of tenants that have no setting of their own. Absent: for ever.
  std::optional<std::uint64_t> retention_age_seconds{};
  std::optional<std::uint64_t> retention_events{};
  // A second, of a tenant that has no setting of its own. Absent: as many as come.
  std::optional<std::uint64_t> rate_limit_requests{};
  std::optional<std::uint64_t> rate_limit_events{};
  std::optional<std::uint64_t> rate_limit_scanned{};

  [[nodiscard]] bool has(Role role) const;
};

// What the command line or the file says, unchecked. Absent: nothing.
struct ServeLayer {
  std::optional<std::string> data{};
  std::optional<std::string> listen{};
  std::optional<std::string> tls_cert{};
  std::optional<std::string> tls_key{};
  std::optional<std::string> store{};
  std::optional<std::string> bus{};
  std::optional<std::vector<std::string>> roles{};
  std::vector<std::string> watches{};     // TENANT=DIR
  std::vector<std::string> new_epochs{};  // TENANT or *, then perhaps =LABEL; not in the file
  std::optional<bool> allow_private_targets{};
  std::optional<std::vector<std::string>> allow_targets{};  // CIDR
  std::optional<std::string> log_level{};
  std::optional<bool> log_json{};
  std::optional<std::int64_t> threads{};
  std::optional<std::string> retention_max_age{};
  std::optional<std::int64_t> retention_max_events{};
  std::optional<std::int64_t> rate_limit_requests{};
  std::optional<std::int64_t> rate_limit_events{};
  std::optional<std::int64_t> rate_limit_scanned{};
};

// Reads the file's text; `name` is the file's, for errors.
[[nodiscard]] Result<ServeLayer> serve_layer(std::string_view toml, const std::string& name);

// Flags over the file over the defaults. The watches of both add up. Pure but for looking whether
// watched directories exist. Errors are one line each and show no URL, which may hold a password.
[[nodiscard]] Result<ServeOptions> make_serve_options(const ServeLayer& flags,
                                                      const ServeLayer& file);

// The same with the file read; without `config` there is none.
[[nodiscard]] Result<ServeOptions> load_serve_options(const ServeLayer& flags,
                                                      const std::optional<std::string>& config);

}  // namespace bitvault::cli
