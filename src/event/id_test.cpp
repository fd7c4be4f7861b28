#include "event/id.h"

#include <gtest/gtest.h>

#include <string>

namespace bitvault {
namespace {

using namespace std::string_literals;

TEST(EventId, KeepsItsRule) {
  for (const auto& good : {"a"s, "evt_1:2-3"s, "019ab"s, std::string(128, 'A')}) {
    EXPECT_TRUE(EventId::parse(good)) << good;
  }
  for (const auto& bad : {""s, "a.b"s, "a b"s, "ä"s, "a\n"s, std::string(129, 'A')}) {
    EXPECT_FALSE(EventId::parse(bad)) << bad;
  }
}

TEST(EventId, MadeOnesAreUuidV7) {
  std::array<std::byte, 10> random{};
  random.fill(std::byte{0xff});
  const auto id = EventId::make(WallTime{Duration{0x0123'4567'89ab * 1000LL + 999}}, random);
  EXPECT_EQ(id.str(), "01234567-89ab-7fff-bfff-ffffffffffff");
  EXPECT_TRUE(EventId::parse(id.str()));
}

TEST(EventId, MadeOnesSortByTime) {
  std::array<std::byte, 10> low{};
  std::array<std::byte, 10> high{};
  high.fill(std::byte{0xff});
  const WallTime now{Duration{1'795'406'522'123'000}};
  EXPECT_LT(EventId::make(now, high), EventId::make(now + std::chrono::milliseconds(1), low));
}

TEST(Epoch, HasTwelveLettersAndParsesItself) {
  std::array<std::byte, 12> random{};
  for (std::size_t i = 0; i < random.size(); ++i) {
    random[i] = static_cast<std::byte>(i * 23);
  }
  const Epoch epoch = Epoch::make(random);
  EXPECT_EQ(epoch.str().size(), Epoch::kBytes);
  EXPECT_EQ(Epoch::parse(epoch.str()), epoch);
  EXPECT_FALSE(Epoch::parse("short"));
  EXPECT_FALSE(Epoch::parse("ABCDEFGHIJKL"));
}

TEST(EventType, KeepsItsRule) {
  for (const char* good : {"bitvault.node.created.v1", "bitvault.a_1.b2.v999"}) {
    EXPECT_TRUE(is_event_type(good)) << good;
  }
  for (const char* bad :
       {"", "bitvault", "bitvault.node.created", "bitvault.node.created.1", "bitvault.node.v1",
        "bitvault.node.created.v0", "bitvault.node.created.v01", "bitvault.node.created.v1000",
        "bitvault.node.created.v1.x", "acme.node.created.v1", "bitvault..created.v1",
        "bitvault.Node.created.v1", "bitvault.1node.created.v1", "bitvault.node.created.v1.",
        "bitvault.node.created.v"}) {
    EXPECT_FALSE(is_event_type(bad)) << bad;
  }
  EXPECT_FALSE(is_event_type("bitvault." + std::string(200, 'a') + ".created.v1"));
}

}  // namespace
}  // namespace bitvault
