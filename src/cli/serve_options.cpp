#include "cli/serve_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "cli/amount.h"
#include "cli/config_file.h"
#include "cli/console.h"
#include "cli/listen_address.h"

namespace bitvault::cli {
namespace {

constexpr std::int64_t kThreadsMax = 256;
constexpr std::size_t kEpochLabelCharactersMax = 64;

template <class T>
using Names = std::array<std::pair<std::string_view, T>, 4>;

constexpr Names<Role> kRoles = {{{"api", Role::kApi},
                                 {"drain", Role::kDrain},
                                 {"deliver", Role::kDeliver},
                                 {"audit", Role::kAudit}}};
constexpr Names<LogLevel> kLogLevels = {{{"debug", LogLevel::kDebug},
                                         {"info", LogLevel::kInfo},
                                         {"warn", LogLevel::kWarn},
                                         {"error", LogLevel::kError}}};

template <class T>
std::optional<T> find(const Names<T>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name, [](const auto& entry) { return entry.first; });
  return found == names.end() ? std::nullopt : std::optional(found->second);
}

Status read_listen(std::string_view text, ServeOptions& options) {
  auto listen = parse_listen_address(text);
  if (!listen) {
    return fail(std::move(listen.error()));
  }
  options.listen_address = std::move(listen->address);
  options.listen_port = listen->port;
  return {};
}

Status read_tls(const ServeLayer& said, ServeOptions& options) {
  options.tls_cert = said.tls_cert.value_or("");
  options.tls_key = said.tls_key.value_or("");
  if (options.tls_cert.empty() != options.tls_key.empty() ||
      said.tls_cert.has_value() != said.tls_key.has_value()) {
    return fail(Code::kInvalid, "tls cert and tls key go together: give both files, or none");
  }
  if (said.tls_cert && options.tls_cert.empty()) {
    return fail(Code::kInvalid, "tls cert and tls key must name files");
  }
  return {};
}

Status read_roles(const std::vector<std::string>& names, ServeOptions& options) {
  options.roles.clear();
  for (const std::string& name : names) {
    const auto role = find(kRoles, name);
    if (!role) {
      return fail(Code::kInvalid, fmt::format("unknown role `{}`: the roles are api, drain, "
                                              "deliver, audit",
                                              printable(name)));
    }
    if (!options.has(*role)) {
      options.roles.push_back(*role);
    }
  }
  if (options.roles.empty()) {
    return fail(Code::kInvalid, "roles names no role: leave it out for all of them");
  }
  return {};
}

Status add_watch(std::string_view text, ServeOptions& options) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals + 1 == text.size()) {
    return fail(Code::kInvalid, fmt::format("watch must be TENANT=DIR, not `{}`", printable(text)));
  }
  auto tenant = TenantName::parse(text.substr(0, equals));
  if (!tenant) {
    return fail(Code::kInvalid,
                fmt::format("watch `{}`: {}", printable(text), tenant.error().detail));
  }
  std::filesystem::path directory(text.substr(equals + 1));
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error)) {
    return fail(Code::kInvalid,
                fmt::format("watch: {} is not a directory", printable(directory.string())));
  }
  if (std::ranges::any_of(options.watches,
                          [&](const Watch& watch) { return watch.tenant == *tenant; })) {
    return fail(Code::kInvalid,
                fmt::format("watch: the tenant {} has two directories", tenant->str()));
  }
  options.watches.push_back({*std::move(tenant), std::move(directory)});
  return {};
}

Status add_new_epoch(std::string_view text, ServeOptions& options) {
  const auto equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  NewEpoch wanted;
  if (name != "*") {
    auto tenant = TenantName::parse(name);
    if (!tenant) {
      return fail(Code::kInvalid,
                  fmt::format("new epoch `{}`: {}", printable(text), tenant.error().detail));
    }
    wanted.tenant = *std::move(tenant);
  }
  if (equals != std::string_view::npos) {
    wanted.label = text.substr(equals + 1);
    if (wanted.label.empty() || wanted.label.size() > kEpochLabelCharactersMax ||
        !std::ranges::all_of(wanted.label, [](unsigned char c) { return c > ' ' && c < 0x7f; })) {
      return fail(Code::kInvalid,
                  fmt::format("new epoch `{}`: a label has 1 to {} printable characters without "
                              "space",
                              printable(text), kEpochLabelCharactersMax));
    }
  }
  if (std::ranges::any_of(options.new_epochs,
                          [&](const NewEpoch& other) { return other.tenant == wanted.tenant; })) {
    return fail(Code::kInvalid, fmt::format("new epoch: {} is named twice", printable(name)));
  }
  options.new_epochs.push_back(std::move(wanted));
  return {};
}

