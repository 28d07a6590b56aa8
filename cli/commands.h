// The command line tool's parts: one function a command, each in its own file. Exit status: 0 all went well;
// 1 it could not start (wrong use, no key ring), said on standard error; 2 some of the input could not be
// converted.
#pragma once

namespace cardscrub::cli {

inline constexpr const char* kVersion = "0.1.0";
inline constexpr const char* kDefaultKeyFile = "/etc/nginx/cardscrub/keys.json";

inline constexpr int kDone = 0, kFailed = 1, kPartly = 2;

// argv[0] is the command's name.
int keys_command(int argc, char** argv);
int token_command(int argc, char** argv);
int untoken_command(int argc, char** argv);
int retoken_command(int argc, char** argv);
int ff1_command(int argc, char** argv);
int scan_command(int argc, char** argv);
int scrub_command(int argc, char** argv);
int audit_command(int argc, char** argv);

}  // namespace cardscrub::cli
