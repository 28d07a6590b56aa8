# Benchmarks; the Makefile includes this file.
BENCH_PROGRAMS := $(BUILD)/bench/core_bench $(BUILD)/bench/upstream

.PHONY: bench bench-core bench-hostile bench-programs

bench: cli module bench-programs  ## nginx bare, with cardscrub, Lua, ModSecurity, side by side; ROUNDS=5, ONLY="json1k log"
	@BUILD=$(BUILD) scripts/bench.sh

bench-core: bench-programs  ## the library alone: GB/s, tokens/s, linearity, memory, instructions
	@BUILD=$(BUILD) scripts/bench.sh core

bench-hostile: $(BUILD)/bench/hostile_bench  ## time per byte of hostile bodies, 1 KB to 64 MB; ONLY="xml base64"
	nice $< $(ONLY)

bench-programs: $(BENCH_PROGRAMS)

$(BUILD)/bench/core_bench: $(BUILD)/obj/tests/bench/core_bench.o $(BUILD)/obj/tests/bench/corpora.o $(LIB)
	@mkdir -p $(@D)
	@echo '  LD  $@'
	$(Q)$(CXX) $(OPT) -o $@ $^ $(LIBS)

$(BUILD)/bench/hostile_bench: $(BUILD)/obj/tests/bench/hostile_bench.o $(LIB)
	@mkdir -p $(@D)
	@echo '  LD  $@'
	$(Q)$(CXX) $(OPT) -o $@ $^ $(LIBS)

$(BUILD)/bench/upstream: $(BUILD)/obj/tests/bench/upstream.o
	@mkdir -p $(@D)
	@echo '  LD  $@'
	$(Q)$(CXX) $(OPT) -pthread -o $@ $^