bool has_scheme(const std::string& url, std::initializer_list<std::string_view> schemes) {
  return std::ranges::any_of(schemes, [&](std::string_view scheme) {
    return url.size() > scheme.size() && url.starts_with(scheme);
  });
}

Status read_backends(const ServeLayer& said, ServeOptions& options) {
  options.store = said.store.value_or("");
  if (said.store && !has_scheme(*said.store, {"postgres://", "postgresql://"})) {
    return fail(Code::kInvalid,
                "store must be a postgres:// URL; leave it out for SQLite in the data folder");
  }
  options.bus = said.bus.value_or("");
  if (said.bus && !has_scheme(*said.bus, {"nats://", "tls://"})) {
    return fail(Code::kInvalid,
                "bus must be a nats:// URL; leave it out for the bus within the "
                "process");
  }
  return {};
}

Status read_targets(const ServeLayer& said, ServeOptions& options) {
  options.targets.allow_private = said.allow_private_targets.value_or(false);
  for (const std::string& text : said.allow_targets.value_or(std::vector<std::string>())) {
    auto range = net::Cidr::parse(text);
    if (!range) {
      return fail(Code::kInvalid, "allow target: " + printable(range.error().detail));
    }
    options.targets.allowed.push_back(*range);
  }
  return {};
}

Status read_process(const ServeLayer& said, ServeOptions& options) {
  if (said.data && said.data->empty()) {
    return fail(Code::kInvalid, "data must name a folder");
  }
  options.data = said.data.value_or(options.data.string());
  options.log_json = said.log_json.value_or(false);
  if (said.log_level) {
    const auto level = find(kLogLevels, *said.log_level);
    if (!level) {
      return fail(Code::kInvalid, "log level must be debug, info, warn or error");
    }
    options.log_level = *level;
  }
  if (said.threads) {
    if (*said.threads < 1 || *said.threads > kThreadsMax) {
      return fail(Code::kInvalid, fmt::format("threads must be 1 to {}", kThreadsMax));
    }
    options.threads = static_cast<unsigned>(*said.threads);
  }
  return {};
}

Status read_retention(const ServeLayer& said, ServeOptions& options) {
  if (said.retention_max_age) {
    options.retention_age_seconds = parse_age(*said.retention_max_age);
    if (!options.retention_age_seconds) {
      return fail(Code::kInvalid,
                  "retention max age must be seconds, at least 1, or such as 12h or 30d; leave it "
                  "out to keep events however old they get");
    }
  }
  if (said.retention_max_events) {
    if (*said.retention_max_events < 1) {
      return fail(Code::kInvalid,
                  "retention max events must be at least 1; leave it out to keep all of them");
    }
    options.retention_events = static_cast<std::uint64_t>(*said.retention_max_events);
  }
  return {};
}

Status read_rate_limits(const ServeLayer& said, ServeOptions& options) {
  const auto read = [](const std::optional<std::int64_t>& number, std::string_view what,
                       std::optional<std::uint64_t>& out) -> Status {
    if (number && *number < 1) {
      return fail(
          Code::kInvalid,
          fmt::format("rate limit {} must be at least 1 a second; leave it out for no limit",
                      what));
    }
    out = number;
    return {};
  };
  Status status = read(said.rate_limit_requests, "requests", options.rate_limit_requests);
  status = status ? read(said.rate_limit_events, "events", options.rate_limit_events) : status;
  return status ? read(said.rate_limit_scanned, "scanned", options.rate_limit_scanned) : status;
}

template <class T>
void prefer(std::optional<T>& value, const std::optional<T>& stronger) {
  if (stronger) {
    value = stronger;
  }
}

