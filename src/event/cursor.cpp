#include "event/cursor.h"

#include "base/text.h"

namespace bitvault {
namespace {

constexpr char kVersion = 1;
constexpr char kKeyId = 0;
constexpr std::size_t kEpochAt = 2;
constexpr std::size_t kSequenceAt = kEpochAt + Epoch::kBytes;
constexpr std::size_t kMacAt = kSequenceAt + 8;
constexpr std::size_t kMacBytes = 16;

std::string name_of(const TenantName& tenant, std::string_view epoch) {
  return tenant.str() + "/" + std::string(epoch);
}

std::string mac(const SecretKey& key, std::string_view payload) {
  const Digest digest = hmac_sha256(key.reveal(), payload);
  return {reinterpret_cast<const char*>(digest.data()), kMacBytes};
}

}  // namespace

SecretKey CursorCodec::sealing_key(const TenantName& tenant, std::string_view epoch) const {
  const std::scoped_lock lock(mutex_);
  const std::string name = name_of(tenant, epoch);
  auto known = derived_.find(name);
  if (known == derived_.end()) {
    if (derived_.size() >= kDerivedKeysMax) {
      derived_.clear();
    }
    known = derived_.emplace(name, key_.derive(tenant.str(), epoch)).first;
  }
  return known->second;
}

// What a client sends may name any epoch: it is not remembered.
SecretKey CursorCodec::opening_key(const TenantName& tenant, std::string_view epoch) const {
  {
    const std::scoped_lock lock(mutex_);
    if (const auto known = derived_.find(name_of(tenant, epoch)); known != derived_.end()) {
      return known->second;
    }
  }
  return key_.derive(tenant.str(), epoch);
}

std::string CursorCodec::seal(const TenantName& tenant, const Position& position) const {
  std::string raw{kVersion, kKeyId};
  raw += position.epoch.str();
  for (int shift = 56; shift >= 0; shift -= 8) {
    raw += static_cast<char>((position.sequence.value >> shift) & 0xff);
  }
  raw += mac(sealing_key(tenant, position.epoch.str()), raw);
  return base64url(as_bytes(raw));
}

Result<Position> CursorCodec::open(const TenantName& tenant, std::string_view text) const {
  const auto invalid = [] {
    return fail(Code::kCursorInvalid,
                "this is not a cursor of this tenant; use one that the feed returned, or none to "
                "start from the oldest event");
  };
  const auto raw = from_base64url(text);
  if (!raw || raw->size() != kMacAt + kMacBytes || (*raw)[0] != kVersion || (*raw)[1] != kKeyId) {
    return invalid();
  }
  const std::string_view view = *raw;
  const std::string_view epoch_text = view.substr(kEpochAt, Epoch::kBytes);
  const std::string expected = mac(opening_key(tenant, epoch_text), view.substr(0, kMacAt));
  const auto epoch = Epoch::parse(epoch_text);
  if (!equal_in_constant_time(as_bytes(expected), as_bytes(view.substr(kMacAt))) || !epoch) {
    return invalid();
  }
  std::uint64_t sequence = 0;
  for (const char byte : view.substr(kSequenceAt, 8)) {
    sequence = (sequence << 8) | static_cast<unsigned char>(byte);
  }
  return Position{*epoch, Sequence{sequence}};
}

}  // namespace bitvault
