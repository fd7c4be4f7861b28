// The settings of a client command: which server, which key, which tenant.
//
// Flags win over the environment, the environment over the configuration file, each setting for
// itself. choose() is pure; load_settings() reads the files it needs.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/tenant_name.h"

namespace bitvault::cli {

inline constexpr std::string_view kDefaultUrl = "http://127.0.0.1:8080";

// An environment variable's value, nothing when it is unset.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// An API key: it has no way into a format string or a comparison.
class ApiKey {
 public:
  ApiKey() = default;
  // Error: kInvalid when it holds what no header can carry.
  [[nodiscard]] static Result<ApiKey> parse(std::string_view text);

  [[nodiscard]] bool empty() const { return text_.empty(); }
  [[nodiscard]] const std::string& reveal() const { return text_; }
  // The tenant that a key of the form bvk_<tenant>_<id>_<secret> names; none for an operator's key.
  [[nodiscard]] std::optional<TenantName> tenant() const;

 private:
  explicit ApiKey(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

// What one source says. Absent: it says nothing.
struct SettingsLayer {
  std::optional<std::string> url{};
  std::optional<std::string> key{};
  std::optional<std::string> key_file{};
  std::optional<std::string> tenant{};
  std::optional<std::string> ca_file{};
};

struct ConnectionFlags {
  SettingsLayer layer;
  std::optional<std::string> config;
};

struct Settings {
  std::string url;  // without a slash at its end
  ApiKey key;       // empty: none
  std::optional<TenantName> tenant;
  std::string ca_file;
};

// BITVAULT_URL, BITVAULT_KEY, BITVAULT_TENANT, BITVAULT_CA_FILE; an empty variable counts as unset.
[[nodiscard]] SettingsLayer environment_layer(const Environment& environment);

// `name` is the file's, for errors.
[[nodiscard]] Result<SettingsLayer> config_layer(std::string_view toml, const std::string& name);

// $XDG_CONFIG_HOME or ~/.config, then bitvault/config.toml; nothing without a home.
[[nodiscard]] std::optional<std::string> default_config_path(const Environment& environment);

// The strongest saying of each setting. A key and a key file are one setting.
[[nodiscard]] Result<SettingsLayer> choose(const SettingsLayer& flags,
                                           const SettingsLayer& environment,
                                           const SettingsLayer& file);

// Checks what was chosen. `key` is the key's text, from wherever it came; empty: none.
[[nodiscard]] Result<Settings> check_settings(const SettingsLayer& chosen, std::string_view key);

// All of it, files included. Errors are usage errors, one line each.
[[nodiscard]] Result<Settings> load_settings(const ConnectionFlags& flags,
                                             const Environment& environment);

}  // namespace bitvault::cli
