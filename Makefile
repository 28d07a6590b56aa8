# cardscrub: build, test and try it. `make help` lists the targets.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.SECONDARY:
.DEFAULT_GOAL := build

BUILD ?= build
CXX ?= g++
PREFIX ?= /usr/local
STD := -std=c++20
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor \
        -Woverloaded-virtual -Wcast-align -Wformat=2 -Wundef -Werror
# Also in scripts/build-module.sh; `make lint` looks at what comes of them.
HARDEN := -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 $(if $(filter x86_64-%,$(shell $(CXX) -dumpmachine)),-fcf-protection)
HARDEN_LINK := -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack
OPT ?= -O2 -g
SANITIZE ?=
comma := ,
# V=1 shows the commands.
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
ifneq ($(SANITIZE),)
  # The instrumented code makes compilers warn of what is none; the plain build is the judge.
  WARN := $(filter-out -Werror,$(WARN)) -Wno-conversion -Wno-sign-conversion -Wno-maybe-uninitialized
  HARDEN :=
  HARDEN_LINK :=
  OPT := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
  override BUILD := $(BUILD)/$(subst $(comma),_,$(SANITIZE))
endif
CXXFLAGS += $(STD) $(OPT) $(WARN) $(HARDEN) -fPIC -fvisibility=hidden -MMD -MP -I.
LIBS := -lhs -lpcre2-8 -lcrypto -lexpat -lz -lbrotlidec -lstdc++