ServeLayer merge(const ServeLayer& flags, ServeLayer merged) {
  prefer(merged.data, flags.data);
  prefer(merged.listen, flags.listen);
  prefer(merged.tls_cert, flags.tls_cert);
  prefer(merged.tls_key, flags.tls_key);
  prefer(merged.store, flags.store);
  prefer(merged.bus, flags.bus);
  prefer(merged.roles, flags.roles);
  prefer(merged.allow_private_targets, flags.allow_private_targets);
  prefer(merged.allow_targets, flags.allow_targets);
  prefer(merged.log_level, flags.log_level);
  prefer(merged.log_json, flags.log_json);
  prefer(merged.threads, flags.threads);
  prefer(merged.retention_max_age, flags.retention_max_age);
  prefer(merged.retention_max_events, flags.retention_max_events);
  prefer(merged.rate_limit_requests, flags.rate_limit_requests);
  prefer(merged.rate_limit_events, flags.rate_limit_events);
  prefer(merged.rate_limit_scanned, flags.rate_limit_scanned);
  merged.new_epochs = flags.new_epochs;
  merged.watches.insert(merged.watches.end(), flags.watches.begin(), flags.watches.end());
  return merged;
}

}  // namespace

bool ServeOptions::has(Role role) const { return std::ranges::find(roles, role) != roles.end(); }

Result<ServeLayer> serve_layer(std::string_view toml, const std::string& name) {
  auto file = ConfigFile::parse(toml, name);
  if (!file) {
    return fail(std::move(file.error()));
  }
  ServeLayer layer{.data = file->string("data"),
                   .listen = file->string("listen"),
                   .tls_cert = file->string("tls_cert"),
                   .tls_key = file->string("tls_key"),
                   .store = file->string("store"),
                   .bus = file->string("bus"),
                   .roles = file->strings("roles"),
                   .allow_private_targets = file->boolean("allow_private_targets"),
                   .allow_targets = file->strings("allow_targets"),
                   .log_level = file->string("log_level"),
                   .log_json = file->boolean("log_json"),
                   .threads = file->integer("threads"),
                   .retention_max_age = file->string("retention_max_age"),
                   .retention_max_events = file->integer("retention_max_events"),
                   .rate_limit_requests = file->integer("rate_limit_requests"),
                   .rate_limit_events = file->integer("rate_limit_events"),
                   .rate_limit_scanned = file->integer("rate_limit_scanned")};
  for (const auto& [tenant, directory] : file->table("watch")) {
    layer.watches.push_back(tenant + "=" + directory);
  }
  if (auto status = file->finish(); !status) {
    return fail(std::move(status.error()));
  }
  return layer;
}

Result<ServeOptions> make_serve_options(const ServeLayer& flags, const ServeLayer& file) {
  const ServeLayer said = merge(flags, file);
  ServeOptions options;
  Status status = read_process(said, options);
  if (status) {
    status = read_targets(said, options);
  }
  if (status) {
    status = read_retention(said, options);
  }
  if (status) {
    status = read_rate_limits(said, options);
  }
  if (status && said.listen) {
    status = read_listen(*said.listen, options);
  }
  if (status) {
    status = read_tls(said, options);
  }
  if (status) {
    status = read_backends(said, options);
  }
  if (status && said.roles) {
    status = read_roles(*said.roles, options);
  }
  for (std::size_t i = 0; status && i < said.watches.size(); ++i) {
    status = add_watch(said.watches[i], options);
  }
  for (std::size_t i = 0; status && i < said.new_epochs.size(); ++i) {
    status = add_new_epoch(said.new_epochs[i], options);
  }
  if (!status) {
    return fail(std::move(status.error()));
  }
  return options;
}

Result<ServeOptions> load_serve_options(const ServeLayer& flags,
                                        const std::optional<std::string>& config) {
  if (!config) {
    return make_serve_options(flags, {});
  }
  const auto text = read_file(*config);
  if (!text) {
    return fail(text.error());
  }
  const auto file = serve_layer(*text, *config);
  return file ? make_serve_options(flags, *file) : fail(file.error());
}

}  // namespace bitvault::cli
