#include "cli/serve_options.h"

#include <gtest/gtest.h>

namespace bitvault::cli {
namespace {

std::string why(const ServeLayer& flags) {
  const auto options = make_serve_options(flags, {});
  return options ? "" : options.error().detail;
}

TEST(ServeOptions, Defaults) {
  const auto options = make_serve_options({}, {});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->listen_address, "127.0.0.1");
  EXPECT_EQ(options->listen_port, 8080);
  EXPECT_EQ(options->data, "bitvault-data");
  EXPECT_EQ(options->store, "");
  EXPECT_EQ(options->bus, "");
  EXPECT_TRUE(options->has(Role::kApi) && options->has(Role::kDrain) &&
              options->has(Role::kDeliver) && options->has(Role::kAudit));
  EXPECT_FALSE(options->targets.allow_private);
  EXPECT_EQ(options->threads, 0u);
}

TEST(ServeOptions, FlagsWinOverTheFile) {
  const auto file = serve_layer(
      "data = \"/d\"\nlisten = \"0.0.0.0:1\"\nroles = [\"api\"]\nallow_private_targets = true\n"
      "threads = 3\nlog_level = \"warn\"\nlog_json = true\n[watch]\nacme = \"/\"\n",
      "s.toml");
  ASSERT_TRUE(file) << file.error().detail;
  const auto options = make_serve_options(
      {.listen = "[::1]:0", .watches = {"other=/tmp"}, .log_level = "debug"}, *file);
  ASSERT_TRUE(options) << options.error().detail;
  EXPECT_EQ(options->data, "/d");
  EXPECT_EQ(options->listen_address, "::1");
  EXPECT_EQ(options->listen_port, 0);
  EXPECT_TRUE(options->has(Role::kApi));
  EXPECT_FALSE(options->has(Role::kDrain));
  EXPECT_TRUE(options->targets.allow_private);
  EXPECT_EQ(options->threads, 3u);
  EXPECT_EQ(options->log_level, LogLevel::kDebug);
  EXPECT_TRUE(options->log_json);
  ASSERT_EQ(options->watches.size(), 2u);
  EXPECT_EQ(options->watches[0].tenant.str(), "acme");
  EXPECT_EQ(options->watches[1].directory, "/tmp");
}

TEST(ServeOptions, ListenIsAnAddressAndAPort) {
  EXPECT_EQ(why({.listen = "localhost:80"}), "");
  EXPECT_EQ(why({.listen = "[::]:80"}), "");
  for (const char* wrong :
       {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
        "example.com:80", "::1:80", "[127.0.0.1]:80", "[::1]"}) {
    EXPECT_NE(why({.listen = wrong}), "") << wrong;
  }
}

TEST(ServeOptions, ACertificateAndItsKeyGoTogether) {
  const auto defaults = make_serve_options({}, {});
  ASSERT_TRUE(defaults);
  EXPECT_EQ(defaults->tls_cert, "");
  const auto file = serve_layer("tls_cert = \"c.pem\"\ntls_key = \"k.pem\"\n", "s.toml");
  ASSERT_TRUE(file) << file.error().detail;
  const auto options = make_serve_options({.tls_key = "other.pem"}, *file);
  ASSERT_TRUE(options) << options.error().detail;
  EXPECT_EQ(options->tls_cert, "c.pem");
  EXPECT_EQ(options->tls_key, "other.pem");
}

TEST(ServeOptions, WrongValuesAreOneClearLine) {
  const ServeLayer wrong[] = {{.data = ""},
                              {.tls_cert = "c.pem"},
                              {.tls_key = "k.pem"},
                              {.tls_cert = "c.pem", .tls_key = ""},
                              {.tls_cert = "", .tls_key = ""},
                              {.store = "mysql://u:hunter2@h"},
                              {.store = "postgres://"},
                              {.bus = "kafka://h"},
                              {.roles = std::vector<std::string>{"api", "cook"}},
                              {.roles = std::vector<std::string>{}},
                              {.watches = {"acme"}},
                              {.watches = {"acme="}},
                              {.watches = {"Acme=/tmp"}},
                              {.watches = {"acme=/nonexistent"}},
                              {.watches = {"acme=/tmp", "acme=/"}},
                              {.new_epochs = {""}},
                              {.new_epochs = {"Acme"}},
                              {.new_epochs = {"**"}},
                              {.new_epochs = {"acme="}},
                              {.new_epochs = {"acme=two words"}},
                              {.new_epochs = {"acme=" + std::string(65, 'x')}},
                              {.new_epochs = {"acme", "acme=label"}},
                              {.new_epochs = {"*", "*"}},
                              {.log_level = "loud"},
                              {.retention_max_age = "0"},
                              {.retention_max_age = "soon"},
                              {.retention_max_age = "-1d"},
                              {.retention_max_age = ""},
                              {.retention_max_events = 0},
                              {.retention_max_events = -5},
                              {.rate_limit_requests = 0},
                              {.rate_limit_events = -1},
                              {.rate_limit_scanned = 0},
                              {.threads = 0},
                              {.threads = 10'000}};
  for (const ServeLayer& layer : wrong) {
    const std::string text = why(layer);
    EXPECT_NE(text, "");
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
  }
}

TEST(ServeOptions, RetentionIsForEverUnlessSaid) {
  const auto defaults = make_serve_options({}, {});
  ASSERT_TRUE(defaults);
  EXPECT_EQ(defaults->retention_age_seconds, std::nullopt);
  EXPECT_EQ(defaults->retention_events, std::nullopt);
  const auto file = serve_layer("retention_max_age = \"30d\"\nretention_max_events = 7\n", "s");
  ASSERT_TRUE(file) << file.error().detail;
  const auto options = make_serve_options({.retention_max_events = 9}, *file);
  ASSERT_TRUE(options) << options.error().detail;
  EXPECT_EQ(options->retention_age_seconds, 30u * 86'400);
  EXPECT_EQ(options->retention_events, 9u);
}

TEST(ServeOptions, RatesAreNotLimitedUnlessSaid) {
  const auto defaults = make_serve_options({}, {});
  ASSERT_TRUE(defaults);
  EXPECT_EQ(defaults->rate_limit_requests, std::nullopt);
  EXPECT_EQ(defaults->rate_limit_events, std::nullopt);
  EXPECT_EQ(defaults->rate_limit_scanned, std::nullopt);
  const auto file =
      serve_layer("rate_limit_requests = 5\nrate_limit_events = 7\nrate_limit_scanned = 8\n", "s");
  ASSERT_TRUE(file) << file.error().detail;
  const auto options = make_serve_options({.rate_limit_events = 9}, *file);
  ASSERT_TRUE(options) << options.error().detail;
  EXPECT_EQ(options->rate_limit_requests, 5u);
  EXPECT_EQ(options->rate_limit_events, 9u);
  EXPECT_EQ(options->rate_limit_scanned, 8u);
}

TEST(ServeOptions, NewEpochsAreOfOneTenantOrOfAll) {
  const auto options = make_serve_options(
      {.new_epochs = {"acme", "other=restore-2026-11-23", "*=" + std::string(64, 'x')}}, {});
  ASSERT_TRUE(options) << options.error().detail;
  ASSERT_EQ(options->new_epochs.size(), 3u);
  EXPECT_EQ(options->new_epochs[0].tenant->str(), "acme");
  EXPECT_EQ(options->new_epochs[0].label, "");
  EXPECT_EQ(options->new_epochs[1].label, "restore-2026-11-23");
  EXPECT_FALSE(options->new_epochs[2].tenant);
  const auto file = serve_layer("new_epoch = [\"acme\"]", "s.toml");
  EXPECT_FALSE(file) << "it is for one start, not for every one";
}

TEST(ServeOptions, TheFileIsReadStrictly) {
  const auto detail = [](std::string_view toml) {
    const auto layer = serve_layer(toml, "s.toml");
    return layer ? "" : layer.error().detail;
  };
  EXPECT_EQ(detail("lisen = \"x\""), "s.toml:1: unknown setting `lisen`");
  EXPECT_EQ(detail("roles = \"api\""), "s.toml:1: `roles` must be an array of strings");
  EXPECT_EQ(detail("threads = \"2\""), "s.toml:1: `threads` must be an integer");
  EXPECT_EQ(detail("watch = []"), "s.toml:1: `watch` must be a table of strings");
  EXPECT_EQ(detail("[watch]\nacme = 1"), "s.toml:2: `watch` must be a table of strings");
  EXPECT_NE(detail("[watch"), "");
  EXPECT_FALSE(load_serve_options({}, "/nonexistent.toml"));
}

TEST(ServeOptions, ReadsWhatTenantsMayTarget) {
  const auto layer = serve_layer("allow_targets = [\"10.1.0.0/16\", \"fd12::/16\"]", "s");
  ASSERT_TRUE(layer);
  const auto options = make_serve_options({}, *layer);
  ASSERT_TRUE(options);
  ASSERT_EQ(options->targets.allowed.size(), 2u);
  EXPECT_TRUE(options->targets.allowed[0].covers(net::IpAddress::parse("10.1.2.3").value()));
  const auto wrong = make_serve_options({.allow_targets = {{"10.1/16"}}}, {});
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().detail.find("10.1/16"), std::string::npos);
}

}  // namespace
}  // namespace bitvault::cli
