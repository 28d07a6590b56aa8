// Check values: a few digits by which people compare keys without seeing them.
#pragma once

#include <string>

#include "secret.h"

namespace cardscrub {

// Of an AES-256 key (32 bytes): the first three bytes of its CMAC over a block of zeros, as six hexadecimal
// digits. Empty: the engine failed.
std::string key_check_value(Bytes key);

// Of a public key: the same of the SHA-256 of its SubjectPublicKeyInfo.
std::string public_key_check_value(Bytes info);

}  // namespace cardscrub
