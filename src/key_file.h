// The file that a key ring lies in: read and written so that nobody else sees it and no half of it is ever
// found.
#pragma once

#include <string>

#include "result.h"
#include "secret.h"

namespace cardscrub {

inline constexpr size_t kKeyFileMax = 65536;  // bytes; three keys take about 500

// The whole file. A fault, with the command that mends it, for: no such file, a symbolic link, not a regular
// file, mode other than 0600 or 0400, an owner other than root or the effective user, more than kKeyFileMax
// bytes.
Result<SecretBuffer> read_key_file(const std::string& path);

// Temporary file in the same folder (O_EXCL, 0600), fsync, rename, fsync of the folder. With !replace an
// existing file is a fault and stays as it is.
Status write_key_file(const std::string& path, Bytes content, bool replace);

}  // namespace cardscrub