LIB_SOURCES := $(wildcard src/*.cpp filters/*.cpp)
LIB_OBJECTS := $(LIB_SOURCES:%.cpp=$(BUILD)/obj/%.o)
LIB := $(BUILD)/libcardscrub.a
CLI_SOURCES := $(wildcard cli/*.cpp)
CLI := $(BUILD)/cardscrub
UNIT_SOURCES := $(wildcard tests/unit/*_test.cpp)
UNIT_TESTS := $(UNIT_SOURCES:tests/unit/%.cpp=$(BUILD)/tests/%)
MEMORY_SEARCH := $(BUILD)/tests/memory_search
FUZZ_SOURCES := $(wildcard tests/fuzz/*_fuzz.cpp)
MODULE := $(BUILD)/ngx_http_cardscrub_module.so
MODULES_DIR ?= /usr/lib/nginx/modules
CONF_DIR ?= /etc/nginx
E2E := /usr/bin/python3 -B tests/e2e/run.py
ASAN_BUILD := $(BUILD)/address_undefined

.PHONY: help deps build lib cli module unit test e2e matrix nginx-tests demo lint lint-clang tidy cppcheck format asan e2e-asan e2e-valgrind soak fuzz \
        fuzz-replay fuzz-replay-programs fuzz-programs install clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' Makefile tests/bench/bench.mk

deps:  ## install the Debian packages that build, test and demo need (apt-get; through sudo when not root)
	@scripts/deps.sh

build: lib cli module  ## the library, the command line tool, the nginx module: all under build/

lib: $(LIB)

$(LIB): $(LIB_OBJECTS)
	@rm -f $@
	@echo '  AR  $@'
	$(Q)ar rcs $@ $^
	@! nm -u $@ | grep ' ngx_' || { echo 'the library uses nginx'; rm -f $@; exit 1; }

$(BUILD)/obj/%.o: %.cpp
	@mkdir -p $(@D)
	@echo '  CXX $<'
	$(Q)$(CXX) $(CXXFLAGS) -c $< -o $@

cli: $(CLI)

$(CLI): $(CLI_SOURCES:%.cpp=$(BUILD)/obj/%.o) $(LIB)
	@echo '  LD  $@'
	$(Q)$(CXX) $(OPT) $(HARDEN_LINK) -o $@ $^ $(LIBS)

module: lib  ## the nginx module alone
	+@CXX=$(CXX) BUILD=$(BUILD) SANITIZE=$(SANITIZE) bash scripts/build-module.sh

$(BUILD)/tests/%: $(BUILD)/obj/tests/unit/%.o $(LIB)
	@mkdir -p $(@D)
	@echo '  LD  $@'
	$(Q)$(CXX) $(OPT) -o $@ $^ $(LIBS) -lcmocka

$(MEMORY_SEARCH): $(BUILD)/obj/tests/memory/memory_search.o $(BUILD)/obj/cli/process.o $(LIB)
	@mkdir -p $(@D)
	@echo '  LD  $@'
	$(Q)$(CXX) $(OPT) -o $@ $^ $(LIBS)

unit: $(UNIT_TESTS) $(MEMORY_SEARCH)  ## unit tests
	@set -e; for t in $(UNIT_TESTS); do CMOCKA_MESSAGE_OUTPUT=stdout $$t; done

test:  ## everything: set-up, unit tests, lint, end to end, fuzz corpus; the last line says how many passed
	@scripts/test.sh

e2e: cli module $(MEMORY_SEARCH)  ## end-to-end suite alone; ARGS="-k name -v"; SEED=word repeats a run's keys
	$(E2E) $(ARGS)

matrix:  ## build and end-to-end suite on nginx 1.22, 1.26 and 1.30 (debootstrap; root or sudo); SUITES="host trixie forky"
	@scripts/matrix.sh $(SUITES)

nginx-tests: cli module  ## nginx's own test suite with and without the module; CHECKOUT=path of a copy of nginx-tests
	@BUILD=$(BUILD) scripts/nginx-tests.sh '$(CHECKOUT)' $(TESTS)

demo:  ## a shop behind nginx with cardscrub, on this machine; DEMO_ONCE=1 ends after printing
	@scripts/demo.sh

lint:  ## layers, bans, exports, format, clang's warnings, shell syntax
	@scripts/lint.sh

# clang's view of every source, one stamp each, so that only what changed is looked at again.
LINT_SOURCES := $(LIB_SOURCES) $(CLI_SOURCES) $(wildcard tests/unit/*.cpp tests/memory/*.cpp tests/fuzz/*.cpp tests/bench/*.cpp)
lint-clang: $(LINT_SOURCES:%.cpp=$(BUILD)/lint/%.ok)

$(BUILD)/lint/%.ok: %.cpp
	@mkdir -p $(@D)
	@clang++ $(STD) $(WARN) -I. -fsyntax-only -MMD -MP -MF $(@:.ok=.d) -MT $@ $<
	@touch $@

# One stamp each, as for lint-clang.
TIDY_SOURCES := $(LIB_SOURCES) $(CLI_SOURCES) $(wildcard ngx_module/*.cpp)
TIDY_FLAGS := $(BUILD)/tidy/module.flags
tidy:  ## clang-tidy with .clang-tidy over library, tool and module (slow)
	@$(MAKE) --no-print-directory -k -j$$(nproc) $(TIDY_SOURCES:%.cpp=$(BUILD)/tidy/%.ok)

$(BUILD)/tidy/%.ok: %.cpp .clang-tidy $(TIDY_FLAGS)
	@mkdir -p $(@D)
	@echo '  TIDY $<'
	@flags="$(STD) -I. $$(case $< in ngx_module/*) cat $(TIDY_FLAGS);; esac)"; \
	clang++ $$flags -MM -MP -MF $(@:.ok=.d) -MT $@ $< && \
	clang-tidy --quiet --warnings-as-errors='*' $< -- $$flags 2>$@.log || { cat $@.log; exit 1; }
	@touch $@

$(TIDY_FLAGS): config config.make scripts/build-module.sh
	@mkdir -p $(@D)
	@BUILD=$(BUILD) bash scripts/build-module.sh --flags >$@

CPPCHECK := cppcheck --quiet --std=c++20 --language=c++ --enable=warning,performance,portability --inline-suppr --error-exitcode=1 -I.
cppcheck:  ## cppcheck over library, tool and module
	@scripts/deps.sh --also cppcheck
	@mkdir -p $(BUILD)/cppcheck
	$(CPPCHECK) -j$$(nproc) --cppcheck-build-dir=$(BUILD)/cppcheck src filters cli ngx_module

format:  ## rewrite the sources with clang-format
	find src filters ngx_module cli tests -name '*.cpp' -o -name '*.h' | xargs clang-format -i

asan:  ## unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory SANITIZE=address,undefined unit

e2e-asan:  ## end-to-end suite with library and module under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory cli $(MEMORY_SEARCH)
	@$(MAKE) --no-print-directory SANITIZE=address,undefined module
	CARDSCRUB_WRAP="env LD_PRELOAD=$$($(CXX) -print-file-name=libasan.so):$$($(CXX) -print-file-name=libubsan.so) \
	  ASAN_OPTIONS=detect_leaks=0:log_path={logs}/asan UBSAN_OPTIONS=print_stacktrace=1:log_path={logs}/ubsan" \
	  $(E2E) --slow 5 --module $(ASAN_BUILD)/ngx_http_cardscrub_module.so $(ARGS)

e2e-valgrind: cli module $(MEMORY_SEARCH)  ## end-to-end suite under valgrind (slow)
	CARDSCRUB_WRAP="valgrind --quiet --suppressions=$(CURDIR)/tests/e2e/valgrind.supp --log-file={logs}/valgrind.%p" \
	  $(E2E) --slow 20 $(ARGS)

# A harness is one file tests/fuzz/NAME_fuzz.cpp; its corpus is the folder tests/fuzz/corpus/NAME.
fuzz-programs: $(FUZZ_SOURCES:tests/fuzz/%.cpp=$(BUILD)/fuzz/%)
fuzz-replay-programs: $(FUZZ_SOURCES:tests/fuzz/%.cpp=$(BUILD)/replay/%)

$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(LIB)
	@mkdir -p $(@D)
	@echo '  LD  $@'
	$(Q)$(CXX) $(subst fuzzer-no-link,fuzzer,$(OPT)) -o $@ $^ $(LIBS)

$(BUILD)/replay/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/replay_main.o $(LIB)
	@mkdir -p $(@D)
	@echo '  LD  $@'
	$(Q)$(CXX) $(OPT) -o $@ $^ $(LIBS)

fuzz:  ## libFuzzer, every harness in turn; SECONDS=60 each, ONLY=name
	@$(MAKE) --no-print-directory CXX=clang++ SANITIZE=fuzzer-no-link,address,undefined fuzz-programs
	@scripts/fuzz.sh $(BUILD)/fuzzer-no-link_address_undefined/fuzz '$(or $(SECONDS),60)' '$(ONLY)'

fuzz-replay:  ## every file of tests/fuzz/corpus through its harness, under ASan and UBSan
	@$(MAKE) --no-print-directory SANITIZE=address,undefined fuzz-replay-programs
	@scripts/fuzz-replay.sh $(ASAN_BUILD)/replay

soak: cli module $(MEMORY_SEARCH)  ## long run: reloads, bad clients, killed workers, rotation, full disk, clock jump; SECONDS=60, RELOADS=n, REDIS=yes
	/usr/bin/python3 -B tests/soak/soak.py --seconds '$(or $(SECONDS),60)' $(if $(RELOADS),--reloads '$(RELOADS)') $(if $(REDIS),--redis) $(ARGS)

install:  ## module, tool and examples (PREFIX); makes the key ring beside nginx.conf when there is none, but not under DESTDIR
	install -D -m 644 $(MODULE) $(DESTDIR)$(MODULES_DIR)/ngx_http_cardscrub_module.so
	install -D -m 755 $(CLI) $(DESTDIR)$(PREFIX)/bin/cardscrub
	install -d $(DESTDIR)$(PREFIX)/share/doc/cardscrub/examples
	install -m 644 $(wildcard *.md) LICENSE $(DESTDIR)$(PREFIX)/share/doc/cardscrub/
	install -m 644 $(wildcard conf.examples/*.conf) $(DESTDIR)$(PREFIX)/share/doc/cardscrub/examples/
	install -d -m 700 $(DESTDIR)$(CONF_DIR)/cardscrub
# A package must not carry keys: all hosts would have the same.
ifeq ($(DESTDIR),)
	test -e $(CONF_DIR)/cardscrub/keys.json || $(CLI) keys new --file $(CONF_DIR)/cardscrub/keys.json
endif

clean:  ## removes build/
	rm -rf $(BUILD)

-include tests/bench/bench.mk
# build/matrix holds whole file systems.
-include $(shell find $(BUILD) -path $(BUILD)/matrix -prune -o -type f -name '*.d' -print 2>/dev/null)
