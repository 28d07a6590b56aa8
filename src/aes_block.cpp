// AES on single blocks.
#include "aes_block.h"

#include <string>

namespace cardscrub {

Result<AesBlock> AesBlock::create(Bytes key) {
  const char* name = key.size() == 16   ? "AES-128-ECB"
                     : key.size() == 24 ? "AES-192-ECB"
                     : key.size() == 32 ? "AES-256-ECB"
                                        : nullptr;
  if (name == nullptr) return Fault{"an AES key must have 16, 24 or 32 bytes"};
  const Cipher cipher{EVP_CIPHER_fetch(nullptr, name, nullptr)};
  CipherCtx ctx{EVP_CIPHER_CTX_new()};
  if (!cipher || !ctx || EVP_EncryptInit_ex2(ctx.get(), cipher.get(), key.data(), nullptr, nullptr) != 1 ||
      EVP_CIPHER_CTX_set_padding(ctx.get(), 0) != 1) {
    return Fault{std::string("OpenSSL does not provide ") + name};
  }
  return AesBlock(std::move(ctx));
}

}  // namespace cardscrub
