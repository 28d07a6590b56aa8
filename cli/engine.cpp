// Engine: compiles once, as a worker of the server does.
#include "cli/engine.h"

#include <ctime>

#include "cli/ring.h"

namespace cardscrub::cli {

Result<std::unique_ptr<Engine>> Engine::create(const std::string& keys,
                                               std::span<const std::string> sources) {
  Result<Detector> detector = Detector::compile();
  if (!detector) return Fault{detector.message()};
  Result<FieldNames> fields = FieldNames::compile({});
  if (!fields) return Fault{fields.message()};
  // make_unique of an aggregate: clang 16. NOLINTNEXTLINE(modernize-make-unique)
  auto engine = std::unique_ptr<Engine>(new Engine{std::move(*detector), std::move(*fields), {}, 0});
  Result<HsScratch> scratch = engine->detector.make_scratch();
  if (!scratch) return Fault{scratch.message()};
  engine->worker.detector = &engine->detector;
  engine->worker.scratch = std::move(*scratch);
  engine->worker.now = std::time(nullptr);
  if (!keys.empty()) {
    Result<std::optional<Kek>> kek = open_kek(sources);
    if (!kek) return Fault{kek.message()};
    Result<KeyRing> ring = KeyRing::load(keys, pointer(*kek));
    if (!ring) return Fault{ring.message()};
    Result<TokenVault> vault = TokenVault::create(*ring);
    if (!vault) return Fault{vault.message()};
    engine->worker.vault.emplace(std::move(*vault));
    engine->token_digits = ring->generation_digits();
  }
  return engine;
}

}  // namespace cardscrub::cli
