#include "cli/settings.h"

#include <gtest/gtest.h>

#include <map>

namespace bitvault::cli {
namespace {

Environment environment(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const std::string& name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
}

TEST(Settings, FlagsWinOverEnvironmentOverFileEachForItself) {
  const SettingsLayer flags{.url = "http://flag"};
  const SettingsLayer env{.url = "http://env", .tenant = "env"};
  const SettingsLayer file{.url = "http://file", .key = "file", .tenant = "file", .ca_file = "ca"};
  const auto chosen = choose(flags, env, file);
  ASSERT_TRUE(chosen);
  EXPECT_EQ(chosen->url, "http://flag");
  EXPECT_EQ(chosen->tenant, "env");
  EXPECT_EQ(chosen->key, "file");
  EXPECT_EQ(chosen->ca_file, "ca");
}

TEST(Settings, AKeyAndAKeyFileAreOneSetting) {
  const auto flag_file = choose({.key_file = "f"}, {.key = "env"}, {.key = "file"});
  ASSERT_TRUE(flag_file);
  EXPECT_EQ(flag_file->key, std::nullopt);
  EXPECT_EQ(flag_file->key_file, "f");
  const auto env_key = choose({}, {.key = "env"}, {.key_file = "file"});
  ASSERT_TRUE(env_key);
  EXPECT_EQ(env_key->key, "env");
  EXPECT_EQ(env_key->key_file, std::nullopt);
  EXPECT_FALSE(choose({.key = "a", .key_file = "b"}, {}, {}));
  EXPECT_FALSE(choose({}, {}, {.key = "a", .key_file = "b"}));
}

TEST(Settings, EmptyVariablesCountAsUnset) {
  const auto layer = environment_layer(
      environment({{"BITVAULT_URL", ""}, {"BITVAULT_KEY", "k"}, {"BITVAULT_TENANT", "t"}}));
  const auto trusting = environment_layer(environment({{"BITVAULT_CA_FILE", "ca.pem"}}));
  EXPECT_EQ(trusting.ca_file, "ca.pem");
  EXPECT_EQ(layer.url, std::nullopt);
  EXPECT_EQ(layer.key, "k");
  EXPECT_EQ(layer.tenant, "t");
}

TEST(Settings, TheTenantIsKnownFromTheKey) {
  const auto tenant = [](std::string_view key, std::optional<std::string> flag = {}) {
    const auto settings = check_settings({.tenant = std::move(flag)}, key);
    return settings && settings->tenant ? settings->tenant->str() : "";
  };
  EXPECT_EQ(tenant("bvk_acme_k1_secret"), "acme");
  EXPECT_EQ(tenant("bvk_acme_k1_sec_ret\n"), "acme");
  EXPECT_EQ(tenant("bvk_acme_k1_secret", "other"), "other");
  EXPECT_EQ(tenant("bvk_operator_sec_ret"), "");
  EXPECT_EQ(tenant("bvk_acme_secret"), "");
  EXPECT_EQ(tenant("bvk_Acme_k1_secret"), "");
  EXPECT_EQ(tenant("anything else"), "");
  EXPECT_EQ(tenant(""), "");
}

TEST(Settings, UrlsAreChecked) {
  const auto url = [](std::string text) {
    const auto settings = check_settings({.url = std::move(text)}, "");
    return settings ? settings->url : "refused";
  };
  EXPECT_EQ(check_settings({}, "")->url, "http://127.0.0.1:8080");
  EXPECT_EQ(url("https://events.example.com/"), "https://events.example.com");
  EXPECT_EQ(url("http://[::1]:80/base//"), "http://[::1]:80/base");
  for (const char* wrong : {"", "127.0.0.1:8080", "ftp://x", "http://", "http://user:secret@host",
                            "http://host?x=1", "http://host#x", "http://host name"}) {
    EXPECT_EQ(url(wrong), "refused") << wrong;
  }
}

TEST(Settings, ErrorsShowNoSecret) {
  const auto url = check_settings({.url = "http://user:hunter2@host"}, "");
  ASSERT_FALSE(url);
  EXPECT_EQ(url.error().detail.find("hunter2"), std::string::npos);
  const auto key = check_settings({}, "hunter2\r\nX-Evil: 1");
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().detail.find("hunter2"), std::string::npos);
  const auto file = config_layer("key = hunter2\n", "config.toml");
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().detail.find("hunter2"), std::string::npos);
  EXPECT_NE(file.error().detail.find("config.toml:1:"), std::string::npos);
}

TEST(Settings, ConfigErrorsAreOneLine) {
  for (const char* wrong :
       {"\"a\\nb\" = 1", "url = 0989-05-27Ttrue2:00Z", "url = 1-\n", "[[a", "url = \u00e9"}) {
    const auto file = config_layer(wrong, "c");
    ASSERT_FALSE(file) << wrong;
    EXPECT_TRUE(file.error().detail.starts_with("c:1:")) << file.error().detail;
    EXPECT_EQ(file.error().detail.find('\n'), std::string::npos) << file.error().detail;
  }
}

TEST(Settings, ConfigFilesAreReadStrictly) {
  const auto good = config_layer("url = \"http://h\"\nkey_file = \"/k\"\ntenant = \"t\"\n", "c");
  ASSERT_TRUE(good) << good.error().detail;
  EXPECT_EQ(good->url, "http://h");
  EXPECT_EQ(good->key_file, "/k");
  EXPECT_EQ(good->tenant, "t");
  const auto typo = config_layer("url = \"http://h\"\ntennant = \"t\"\n", "c");
  ASSERT_FALSE(typo);
  EXPECT_EQ(typo.error().detail, "c:2: unknown setting `tennant`");
  const auto type = config_layer("\ntenant = 7\n", "c");
  ASSERT_FALSE(type);
  EXPECT_EQ(type.error().detail, "c:2: `tenant` must be a string");
}

TEST(Settings, TheConfigFileIsFoundByTheEnvironment) {
  EXPECT_EQ(default_config_path(environment({{"HOME", "/h"}})), "/h/.config/bitvault/config.toml");
  EXPECT_EQ(default_config_path(environment({{"HOME", "/h"}, {"XDG_CONFIG_HOME", "/x"}})),
            "/x/bitvault/config.toml");
  EXPECT_EQ(default_config_path(environment({{"HOME", "/h"}, {"XDG_CONFIG_HOME", "relative"}})),
            "/h/.config/bitvault/config.toml");
  EXPECT_EQ(default_config_path(environment({})), std::nullopt);
}

TEST(Settings, AFileThatWasNamedMustBeThere) {
  EXPECT_FALSE(load_settings({.layer = {}, .config = "/nonexistent/config.toml"}, environment({})));
  EXPECT_FALSE(
      load_settings({.layer = {.key_file = "/nonexistent/key"}, .config = {}}, environment({})));
  EXPECT_FALSE(load_settings({.layer = {.key_file = "/dev/null"}, .config = {}}, environment({})));
  EXPECT_TRUE(load_settings({}, environment({{"HOME", "/nonexistent"}})));
}

}  // namespace
}  // namespace bitvault::cli
