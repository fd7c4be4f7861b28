#include "cli/config_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace bitvault::cli {
namespace {

constexpr std::size_t kFileBytesMax = 1024 * 1024;

}  // namespace

struct ConfigFile::Impl {
  std::string name;
  toml::table root;
  std::set<std::string, std::less<>> asked;
  std::optional<Error> wrong;

  [[nodiscard]] std::string place(const toml::source_region& source) const {
    return fmt::format("{}:{}", name, source.begin.line);
  }
  toml::node* find(std::string_view key) {
    asked.emplace(key);
    return root.get(key);
  }
  void complain(std::string_view key, const toml::node& node, std::string_view expected) {
    if (!wrong) {
      wrong = Error{Code::kInvalid,
                    fmt::format("{}: `{}` must be {}", place(node.source()), key, expected),
                    {}};
    }
  }
  template <class T>
  std::optional<T> value(std::string_view key, std::string_view expected) {
    toml::node* const node = find(key);
    if (node == nullptr) {
      return std::nullopt;
    }
    std::optional<T> found = node->value_exact<T>();
    if (!found) {
      complain(key, *node, expected);
    }
    return found;
  }
};

ConfigFile::ConfigFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ConfigFile::~ConfigFile() = default;
ConfigFile::ConfigFile(ConfigFile&& other) noexcept = default;
ConfigFile& ConfigFile::operator=(ConfigFile&& other) noexcept = default;

Result<ConfigFile> ConfigFile::parse(std::string_view text, std::string name) {
  toml::parse_result result = toml::parse(text);
  if (!result) {
    // toml++'s sentence may quote the text, and the text may be a key: the place must do.
    return fail(
        Code::kInvalid,
        fmt::format("{}:{}:{}: this is not valid TOML (a string needs quotes: name = \"...\")",
                    name, result.error().source().begin.line,
                    result.error().source().begin.column));
  }
  auto impl = std::make_unique<Impl>();
  impl->name = std::move(name);
  impl->root = std::move(result).table();
  return ConfigFile(std::move(impl));
}

std::optional<std::string> ConfigFile::string(std::string_view key) {
  return impl_->value<std::string>(key, "a string");
}

std::optional<bool> ConfigFile::boolean(std::string_view key) {
  return impl_->value<bool>(key, "true or false");
}

std::optional<std::int64_t> ConfigFile::integer(std::string_view key) {
  return impl_->value<std::int64_t>(key, "an integer");
}

std::optional<std::vector<std::string>> ConfigFile::strings(std::string_view key) {
  toml::node* const node = impl_->find(key);
  if (node == nullptr) {
    return std::nullopt;
  }
  const toml::array* const array = node->as_array();
  if (array == nullptr) {
    impl_->complain(key, *node, "an array of strings");
    return std::nullopt;
  }
  std::vector<std::string> found;
  for (const toml::node& element : *array) {
    auto text = element.value_exact<std::string>();
    if (!text) {
      impl_->complain(key, element, "an array of strings");
      return std::nullopt;
    }
    found.push_back(*std::move(text));
  }
  return found;
}

std::vector<std::pair<std::string, std::string>> ConfigFile::table(std::string_view key) {
  std::vector<std::pair<std::string, std::string>> found;
  toml::node* const node = impl_->find(key);
  if (node == nullptr) {
    return found;
  }
  const toml::table* const table = node->as_table();
  if (table == nullptr) {
    impl_->complain(key, *node, "a table of strings");
    return found;
  }
  for (const auto& [name, value] : *table) {
    auto text = value.value_exact<std::string>();
    if (!text) {
      impl_->complain(key, value, "a table of strings");
      return {};
    }
    found.emplace_back(std::string(name.str()), *std::move(text));
  }
  return found;
}

Status ConfigFile::finish() const {
  if (impl_->wrong) {
    return fail(*impl_->wrong);
  }
  for (const auto& [key, value] : impl_->root) {
    if (!impl_->asked.contains(key.str())) {
      return fail(Code::kInvalid,
                  fmt::format("{}: unknown setting `{}`", impl_->place(key.source()), key.str()));
    }
  }
  return {};
}

Result<std::string> read_file(const std::string& path) {
  const auto failed = [&](std::string_view why) {
    return fail(Code::kInvalid, fmt::format("cannot read {}: {}", path, why));
  };
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return failed(std::strerror(errno));
  }
  std::string text;
  char chunk[16 * 1024];
  ssize_t bytes = 0;
  while ((bytes = read(fd, chunk, sizeof(chunk))) > 0 && text.size() <= kFileBytesMax) {
    text.append(chunk, static_cast<std::size_t>(bytes));
  }
  const int error = errno;
  close(fd);
  if (bytes < 0) {
    return failed(std::strerror(error));
  }
  if (text.size() > kFileBytesMax) {
    return failed("it is larger than 1 MiB");
  }
  return text;
}

}  // namespace bitvault::cli
