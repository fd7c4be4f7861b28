// What only TLS has: handshakes good, bad and slow, certificates that change, goodbyes.
#include "http/tls.h"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include "http/server_fixture.h"

namespace bitvault::http {
namespace {

using namespace std::chrono_literals;

std::string why(const TlsFiles& files) {
  const auto loaded = Tls::load(files);
  return loaded ? "" : loaded.error().detail;
}

void write(const std::string& path, std::string_view text) {
  std::ofstream(path, std::ios::trunc) << text;
}

TEST(Tls, TakesACertificateAndItsKey) {
  const TlsFolder folder;
  EXPECT_EQ(why(folder.files()), "");
}

TEST(Tls, SaysInOneLineWhatIsWrongWithTheFiles) {
  const TlsFolder folder;
  const TlsFolder other;
  const TlsFiles good = folder.files();
  const std::string junk = good.key + ".junk";
  write(junk, "junk");
  const std::string locked = good.key + ".locked";
  write(locked,
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
        "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAi0\n"
        "-----END ENCRYPTED PRIVATE KEY-----\n");
  const std::vector<std::pair<TlsFiles, std::string>> cases = {
      {{good.certificate, other.files().key}, "is not that of the certificate"},
      {{"/nonexistent/c.pem", good.key}, "c.pem cannot be read: No such file"},
      {{good.certificate, "/nonexistent/k.pem"}, "k.pem cannot be read: No such file"},
      {{junk, good.key}, "is not one in PEM"},
      {{good.certificate, junk}, "is not one in PEM without a passphrase"},
      {{good.certificate, locked}, "is not one in PEM without a passphrase"},
      {{good.key, good.certificate}, "is not one in PEM"},
      {{std::filesystem::temp_directory_path().string(), good.key}, "is not one in PEM"}};
  for (const auto& [files, reason] : cases) {
    const std::string text = why(files);
    EXPECT_NE(text.find(reason), std::string::npos) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    EXPECT_EQ(text.find("unknown reason"), std::string::npos) << text;
  }
}

class TlsServerTest : public ServerTest {
 protected:
  [[nodiscard]] bool is_greeted(Client& client, Client::Wishes wishes = {}) {
    wishes.tls = true;
    return client.greet(wishes);
  }
  [[nodiscard]] std::uint64_t failed() const {
    return server_->counters().handshakes_failed.value();
  }
};

TEST_P(TlsServerTest, SpeaksTheNewestVersionAndTheOneBefore) {
  start();
  Client newest = connect_raw();
  ASSERT_TRUE(is_greeted(newest));
  EXPECT_EQ(newest.version(), "TLSv1.3");
  Client before = connect_raw();
  ASSERT_TRUE(is_greeted(before, {.version_max = TLS1_2_VERSION}));
  EXPECT_EQ(before.version(), "TLSv1.2");
  for (Client* const client : {&newest, &before}) {
    send(*client, get("/hello"));
    EXPECT_TRUE(read_all(*client).ends_with("GET /hello? [] "));
    EXPECT_TRUE(client->was_told_the_end());
  }
}

TEST_P(TlsServerTest, SpeaksNoOldVersionAndNoWeakCipher) {
  start();
  Client old = connect_raw();
  EXPECT_FALSE(is_greeted(old, {.version_max = TLS1_1_VERSION, .ciphers = "DEFAULT@SECLEVEL=0"}));
  Client weak = connect_raw();
  EXPECT_FALSE(is_greeted(weak, {.version_max = TLS1_2_VERSION, .ciphers = "ECDHE+AES:-AESGCM"}));
  await([&] { return failed() == 2 && server_->connections() == 0; });
}

TEST_P(TlsServerTest, AgreesOnHttp11AndOnNothingElse) {
  start();
  Client http = connect_raw();
  ASSERT_TRUE(is_greeted(http, {.protocol = "http/1.1"}));
  EXPECT_EQ(http.protocol(), "http/1.1");
  Client silent = connect_raw();
  ASSERT_TRUE(is_greeted(silent));
  EXPECT_EQ(silent.protocol(), "");
  Client other = connect_raw();
  EXPECT_FALSE(is_greeted(other, {.protocol = "h2"}));
}

TEST_P(TlsServerTest, TellsAPlainClientWhatThePortSpeaks) {
  start();
  for (const std::string& request :
       {get("/"), post("/", "Content-Length: 100000\r\n", std::string(100'000, 'b'))}) {
    Client client = connect_raw();
    send(client, request);
    const std::string answer = read_all(client);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << answer;
    EXPECT_NE(answer.find("https://"), std::string::npos) << answer;
  }
  EXPECT_EQ(failed(), 2u);
}

TEST_P(TlsServerTest, ClosesOnWhatIsNoHandshake) {
  start();
  for (const std::string& bytes : {std::string("\0\0\0\0\0\0\0\0", 8), std::string(1000, '\x16'),
                                   std::string("SSH-2.0-client\r\n"),
                                   std::string("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10)}) {
    Client client = connect_raw();
    send(client, bytes);
    const std::string answer = read_all(client);
    EXPECT_LT(answer.size(), 20u) << "an alert at most";
  }
  await([&] { return failed() == 4 && server_->connections() == 0; });
  EXPECT_TRUE(talk(get("/still")).ends_with("GET /still? [] "));
}

TEST_P(TlsServerTest, EndsSlowHandshakes) {
  start({.threads = 1, .header_timeout = 1ms});
  Client silent = connect_raw();
  EXPECT_EQ(read_all(silent), "");
  Client halting = connect_raw();
  send(halting, "\x16\x03\x01");
  EXPECT_EQ(read_all(halting), "");
  EXPECT_EQ(failed(), 2u);
}

TEST_P(TlsServerTest, EachByteOfAHandshakeGainsNoTime) {
  start({.threads = 1, .header_timeout = 50ms});
  Client client = connect_raw();
  send(client, std::string_view("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11));
  while (!client.is_readable()) {
    send(client, "x");
  }
  EXPECT_EQ(read_all(client), "");
}

TEST_P(TlsServerTest, CountsHandshakesAsConnections) {
  start({.threads = 1, .connections_max = 1});
  Client first = connect_raw();
  await([&] { return server_->connections() == 1; });
  EXPECT_TRUE(talk(get("/")).starts_with("HTTP/1.1 503 "));
  first.close();
  await([&] { return server_->connections() == 0; });
  EXPECT_TRUE(talk(get("/")).starts_with("HTTP/1.1 200 "));
}

TEST_P(TlsServerTest, StopEndsHandshakes) {
  start();
  Client silent = connect_raw();
  Client halting = connect_raw();
  send(halting, "\x16\x03\x01");
  await([&] { return server_->connections() == 2; });
  server_->stop();
  EXPECT_EQ(server_->connections(), 0u);
  EXPECT_EQ(read_all(silent), "");
  EXPECT_EQ(read_all(halting), "");
}

TEST_P(TlsServerTest, ReadsAHandshakeInPieces) {
  start();
  Client client = connect_raw();
  client.socket().set_option(boost::asio::ip::tcp::no_delay(true));
  ASSERT_TRUE(client.greet_in_pieces());
  send(client, get("/pieces"));
  EXPECT_TRUE(read_all(client).ends_with("GET /pieces? [] "));
}

TEST_P(TlsServerTest, ShowsANewCertificateToNewConnections) {
  start();
  Client before = connect();
  EXPECT_EQ(before.certificate_name(), "localhost");
  folder_.make("renewed");
  ASSERT_TRUE(tls_->reload());
  Client after = connect();
  EXPECT_EQ(after.certificate_name(), "renewed");
  send(before, get("/before"));
  EXPECT_TRUE(read_all(before).ends_with("GET /before? [] "));
}

TEST_P(TlsServerTest, KeepsItsCertificateWhenTheNewOneIsWrong) {
  start();
  folder_.make("renewed");
  write(folder_.files().key, "junk");
  const Status reloaded = tls_->reload();
  ASSERT_FALSE(reloaded);
  EXPECT_EQ(reloaded.error().code, Code::kInvalid);
  Client client = connect();
  EXPECT_EQ(client.certificate_name(), "localhost");
}

TEST_P(TlsServerTest, ReadsOnAfterNewKeys) {
  start();
  Client client = connect();
  for (int i = 0; i < 5; ++i) {
    client.update_keys();
    send(client, "GET /keys HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(read_answer(client).ends_with("GET /keys? [] "));
  }
}

// What the server has decrypted already wakes nobody at the socket.
TEST_P(TlsServerTest, AStreamReadsOverWhatCameWithItsRequest) {
  start();
  Client client = connect();
  send(client, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(16'000, 'z'));
  await([&] { return handler_.streaming == 1; });
  client.finish();
  await([&] { return handler_.streaming == 0; });
  EXPECT_EQ(server_->counters().clients_gone.value(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Wires, TlsServerTest, testing::Values(Wire::kTls), wire_name);

}  // namespace
}  // namespace bitvault::http
