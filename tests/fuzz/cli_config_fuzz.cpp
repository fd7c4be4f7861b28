// The configuration files of the command line and of `serve`, in TOML, and what is made of them.

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/console.h"
#include "cli/serve_options.h"
#include "cli/settings.h"
#include "fuzz.h"

namespace bitvault::fuzz {
namespace {

// JSON's escapes are TOML's, but for DEL, which has to be escaped here.
std::string toml_string(std::string_view text) {
  std::string quoted = json_string(text);
  for (std::size_t at = quoted.find('\x7f'); at != std::string::npos; at = quoted.find('\x7f')) {
    quoted.replace(at, 1, "\\u007f");
  }
  return quoted;
}

class TomlWriter {
 public:
  void member(std::string_view name, const std::optional<std::string>& value) {
    if (value) {
      text_ += fmt::format("{} = {}\n", name, toml_string(*value));
    }
  }
  template <class T>
  void plain(std::string_view name, const std::optional<T>& value) {
    if (value) {
      text_ += fmt::format("{} = {}\n", name, *value);
    }
  }
  void list(std::string_view name, const std::optional<std::vector<std::string>>& values) {
    if (!values) {
      return;
    }
    text_ += fmt::format("{} = [", name);
    for (const std::string& value : *values) {
      text_ += toml_string(value) + ",";
    }
    text_ += "]\n";
  }

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

void check_error(const Error& error) {
  check(error.code == Code::kInvalid, "a configuration is valid or invalid");
  check(error.detail.starts_with("f.toml:"), "an error begins with its place");
  check(cli::printable(error.detail) == error.detail, "an error is one line of text");
}

bool same(const cli::SettingsLayer& a, const cli::SettingsLayer& b) {
  return a.url == b.url && a.key == b.key && a.key_file == b.key_file && a.tenant == b.tenant &&
         a.ca_file == b.ca_file;
}

void client(std::string_view toml) {
  const auto layer = cli::config_layer(toml, "f.toml");
  if (!layer) {
    return check_error(layer.error());
  }
  TomlWriter writer;
  writer.member("url", layer->url);
  writer.member("key", layer->key);
  writer.member("key_file", layer->key_file);
  writer.member("tenant", layer->tenant);
  writer.member("ca_file", layer->ca_file);
  const auto again = cli::config_layer(writer.text(), "f.toml");
  check(again && same(*again, *layer), "settings read as what was written");

  const auto chosen = cli::choose({}, {}, *layer);
  const auto settings = chosen ? cli::check_settings(*chosen, chosen->key.value_or(""))
                               : Result<cli::Settings>(fail(chosen.error()));
  if (!settings) {
    check(settings.error().detail.find('\n') == std::string::npos, "an error is one line");
    check(!layer->key || layer->key->size() < 20 || !settings.error().detail.contains(*layer->key),
          "an error shows no key");
    return;
  }
  check(!settings->url.ends_with('/') && settings->url.starts_with("http"), "a URL is one");
  check(!layer->tenant || settings->tenant->str() == *layer->tenant, "a tenant said is the tenant");
}

bool same(const cli::ServeLayer& a, const cli::ServeLayer& b) {
  return a.data == b.data && a.listen == b.listen && a.store == b.store && a.bus == b.bus &&
         a.roles == b.roles && a.allow_private_targets == b.allow_private_targets &&
         a.allow_targets == b.allow_targets && a.log_level == b.log_level &&
         a.log_json == b.log_json && a.threads == b.threads;
}

void check_options(const cli::ServeLayer& layer) {
  const auto options = cli::make_serve_options({}, layer);
  if (!options) {
    check(options.error().code == Code::kInvalid, "options are valid or invalid");
    check(cli::printable(options.error().detail) == options.error().detail,
          "an error is one line of text");
    return;
  }
  check(!options->roles.empty() && options->roles.size() <= 4, "each role is there once");
  check(options->threads <= 256, "threads are bounded");
}

void server(std::string_view toml) {
  auto layer = cli::serve_layer(toml, "f.toml");
  if (!layer) {
    return check_error(layer.error());
  }
  TomlWriter writer;
  writer.member("data", layer->data);
  writer.member("listen", layer->listen);
  writer.member("store", layer->store);
  writer.member("bus", layer->bus);
  writer.list("roles", layer->roles);
  writer.plain("allow_private_targets", layer->allow_private_targets);
  writer.list("allow_targets", layer->allow_targets);
  writer.member("log_level", layer->log_level);
  writer.plain("log_json", layer->log_json);
  writer.plain("threads", layer->threads);
  const auto again = cli::serve_layer(writer.text(), "f.toml");
  check(again && same(*again, *layer), "options read as what was written");
  layer->watches.clear();  // looks for folders
  check_options(*layer);
}

void run(std::string_view input) {
  client(input);
  server(input);
}

const Registered kConfig({"cli_config", run});

}  // namespace
}  // namespace bitvault::fuzz
