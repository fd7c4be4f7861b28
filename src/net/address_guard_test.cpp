#include "net/address_guard.h"

#include <gtest/gtest.h>

namespace bitvault::net {
namespace {

const AddressPolicy kStrict;
const AddressPolicy kPrivate{.allowed = {}, .allow_private = true};

bool open(std::string_view text, const AddressPolicy& policy = kStrict) {
  const auto address = IpAddress::parse(text);
  EXPECT_TRUE(address) << text;
  return address && !forbidden(*address, policy);
}

TEST(AddressGuard, PublicAddressesAreOpen) {
  for (const char* text : {"1.1.1.1",         "8.8.8.8",          "9.255.255.255",   "11.0.0.0",
                           "100.63.255.255",  "100.128.0.0",      "126.255.255.255", "128.0.0.0",
                           "169.253.255.255", "172.15.255.255",   "172.32.0.0",      "192.0.1.0",
                           "192.167.255.255", "192.169.0.0",      "198.17.255.255",  "198.20.0.0",
                           "223.255.255.255", "2606:4700::1111",  "2a00:1450::1",    "2001:200::1",
                           "::ffff:1.1.1.1",  "64:ff9b::8.8.8.8", "2002:808:808::1"}) {
    EXPECT_TRUE(open(text)) << text;
  }
}

TEST(AddressGuard, SpecialAddressesAreNot) {
  for (const char* text : {"0.0.0.0",
                           "0.255.255.255",
                           "10.0.0.1",
                           "10.255.255.255",
                           "100.64.0.0",
                           "100.100.100.200",
                           "100.127.255.255",
                           "127.0.0.1",
                           "127.255.255.255",
                           "169.254.0.0",
                           "169.254.169.254",
                           "172.16.0.0",
                           "172.31.255.255",
                           "192.0.0.1",
                           "192.0.2.1",
                           "192.88.99.1",
                           "192.168.0.1",
                           "198.18.0.1",
                           "198.19.255.255",
                           "198.51.100.1",
                           "203.0.113.1",
                           "224.0.0.1",
                           "239.255.255.255",
                           "240.0.0.1",
                           "255.255.255.255",
                           "::",
                           "::1",
                           "::127.0.0.1",
                           "::ffff:127.0.0.1",
                           "::ffff:10.1.2.3",
                           "::ffff:169.254.169.254",
                           "64:ff9b::10.0.0.1",
                           "64:ff9b::127.0.0.1",
                           "64:ff9b:1::1",
                           "100::1",
                           "2001::1",
                           "2001:0:4136:e378::1",
                           "2001:10::1",
                           "2001:20::1",
                           "2001:db8::1",
                           "2002:7f00:1::1",
                           "2002:a00:1::1",
                           "2002:a9fe:a9fe::",
                           "3fff::1",
                           "5f00::1",
                           "fc00::1",
                           "fd00:ec2::254",
                           "fe80::1",
                           "febf::1",
                           "fec0::1",
                           "ff02::1"}) {
    EXPECT_FALSE(open(text)) << text;
  }
}

TEST(AddressGuard, PrivateTargetsNeverOpenLinkLocalAndMetadata) {
  for (const char* text : {"127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "172.20.0.1", "fd12::1",
                           "::ffff:127.0.0.1", "1.1.1.1"}) {
    EXPECT_TRUE(open(text, kPrivate)) << text;
  }
  for (const char* text : {"169.254.169.254", "fe80::1", "fd00:ec2::254", "0.0.0.0",
                           "100.100.100.200", "224.0.0.1", "::", "64:ff9b::169.254.169.254"}) {
    EXPECT_FALSE(open(text, kPrivate)) << text;
  }
}

TEST(AddressGuard, ARangeOpensWhatItCovers) {
  const AddressPolicy policy{.allowed = {Cidr::parse("10.1.0.0/16").value(),
                                         Cidr::parse("fd12:3400::/24").value(),
                                         Cidr::parse("169.254.169.254").value()}};
  EXPECT_TRUE(open("10.1.255.255", policy));
  EXPECT_TRUE(open("::ffff:10.1.0.1", policy));
  EXPECT_TRUE(open("fd12:34ff::1", policy));
  EXPECT_TRUE(open("169.254.169.254", policy)) << "by name, an operator may";
  EXPECT_FALSE(open("10.2.0.0", policy));
  EXPECT_FALSE(open("fd12:3500::1", policy));
  EXPECT_FALSE(open("169.254.169.253", policy));
  EXPECT_FALSE(open("127.0.0.1", policy));
}

TEST(Cidr, SaysWhatIsWrong) {
  for (const char* text : {"", "/", "10.0.0.0/33", "10.0.0/8", "fd00::/129", "10.0.0.0/-1",
                           "10.0.0.0/x", "example.com", "10.0.0.0/8/8"}) {
    const auto parsed = Cidr::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Code::kInvalid);
  }
}

TEST(TargetUrl, UsualOnesAreTaken) {
  for (const char* url :
       {"https://example.com", "https://example.com/", "https://Example.com:8443/a/b?c=d&e=%20",
        "https://a-b.c_d.example.com/", "https://1.1.1.1/", "https://[2606:4700::1111]:443/x",
        "https://xn--bcher-kva.example/", "https://example.com?x=1", "https://3com.com/"}) {
    EXPECT_TRUE(judge_url(url, kStrict)) << url << ": " << judge_url(url, kStrict).error();
  }
  const auto parts = judge_url("https://[2606:4700::1111]:8443/x", kStrict);
  EXPECT_EQ(parts->host, "2606:4700::1111");
  EXPECT_EQ(parts->port, "8443");
  EXPECT_EQ(judge_url("https://example.com/", kStrict)->port, "443");
}

TEST(TargetUrl, OthersAreNot) {
  for (const char* url : {"",
                          "example.com",
                          "//example.com/",
                          "ftp://example.com/",
                          "file:///etc/passwd",
                          "gopher://example.com/",
                          "https://",
                          "https:///x",
                          "http://example.com/",
                          "https://user@example.com/",
                          "https://user:pass@example.com/",
                          "https://@example.com/",
                          "https://example.com/#top",
                          "https://example.com\\@evil.example/",
                          "https://example.com /",
                          "https://exa\tmple.com/",
                          "https://example.com/\n",
                          "https://2130706433/",
                          "https://0x7f000001/",
                          "https://0x7f.1/",
                          "https://017700000001/",
                          "https://127.1/",
                          "https://0177.0.0.1/",
                          "https://1.2.3/",
                          "https://999.1.1.1/",
                          "https://1.1.1.1./",
                          "https://example.com./",
                          "https://localhost./",
                          "https://[fe80::1%25eth0]/",
                          "https://[fe80::1%eth0]/",
                          "https://[::1]/",
                          "https://[::ffff:127.0.0.1]/",
                          "https://[::ffff:1.1.1.1]/",
                          "https://[1.1.1.1]/",
                          "https://127.0.0.1/",
                          "https://10.0.0.1:8080/",
                          "https://169.254.169.254/latest/meta-data",
                          "https://example.com:0/",
                          "https://example.com:65536/",
                          "https://example.com:-1/",
                          "https://example.com:0443/",
                          "https://exämple.com/",
                          "https://a..b/.",
                          "https://*.com/",
                          "https://example.com%2f@evil.example/",
                          "https://%31%32%37.0.0.1/"}) {
    const auto judged = judge_url(url, kStrict);
    EXPECT_FALSE(judged) << url;
  }
  EXPECT_FALSE(judge_url("https://example.com/" + std::string(kTargetUrlBytesMax, 'x'), kStrict));
}

TEST(TargetUrl, PlainHttpGoesWithPrivateTargets) {
  EXPECT_TRUE(judge_url("http://127.0.0.1:8080/x", kPrivate));
  EXPECT_TRUE(judge_url("http://localhost:8080/x", kPrivate));
  EXPECT_TRUE(judge_url("http://example.com/x", kPrivate));
  EXPECT_FALSE(judge_url("http://169.254.169.254/", kPrivate));
}

TEST(TargetUrl, TheRefusalSaysWhatTheAddressIs) {
  EXPECT_NE(judge_url("https://127.0.0.1/", kStrict).error().find("a loopback address"),
            std::string::npos);
  EXPECT_NE(judge_url("https://192.168.0.1/", kStrict).error().find("a private address"),
            std::string::npos);
}

}  // namespace
}  // namespace bitvault::net
