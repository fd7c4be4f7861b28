#include "base/secret_text.h"

#include <openssl/crypto.h>

namespace bitvault {

SecretText::~SecretText() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }

void wipe(std::string& text) {
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

}  // namespace bitvault
