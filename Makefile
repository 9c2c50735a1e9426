# The front door. `make help` lists what there is.
.DEFAULT_GOAL := help
PREFIX ?= /usr/local
.PHONY: help run build install package test bench verify verify-edge verify-transport verify-vm fuzz tidy format lint stop stop-all clean

help: ## Lists these
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16

run: ## Installs what is missing, builds, starts the system in ./data (DATA_DIR) and opens the shell
	@scripts/run.sh

build: ## Release binaries in build/release/bin
	@scripts/install.sh build
	@scripts/build.sh release

install: ## The programs, unit and settings into PREFIX (/usr/local), below DESTDIR (docs/INSTALLATION.md)
	@DESTDIR='$(DESTDIR)' scripts/package.sh --install '$(PREFIX)'

package: ## Debian packages in build/packages
	@scripts/package.sh

test: ## Installs, builds, runs every test; the last line is "N passed, M failed"
	@scripts/run_tests.sh

bench: ## Measures beside supervisord, prints ratios
	@scripts/bench.sh

verify: ## The long rest: sanitizers, clang-tidy, format, long kill loops
	@scripts/verify.sh

verify-edge: ## nginx under load: 20 restarts, 10 deploys, 50 changes and kills; builds without drain and hold are noticed
	@scripts/verify_edge.sh

verify-transport: ## Suites and clients that others wrote, against the transport: gRPC interop, Connect conformance, h2spec, ghz, 5 languages
	@scripts/verify_transport.sh

verify-vm: ## A Debian 12 under QEMU: systemd, cgroup v2, reboot, power cuts (GRPC_OS_VM_CUTS=3)
	@scripts/verify_vm.sh

fuzz: ## libFuzzer over the transport, GRPC_OS_FUZZ_SECONDS (300) long
	@scripts/fuzz.sh

tidy: ## clang-tidy over src
	@scripts/install.sh build verify
	@scripts/tidy.sh

format: ## Formats src with clang-format
	@scripts/install.sh verify
	@find src -name '*.cc' -o -name '*.h' | xargs clang-format-14 -i

lint: ## buf lint, the include table, the format
	@scripts/install.sh test verify
	@scripts/lint_protos.sh
	@python3 scripts/check_includes.py
	@scripts/check_format.sh

stop: ## Ends the control plane; the processes go on
	@scripts/stop.sh --stop

stop-all: ## Ends everything
	@scripts/stop.sh --stop-all

clean: ## Removes build/ (never data)
	@rm -rf build python/grpc_os/v1
