#include "http/request_head.h"

#include <gtest/gtest.h>

namespace bitvault::http {
namespace {

using namespace std::string_literals;

constexpr HeadLimits kLimits{.bytes_max = 1024, .headers_max = 5};

struct Read {
  HeadReader reader;
  RequestHead head;
  std::optional<Refusal> refusal;
  std::size_t taken = 0;
};

// Reads `text` given in pieces of this size.
Read read(std::string_view text, std::size_t piece_bytes = 10'000) {
  Read result;
  while (result.taken < text.size()) {
    const std::size_t taken = result.reader.take(text.substr(result.taken, piece_bytes), kLimits);
    result.taken += taken;
    if (taken == 0 || result.reader.refusal() || result.reader.done()) {
      break;
    }
  }
  result.refusal = result.reader.refusal();
  if (result.reader.done()) {
    result.refusal = result.reader.parse(result.head, kLimits);
  }
  return result;
}

// The status with which a request is refused; 0 when it is not, 1 when more is awaited.
unsigned refused(std::string_view text, std::size_t piece_bytes = 10'000) {
  const Read result = read(text, piece_bytes);
  if (!result.refusal && !result.reader.done()) {
    return 1;
  }
  return result.refusal ? result.refusal->status : 0;
}

std::string request(const std::string& headers) {
  return "POST / HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n";
}

TEST(RequestHead, IsReadInPiecesOfAnySize) {
  const std::string text =
      "\r\nPOST /a%20b?c=d HTTP/1.1\r\nHost: x\r\nX-Test:  some value \t\r\nEMPTY:\r\n"
      "Content-Length: 12\r\nExpect: 100-Continue\r\n\r\n";
  for (const std::size_t piece_bytes : {1u, 2u, 3u, 7u, 10'000u}) {
    Read result = read(text + "body", piece_bytes);
    ASSERT_FALSE(result.refusal) << result.refusal->why;
    EXPECT_EQ(result.taken, text.size());
    EXPECT_EQ(result.head.method, "POST");
    EXPECT_EQ(result.head.path, "/a%20b");
    EXPECT_EQ(result.head.query, "c=d");
    ASSERT_EQ(result.head.headers.size(), 5u);
    EXPECT_EQ(result.head.headers[1].name, "x-test");
    EXPECT_EQ(result.head.headers[1].value, "some value");
    EXPECT_EQ(result.head.headers[2].name, "empty");
    EXPECT_EQ(result.head.headers[2].value, "");
    EXPECT_EQ(result.head.content_length, 12u);
    EXPECT_FALSE(result.head.chunked);
    EXPECT_TRUE(result.head.keep_alive);
    EXPECT_TRUE(result.head.expects_continue);
  }
}

TEST(RequestHead, TargetsHaveAPathAndAQuery) {
  struct Case {
    const char* target;
    const char* path;
    const char* query;
  };
  const Case cases[] = {
      {"/", "/", ""},
      {"/a?", "/a", ""},
      {"/a?b?c", "/a", "b?c"},
      {"//a", "//a", ""},
      {"http://host/a?b", "/a", "b"},
      {"HTTPS://host:1/", "/", ""},
      {"http://host", "/", ""},
      {"http://host?b/c", "/", "b/c"},
  };
  for (const Case& c : cases) {
    const Read result = read("GET "s + c.target + " HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_FALSE(result.refusal) << c.target;
    EXPECT_EQ(result.head.path, c.path) << c.target;
    EXPECT_EQ(result.head.query, c.query) << c.target;
  }
  for (const char* target : {"*", "a", "?a", "host:80", "http://", "http:///a", "ftp://host/a",
                             "http:/a", "/a#b", "/a\tb", "/a b"}) {
    EXPECT_EQ(refused("GET "s + target + " HTTP/1.1\r\nHost: x\r\n\r\n"), 400u) << target;
  }
}

TEST(RequestHead, SaysWhetherTheConnectionStays) {
  const std::pair<std::string, bool> cases[] = {
      {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", true},
      {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false},
      {"GET / HTTP/1.1\r\nHost: x\r\nConnection: x, Close\r\n\r\n", false},
      {"GET / HTTP/1.0\r\n\r\n", false},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false},
  };
  for (const auto& [text, keep_alive] : cases) {
    const Read result = read(text);
    ASSERT_FALSE(result.refusal) << text;
    EXPECT_EQ(result.head.keep_alive, keep_alive) << text;
  }
}

TEST(RequestHead, RefusesWhatIsNotHttp) {
  for (const std::string& text : {
           "GARBAGE\r\n\r\n"s,
           "GET  / HTTP/1.1\r\nHost: x\r\n\r\n"s,
           " GET / HTTP/1.1\r\nHost: x\r\n\r\n"s,
           "GET /\r\nHost: x\r\n\r\n"s,
           "GET / HTTP/3.7\r\nHost: x\r\n\r\n"s,
           "GET / HTTP/2.0\r\nHost: x\r\n\r\n"s,
           "PRI * HTTP/2.0\r\n\r\n"s,
           "GET / http/1.1\r\nHost: x\r\n\r\n"s,
           "GET / HTTP/1.1 \r\nHost: x\r\n\r\n"s,
           "GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n"s,
           "G\0T / HTTP/1.1\r\nHost: x\r\n\r\n"s,
           "GET / HTTP/1.1\r\n\r\n"s,
           "(GET) / HTTP/1.1\r\nHost: x\r\n\r\n"s,
           std::string(33, 'A') + " / HTTP/1.1\r\nHost: x\r\n\r\n",
           request("No colon\r\n"),
           request("Bad Name: x\r\n"),
           request("Name : x\r\n"),
           request(": x\r\n"),
           request("A: b\0c\r\n"s),
           request("\0A: b\r\n"s),
           request("A: b\rc\r\n"),
           request("Host: y\r\n"),
       }) {
    EXPECT_EQ(refused(text), 400u) << text;
    EXPECT_EQ(refused(text, 1), 400u) << text;
  }
}

TEST(RequestHead, RefusesLinesThatOthersReadDifferently) {
  EXPECT_EQ(refused("GET / HTTP/1.1\n"), 400u) << "at once";
  EXPECT_EQ(refused("\n"), 400u);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: x\n\r\n"), 400u);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: x\r\n\n"), 400u);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n"), 400u);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\tc\r\n\r\n"), 400u);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\n Host: x\r\n\r\n"), 400u);
}

