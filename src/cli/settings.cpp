#include "cli/settings.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include "cli/config_file.h"

namespace bitvault::cli {
namespace {

constexpr std::string_view kKeyPrefix = "bvk_";
constexpr std::string_view kOperator = "operator";  // bvk_operator_<secret> names no tenant
constexpr std::size_t kKeyBytesMax = 1024;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos
             ? std::string_view{}
             : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

Result<std::string> check_url(std::string_view text) {
  const auto url = boost::urls::parse_uri(text);
  if (!url || (url->scheme() != "http" && url->scheme() != "https") || url->host().empty()) {
    return fail(Code::kInvalid, "the URL must look like http://127.0.0.1:8080 or https://host");
  }
  if (url->has_userinfo() || url->has_query() || url->has_fragment()) {
    return fail(Code::kInvalid,
                "the URL has no user, query or fragment: the key goes into "
                "BITVAULT_KEY or --key-file");
  }
  while (text.ends_with('/')) {
    text.remove_suffix(1);
  }
  return std::string(text);
}

Status one_key(const SettingsLayer& layer, std::string_view where) {
  if (layer.key && layer.key_file) {
    return fail(Code::kInvalid, fmt::format("{} gives a key and a key file: one is enough", where));
  }
  return {};
}

const std::optional<std::string>& strongest(const std::optional<std::string>& first,
                                            const std::optional<std::string>& second,
                                            const std::optional<std::string>& third) {
  return first ? first : second ? second : third;
}

Result<SettingsLayer> load_config(const ConnectionFlags& flags, const Environment& environment) {
  std::optional<std::string> path = flags.config;
  if (!path) {
    path = default_config_path(environment);
    if (!path || access(path->c_str(), F_OK) != 0) {
      return SettingsLayer{};
    }
  }
  const auto text = read_file(*path);
  return text ? config_layer(*text, *path) : fail(text.error());
}

}  // namespace

Result<ApiKey> ApiKey::parse(std::string_view text) {
  const bool fits = text.size() <= kKeyBytesMax &&
                    std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
  if (!fits) {
    return fail(Code::kInvalid, "the API key has characters that no key has (is it whole?)");
  }
  return ApiKey(std::string(text));
}

std::optional<TenantName> ApiKey::tenant() const {
  std::string_view rest(text_);
  if (!rest.starts_with(kKeyPrefix)) {
    return std::nullopt;
  }
  rest.remove_prefix(kKeyPrefix.size());
  const auto end = rest.find('_');
  if (end == std::string_view::npos || rest.find('_', end + 1) == std::string_view::npos) {
    return std::nullopt;
  }
  auto name = TenantName::parse(rest.substr(0, end));
  if (!name || name->str() == kOperator) {
    return std::nullopt;
  }
  return *std::move(name);
}

SettingsLayer environment_layer(const Environment& environment) {
  const auto get = [&](const char* name) {
    auto value = environment(name);
    return value && value->empty() ? std::nullopt : value;
  };
  return {.url = get("BITVAULT_URL"),
          .key = get("BITVAULT_KEY"),
          .tenant = get("BITVAULT_TENANT"),
          .ca_file = get("BITVAULT_CA_FILE")};
}

Result<SettingsLayer> config_layer(std::string_view toml, const std::string& name) {
  auto file = ConfigFile::parse(toml, name);
  if (!file) {
    return fail(std::move(file.error()));
  }
  SettingsLayer layer{.url = file->string("url"),
                      .key = file->string("key"),
                      .key_file = file->string("key_file"),
                      .tenant = file->string("tenant"),
                      .ca_file = file->string("ca_file")};
  if (auto status = file->finish(); !status) {
    return fail(std::move(status.error()));
  }
  return layer;
}

std::optional<std::string> default_config_path(const Environment& environment) {
  if (const auto base = environment("XDG_CONFIG_HOME"); base && base->starts_with('/')) {
    return *base + "/bitvault/config.toml";
  }
  if (const auto home = environment("HOME"); home && !home->empty()) {
    return *home + "/.config/bitvault/config.toml";
  }
  return std::nullopt;
}

Result<SettingsLayer> choose(const SettingsLayer& flags, const SettingsLayer& environment,
                             const SettingsLayer& file) {
  if (auto status = one_key(flags, "the command line"); !status) {
    return fail(std::move(status.error()));
  }
  if (auto status = one_key(file, "the configuration file"); !status) {
    return fail(std::move(status.error()));
  }
  SettingsLayer chosen{.url = strongest(flags.url, environment.url, file.url),
                       .tenant = strongest(flags.tenant, environment.tenant, file.tenant),
                       .ca_file = strongest(flags.ca_file, environment.ca_file, file.ca_file)};
  for (const SettingsLayer* layer : {&flags, &environment, &file}) {
    if (layer->key || layer->key_file) {
      chosen.key = layer->key;
      chosen.key_file = layer->key_file;
      break;
    }
  }
  return chosen;
}

Result<Settings> check_settings(const SettingsLayer& chosen, std::string_view key) {
  auto url = check_url(chosen.url.value_or(std::string(kDefaultUrl)));
  if (!url) {
    return fail(std::move(url.error()));
  }
  auto parsed = ApiKey::parse(trimmed(key));
  if (!parsed) {
    return fail(std::move(parsed.error()));
  }
  Settings settings{.url = *std::move(url),
                    .key = *std::move(parsed),
                    .tenant = std::nullopt,
                    .ca_file = chosen.ca_file.value_or("")};
  settings.tenant = settings.key.tenant();
  if (chosen.tenant) {
    auto tenant = TenantName::parse(*chosen.tenant);
    if (!tenant) {
      return fail(std::move(tenant.error()));
    }
    settings.tenant = *std::move(tenant);
  }
  return settings;
}

Result<Settings> load_settings(const ConnectionFlags& flags, const Environment& environment) {
  auto file = load_config(flags, environment);
  if (!file) {
    return fail(std::move(file.error()));
  }
  auto chosen = choose(flags.layer, environment_layer(environment), *file);
  if (!chosen) {
    return fail(std::move(chosen.error()));
  }
  if (!chosen->key_file) {
    return check_settings(*chosen, chosen->key.value_or(""));
  }
  const auto key = read_file(*chosen->key_file);
  if (!key) {
    return fail(key.error());
  }
  if (trimmed(*key).empty()) {
    return fail(Code::kInvalid, fmt::format("the key file {} is empty", *chosen->key_file));
  }
  return check_settings(*chosen, *key);
}

}  // namespace bitvault::cli
