// Cursors: 12 + 8 bytes make a position, the rest is a text that somebody sends as a cursor.

#include <algorithm>
#include <array>
#include <string>

#include "base/text.h"
#include "event/cursor.h"
#include "fuzz.h"

namespace bitvault::fuzz {
namespace {

constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

SecretKey master(char fill) {
  std::array<std::byte, 32> bytes{};
  bytes.fill(static_cast<std::byte>(fill));
  return SecretKey(bytes);
}

struct World {
  CursorCodec codec{master('m')};
  CursorCodec other_installation{master('n')};
  TenantName acme = *TenantName::parse("acme");
  TenantName other = *TenantName::parse("other");
};

Position position_of(std::string_view bytes) {
  std::array<std::byte, 12> epoch{};
  std::ranges::copy(as_bytes(bytes.substr(0, 12)), epoch.begin());
  Sequence sequence;
  for (const char byte : bytes.substr(std::min<std::size_t>(12, bytes.size()))) {
    sequence.value = (sequence.value << 8) | static_cast<unsigned char>(byte);
  }
  return {Epoch::make(epoch), sequence};
}

// A cursor opens as what was sealed, for its tenant and installation only.
void seals_and_opens(const World& world, const Position& position, const std::string& cursor) {
  check(world.codec.open(world.acme, cursor) == position, "a cursor opens as it was sealed");
  check(!world.codec.open(world.other, cursor), "a cursor does not open for another tenant");
  check(!world.other_installation.open(world.acme, cursor),
        "a cursor does not open in another installation");
}

// Changed in one place, by a bit of what it encodes or to another letter, it opens no more.
void no_change_opens(const World& world, const std::string& cursor, Dice& dice) {
  std::string raw = from_base64url(cursor).value();
  for (char& byte : raw) {
    const char before = byte;
    byte = static_cast<char>(byte ^ (1 << dice.below(8)));
    check(!world.codec.open(world.acme, base64url(as_bytes(raw))), "a flipped bit never opens");
    byte = before;
  }
  std::string text = cursor;
  const std::size_t at = dice.below(text.size());
  for (const char letter : kBase64Url) {
    text[at] = letter;
    check(text == cursor || !world.codec.open(world.acme, text), "another letter never opens");
  }
}

void run(std::string_view input) {
  static const World kWorld;
  Dice dice(input);
  const Position position = position_of(input.substr(0, 20));
  const std::string_view sent = input.substr(std::min<std::size_t>(20, input.size()));
  const std::string cursor = kWorld.codec.seal(kWorld.acme, position);
  seals_and_opens(kWorld, position, cursor);
  no_change_opens(kWorld, cursor, dice);
  if (const auto opened = kWorld.codec.open(kWorld.acme, sent)) {
    check(kWorld.codec.seal(kWorld.acme, *opened) == sent, "what opens is its only form");
  }
}

const Registered kCursor({"cursor", run});

}  // namespace
}  // namespace bitvault::fuzz
