// Every bound of the library in one place, each with its reason. A bound that is reached is a fault
// with a reason code (law 5), never a silent pass.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cardscrub::limits {

// ISO/IEC 7812-1: a PAN has at most 19 digits; 12 is the shortest that is issued (Maestro).
inline constexpr size_t kPanMin = 12;
inline constexpr size_t kPanMax = 19;

// ISO/IEC 7813: track 1 has at most 79 characters, track 2 at most 40.
inline constexpr size_t kTrack1Max = 79;
inline constexpr size_t kTrack2Max = 40;

// Raw bytes of one named value: 79 characters of a track, each written as \u00XX inside a JSON string
// inside a percent-encoded form, with room to spare. A longer value cannot be valid.
inline constexpr size_t kNamedValueMax = 2048;

// Bytes of context that the detector looks back on and ahead to (card-like words, UUID shape).
inline constexpr size_t kContext = 64;

// What is held back of a body at most while a decision is open: a named value plus the ambiguous fields
// of the same object (`number`, `code`) that wait for a sibling.
inline constexpr size_t kWindow = 16384;

// Pieces are joined with what is held in steps of this many bytes.
inline constexpr size_t kJoinStep = 1024;

// Bodies of at most so many bytes are looked at as a whole where nobody waits for their first bytes.
inline constexpr size_t kGather = 32768;

// A component of a field name; longer names cannot match a pattern (longer patterns are refused).
inline constexpr size_t kNameMax = 64;

// Nesting of objects and arrays; json.loads of CPython fails near 1,000.
inline constexpr size_t kDepth = 1000;

// Value inside value (JSON in a JSON string in a form ...).
inline constexpr size_t kLayers = 4;

// Findings in one body before the request is refused (`limit.findings`).
inline constexpr size_t kFindings = 10000;

// Bytes that a compressed body may inflate to: far above any order, far below what hurts a server.
inline constexpr uint64_t kInflate = uint64_t{64} << 20;

// What an inflated body hands on in one step.
inline constexpr size_t kInflateStep = 65536;

// Failing fields that one answer names; more are counted, not named.
inline constexpr size_t kReasons = 16;

// What a command that gives a key-encryption key, or a token, may print and take: a key has at most 65 bytes,
// an RSA public key of 8192 bits about 1,100; nginx's master waits for it.
inline constexpr size_t kKekOutput = 4096;
inline constexpr int kKekSeconds = 20;

// Fields of a body that wait for another one at a time; scopes of a form that are open at once.
inline constexpr size_t kPending = 64;
inline constexpr size_t kFormScopes = 64;

}  // namespace cardscrub::limits
