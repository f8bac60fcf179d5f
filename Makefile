# The commands of the README. Each installs the Debian packages it needs (through sudo for an ordinary user).
.PHONY: all build demo test test-release test-asan test-tsan test-peers fuzz install format clean
MAKEFLAGS += --no-print-directory
JOBS ?= $(shell nproc)
PREFIX ?= /usr/local

all: build

build:
	@tools/packages.sh build --install
	@cmake --preset release -DOMNI_TESTS=OFF -B build/release-only --log-level=WARNING
	@cmake --build build/release-only -j $(JOBS)

# Trains, compresses, evaluates and measures LeNet-5 on Fashion-MNIST; leaves build/demo/report.html.
demo: build
	@build/release-only/omni demo --output-dir build/demo --force

test:
	@tools/packages.sh test --install
	@tools/run-tests release asan tsan

test-release test-asan test-tsan: test-%:
	@tools/packages.sh test --install
	@tools/run-tests $*

# Comparisons with other engines, from PyPI, in a virtual environment in build/peers.
test-peers:
	@tools/packages.sh peers --install
	@tools/test-peers

reproduce-%:
	@tools/packages.sh peers --install
	@bench/reproduce/run $*

fuzz:
	@tools/packages.sh fuzz --install
	@tools/fuzz

install: build
	@cmake --install build/release-only --prefix $(PREFIX)

format:
	@tools/packages.sh lint --install
	@git ls-files '*.cc' '*.h' | xargs clang-format -i

clean:
	@rm -rf build
