// cardscrub ff1: FF1 for test vectors and comparison with other implementations. One JSON object a line:
//
//   {"op":"encrypt","key":"2B7E...","tweak":"3938","radix":10,"text":"0123456789"}  ->  {"text":"..."} or
//   {"error":"..."}
//
// "alphabet" (UTF-8, as many different characters as the radix) is 0-9a-z unless given. Keys come in clear:
// not for keys that protect anything.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>

#include "cli/arguments.h"
#include "cli/commands.h"
#include "src/ff1.h"

namespace cardscrub::cli {
namespace {

using Json = nlohmann::json;

constexpr char kUse[] = "use: cardscrub ff1 <requests >answers   (one JSON object a line)\n";
constexpr char kAlphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz";

struct Refused {
  const char* why;
};

std::vector<uint8_t> bytes_of(const Json& request, const char* name) {
  const std::string hex = request.value(name, "");
  std::vector<uint8_t> out;
  if (hex.size() % 2 != 0 || hex.find_first_not_of("0123456789abcdefABCDEF") != std::string::npos) {
    throw Refused{"key and tweak must be hexadecimal"};
  }
  for (size_t i = 0; i < hex.size(); i += 2) {
    out.push_back(static_cast<uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  }
  return out;
}

// The JSON parser has proved that it is UTF-8.
std::vector<std::string> characters_of(const std::string& text) {
  std::vector<std::string> out;
  for (char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80 && !out.empty()) {
      out.back().push_back(c);
    } else {
      out.emplace_back(1, c);
    }
  }
  return out;
}

std::string answer_to(const Json& request) {
  const std::string operation = request.value("op", "");
  if (operation != "encrypt" && operation != "decrypt") throw Refused{"op must be encrypt or decrypt"};
  const std::vector<uint8_t> key = bytes_of(request, "key"), tweak = bytes_of(request, "tweak");
  Result<Ff1> ff1 = Ff1::create(key);
  if (!ff1) throw Refused{"key must have 16, 24 or 32 bytes"};
  if (tweak.size() > Ff1::kTweakMax) throw Refused{"tweak must have at most 64 bytes"};

  const bool own_alphabet = request.contains("alphabet");
  std::vector<std::string> alphabet = characters_of(request.value("alphabet", kAlphabet));
  const uint64_t radix = request.value("radix", own_alphabet ? uint64_t{alphabet.size()} : uint64_t{10});
  if (radix < 2 || radix > 65536) throw Refused{"radix must be 2 to 65536"};
  if (own_alphabet ? alphabet.size() != radix : alphabet.size() < radix) {
    throw Refused{"alphabet must have as many characters as the radix"};
  }
  std::unordered_map<std::string, uint16_t> values;
  for (size_t i = 0; i < radix; i++) {
    if (!values.emplace(alphabet[i], static_cast<uint16_t>(i)).second)
      throw Refused{"alphabet has a character twice"};
  }
  std::vector<uint16_t> numerals;
  for (const std::string& character : characters_of(request.value("text", ""))) {
    const auto value = values.find(character);
    if (value == values.end()) throw Refused{"text has a character that is not in the alphabet"};
    numerals.push_back(value->second);
  }
  const auto base = static_cast<uint32_t>(radix);
  const bool good =
      operation == "encrypt" ? ff1->encrypt(base, numerals, tweak) : ff1->decrypt(base, numerals, tweak);
  if (!good) throw Refused{"text is too short (radix^length must be 1000000 or more) or longer than 4096"};
  std::string out;
  for (uint16_t numeral : numerals) out += alphabet[numeral];
  return out;
}

}  // namespace

int ff1_command(int argc, char** argv) {
  Result<Arguments> arguments = Arguments::parse(argc, argv, {}, {"help"});
  if (!arguments || !arguments->operands().empty() || arguments->has("help")) {
    const bool help = arguments && arguments->has("help");
    std::fputs(kUse, help ? stdout : stderr);
    return help ? kDone : kFailed;
  }
  std::string line;
  while (std::getline(std::cin, line)) {
    Json answer;
    try {
      const Json request = Json::parse(line);
      if (!request.is_object()) throw Refused{"not a JSON object"};
      answer["text"] = answer_to(request);
    } catch (const Refused& refused) {
      answer["error"] = refused.why;
    } catch (const Json::parse_error&) {
      answer["error"] = "not JSON";
    } catch (const Json::exception&) {
      answer["error"] = "a member has the wrong type";
    }
    std::cout << answer.dump() << std::endl;  // flushed: a test may hold a dialogue
  }
  return std::cout ? kDone : kFailed;
}

}  // namespace cardscrub::cli
