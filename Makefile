# Short commands; CMake does the work. BUILD and PREFIX can be set: make install PREFIX=/opt/eddy.
BUILD ?= build
PREFIX ?= /usr/local
JOBS ?= $(shell nproc)

all: $(BUILD)/CMakeCache.txt
	cmake --build $(BUILD) -j $(JOBS)

$(BUILD)/CMakeCache.txt:
	cmake -S . -B $(BUILD) -DCMAKE_INSTALL_PREFIX=$(PREFIX)

# Fetches many URLs at once, from a server on this machine.
demo:
	@tools/install-deps.sh base
	@tools/demo.sh $(BUILD)

# Checks everything that must hold, in some minutes; check-full is thorough, and takes hours.
check:
	tools/install-deps.sh check
	tests/check

check-full:
	tools/install-deps.sh full
	tests/check --full

# Runs each fuzz target for SECONDS; inputs that reach new code are kept in build-check/fuzz/corpus.
SECONDS ?= 300
fuzz:
	tools/install-deps.sh check
	tests/fuzz/run $(SECONDS)

# Tests MUTANTS versions of the library with one mistake each; at most one in twenty may pass.
MUTANTS ?= 200
mutants:
	tools/install-deps.sh check
	cmake -G Ninja -S . -B build-check/mutants -DEDDY_BUILD_BENCH=OFF
	tests/mutants/run build-check/mutants -n $(MUTANTS)

# Reports the lines and branches that the tests run, in build-check/coverage/report.
coverage:
	tools/install-deps.sh full
	tests/coverage

# Makes the web site, in build/site; the manual pages are built and installed with the library.
docs:
	tools/install-deps.sh docs
	cmake -S . -B $(BUILD) -DCMAKE_INSTALL_PREFIX=$(PREFIX)
	cmake --build $(BUILD) --target docs

# Measures eddy beside the peers that bench-deps has installed; see bench/README.md.
bench-deps:
	tools/install-deps.sh bench

bench: $(BUILD)/CMakeCache.txt
	cmake --build $(BUILD) -j $(JOBS) --target bench-programs
	bench/peers/build $(BUILD)/bench/peers
	bench/run.py --build $(BUILD)/bench

# A first impression, in three minutes.
bench-quick: $(BUILD)/CMakeCache.txt
	cmake --build $(BUILD) -j $(JOBS) --target bench-programs
	bench/peers/build $(BUILD)/bench/peers
	bench/run.py --build $(BUILD)/bench --quick

# Keeps what `make bench` measures as bench/results/NAME.json, and renews the summary, the picture
# and the tables; NOTE says what else the machine did.
NAME ?= $(shell uname -n)
NOTE ?=
bench-record: bench
	bench/report.py --build $(BUILD)/bench --record "$(NAME)" --note "$(NOTE)"

bench-growth: $(BUILD)/CMakeCache.txt
	cmake --build $(BUILD) -j $(JOBS) --target bench-programs
	bench/growth.py --build $(BUILD)/bench

# The libraries alone, without programs and tests.
lib: $(BUILD)/CMakeCache.txt
	cmake --build $(BUILD) -j $(JOBS) --target eddy eddy_shared eddy_test

install: all
	cmake --install $(BUILD) --prefix $(PREFIX)

# Removes the files that the last install from this folder wrote.
uninstall:
	cmake -D MANIFEST=$(BUILD)/install_manifest.txt -P cmake/uninstall.cmake

format:
	git ls-files -z '*.c' '*.h' | xargs -0 clang-format -i

# A release of what is committed: make release VERSION=0.1.0.
release:
	tools/release $(VERSION)

clean:
	rm -rf $(BUILD) build-check

.PHONY: all demo check check-full fuzz mutants coverage docs bench-deps bench bench-quick
.PHONY: bench-record bench-growth
.PHONY: lib install uninstall format release clean