TEST(RequestHead, RefusesDoubtfulFraming) {
  for (const std::string& headers : {
           "Content-Length: 5\r\nContent-Length: 6\r\n"s,
           "Content-Length: 5\r\nContent-Length: 5\r\n"s,
           "Content-Length: 5, 5\r\n"s,
           "Content-Length: -1\r\n"s,
           "Content-Length: +1\r\n"s,
           "Content-Length: 0x1\r\n"s,
           "Content-Length: 1 1\r\n"s,
           "Content-Length:\r\n"s,
           "Content-Length: 99999999999999999999999\r\n"s,
           "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"s,
           "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"s,
           "Transfer-Encoding: gzip\r\n"s,
           "Transfer-Encoding: gzip, chunked\r\n"s,
           "Transfer-Encoding: chunked, gzip\r\n"s,
           "Transfer-Encoding: chunked, chunked\r\n"s,
           "Transfer-Encoding: identity\r\n"s,
           "Transfer-Encoding: xchunked\r\n"s,
           "Transfer-Encoding:\r\n"s,
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"s,
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n"s,
       }) {
    EXPECT_EQ(refused(request(headers)), 400u) << headers;
  }
  EXPECT_EQ(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400u);
  EXPECT_EQ(refused(request("Transfer-Encoding: Chunked\r\n")), 0u);
  EXPECT_EQ(refused(request("Expect: 200-ok\r\n")), 417u);
  EXPECT_EQ(refused("POST / HTTP/1.0\r\nExpect: 200-ok\r\n\r\n"), 0u);
}

TEST(RequestHead, IsBounded) {
  EXPECT_EQ(refused(request("A: " + std::string(2000, 'a') + "\r\n")), 431u);
  EXPECT_EQ(refused("GET /" + std::string(2000, 'a')), 431u);
  EXPECT_EQ(refused("GET /" + std::string(2000, 'a'), 7), 431u);
  std::string flood;
  for (int i = 0; i < 1000; ++i) {
    flood += "A: b\r\n";
  }
  EXPECT_EQ(refused(request(flood), 12), 431u) << "however it arrives";
  EXPECT_EQ(refused(request("A:b\r\nA:b\r\nA:b\r\nA:b\r\n")), 0u);
  EXPECT_EQ(refused(request("A:b\r\nA:b\r\nA:b\r\nA:b\r\nA:b\r\n")), 431u);
  std::string empty_lines;
  for (int i = 0; i < 1000; ++i) {
    empty_lines += "\r\n";
  }
  EXPECT_EQ(refused(empty_lines), 431u);
  const std::string exact = request("A: " + std::string(1024 - 33, 'a') + "\r\n");
  ASSERT_EQ(exact.size(), 1024u);
  EXPECT_EQ(refused(exact), 0u);
  EXPECT_EQ(refused(exact.substr(0, 1000)), 1u);
}

TEST(RequestHead, ServesOneRequestAfterTheOther) {
  HeadReader reader;
  RequestHead head;
  const std::string two = "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: y\r\n\r\n";
  const std::size_t first = reader.take(two, kLimits);
  ASSERT_TRUE(reader.done());
  EXPECT_FALSE(reader.parse(head, kLimits));
  EXPECT_EQ(head.path, "/1");
  reader.clear(0);
  EXPECT_EQ(reader.take(two.substr(first), kLimits), two.size() - first);
  ASSERT_TRUE(reader.done());
  EXPECT_FALSE(reader.parse(head, kLimits));
  EXPECT_EQ(head.path, "/2");
  EXPECT_EQ(head.headers.size(), 1u);
}

}  // namespace
}  // namespace bitvault::http
