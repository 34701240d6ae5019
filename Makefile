# What a developer types. `make` alone lists it.
.DEFAULT_GOAL := help
.PHONY: help build check audit-deps test test-faults fsyncs test-memory fuzz demo bench install-servers

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-16s %s\n", $$1, $$2}' Makefile

demo: ## The whole ceremony on a real OpenBao of this machine; needs Rust and Python 3
	@tests/demo/run

build: ## The program as it is shipped: target/release/vault-bootstrap
	cargo build --locked --release

check: ## The inner loop: format, lints, unit tests, architecture; no servers
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo test --locked --quiet --lib --bins --test architecture

audit-deps: ## Holds the dependencies to .ci/deny.toml: licences, sources, bans, advisories where they can be had
	@.ci/audit-deps

# Tests spend much of their time waiting: for an election, for a disk, for what they asked to be slow.
test: ## Everything, on real servers; REQUIRE_ALL=1 makes a server that cannot be had a failure
	tests/servers/install || test -z "$(REQUIRE_ALL)"
	RUST_TEST_THREADS=$${RUST_TEST_THREADS:-$$((2 * $$(nproc)))} cargo test --locked $(CARGO_TEST_FLAGS)

test-faults: ## Disturbs every request and write of a ceremony in every way, an hour or more; resumes, and fills in the table of docs/measurements.md
	tests/servers/install openbao-2.6.2 openbao-2.7.2 vault-1.21.1 localstack-4.9.2
	FAULTS=all FAULT_SEED=$(SEED) FAULT_WORKERS=$(WORKERS) FAULT_MINUTES=$(MINUTES) REQUIRE_ALL=1 \
		cargo test --locked --test live -- --nocapture faults::a_ceremony_disturbed
	$(MAKE) fsyncs

fsyncs: ## Counts how often a ceremony makes something durable and fills in the table of docs/measurements.md
	FSYNCS=write REQUIRE_ALL=1 cargo test --locked --test live -- faults::the_page_of_measurements_says_how_often

test-memory: build ## Looks for every secret in the memory of the shipped program, 20 times each way; needs root and gdb
	tests/servers/install openbao-2.7.2 localstack-4.9.2
	VAULT_BOOTSTRAP_PROGRAM="$(CURDIR)/target/release/vault-bootstrap" MEMORY_PAGE="$(CURDIR)/docs/measurements.md" \
	MEMORY_ROUNDS=$${MEMORY_ROUNDS:-20} cargo test --locked --test live -- --nocapture memory::

fuzz: ## Feeds damaged files and answers to every reader, FUZZ_SECONDS (600) each
	FUZZ_SECONDS=$${FUZZ_SECONDS:-600} cargo test --locked --test fuzz -- --nocapture

bench: ## Measures against a bare client and fills in the table of docs/measurements.md
	benches/run --write $(if $(BEFORE),--before $(BEFORE)) $(if $(ROUNDS),--rounds $(ROUNDS))

install-servers: ## Gets and builds the servers of the tests, once for all checkouts
	tests/servers/install
