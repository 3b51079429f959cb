# The commands of this project. `make` alone lists them.
SHELL := bash
.DEFAULT_GOAL := help

# SQL is checked against the committed .sqlx, so that building needs no database.
export SQLX_OFFLINE := true

# make run PORT=9080        on other ports; the same PORT for make demo
# make run ARGS="--fresh"   anything else the command takes
PORT ?=
ARGS ?=

.PHONY: help
help: ## Lists the commands.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

.PHONY: run
run demo: export SYSTEMBRUKER_COMMIT := $(shell git rev-parse HEAD 2>/dev/null)
run: ## Runs everything on this machine: service, Postgres, Maskinporten, ID-porten, test people.
	@scripts/prerequisites.sh compiler postgres
	cargo run --profile local --locked -- sandbox $(if $(PORT),--port $(PORT)) $(ARGS)

.PHONY: demo
demo: ## Plays the journey of a system user against what `make run` started.
	@cargo run --quiet --profile local --locked -- demo $(if $(PORT),--base http://127.0.0.1:$(PORT)) $(ARGS)

.PHONY: test
test: ## Runs all tests, on a real Postgres and in a real browser.
	@scripts/prerequisites.sh compiler postgres browser
	cargo test --locked --workspace $(ARGS)

# Those of both suites in which the server does more than store and find rows: plans, COPY, locks, roles, partitions, snapshots,
# histories, replication. The others ask the same statements, in the same way.
NEWER_API = import audit trail events freshness least_privilege clock decision_log streams journey requests:: authorized_parties clients::
NEWER_RESILIENCE = away decision_log failover history import several silent:: migrate survives mid_approval

.PHONY: test-postgres
test-postgres: ## Runs the suites that depend on the server's version on a newer PostgreSQL, which is fetched.
	@scripts/prerequisites.sh compiler postgres
	bin=$$(scripts/newer-postgres.sh) && export PATH="$$bin:$$PATH" \
	    && cargo test --locked --test api -- $(NEWER_API) && cargo test --locked --test resilience -- $(NEWER_RESILIENCE)

# make chaos SECONDS_EACH=600   makes each fault again and again for so long; once without
.PHONY: chaos
chaos: SECONDS_EACH = 0
chaos: ## Makes faults around the service, and prints how long each was felt; needs root and Linux.
	@scripts/prerequisites.sh compiler postgres faults
	@rm -f target/tmp/chaos.tsv
	CHAOS_SECONDS=$(SECONDS_EACH) cargo test --locked --test chaos -- --test-threads 1 $(ARGS)
	@printf 'fault\thealed (s)\tdecisions\t5xx\tno answer\tstale\tlost\tdoubled\n' | cat - target/tmp/chaos.tsv \
	    | awk -F '\t' '{ printf "%-60s %10s %10s %6s %10s %6s %6s %8s\n", $$1, $$2, $$3, $$4, $$5, $$6, $$7, $$8 }'

.PHONY: fmt
fmt: ## Formats the code.
	cargo fmt --all

.PHONY: lint
lint: ## Checks format, lints, dependencies, documentation and the committed SQL metadata.
	cargo fmt --all --check
	scripts/check-sql.sh --lint
	cargo clippy --locked --test chaos -- -D warnings
	cargo clippy --locked --no-default-features -- -D warnings
	cargo xtask dependencies
	cargo xtask sql
	cargo xtask words
	cargo xtask names
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items
	scripts/check-description.sh
	cargo deny --locked check bans licenses sources
	cargo xtask licences
	scripts/check-locks.sh

.PHONY: bench
bench: ## Measures the policy engine and the decision path, and compares the engine with others.
	@scripts/prerequisites.sh compiler postgres load
	cargo bench --locked --workspace $(ARGS)
	cargo bench --locked --manifest-path crates/xacml/benches/peers/Cargo.toml $(ARGS)

# make coverage ARGS="--test api connections"   of some tests
.PHONY: coverage
coverage: ## Runs the tests, and prints how many lines of each crate they execute; needs cargo-llvm-cov and LLVM's tools.
	@scripts/prerequisites.sh compiler postgres
	@scripts/coverage.sh $(ARGS)

# The decision pipeline, who calls and what a person may give, the review of requests.
# make mutants MUTATED=crates/authorization/src/pdp/level.rs   of some files
MUTATED = $(addprefix crates/authorization/src/, caller_shapes.rs callers.rs permissions.rs \
    $(addprefix delegation/, approver.rs check.rs obstacles.rs rules.rs store.rs) \
    $(addprefix pdp/, attributes.rs call.rs decide.rs decided.rs level.rs partial.rs parts.rs permits.rs single_rights.rs)) \
    $(addprefix crates/system_users/src/requests/, decide.rs rules.rs changes/decide.rs changes/rules.rs)

.PHONY: mutants
mutants: ## Changes the code that lets people in, one place at a time, and prints the changes that no test notices; needs cargo-mutants.
	@scripts/prerequisites.sh compiler postgres
	cargo mutants --workspace --output target $(addprefix --file , $(MUTATED)) $(ARGS)

# make fuzz SECONDS_EACH=600
.PHONY: fuzz
fuzz: SECONDS_EACH = 60
fuzz: ## Fuzzes the policy engine; needs a nightly compiler and cargo-fuzz.
	@crates/xacml/fuzz/seeds.sh
	cd crates/xacml && for target in $$(cargo +nightly fuzz list); do \
	    cargo +nightly fuzz run --sanitizer none $$target -- -max_total_time=$(SECONDS_EACH) -timeout=2 -rss_limit_mb=3000 || exit 1; \
	done

.PHONY: description
description: ## Writes docs/openapi.json anew, as the service describes itself.
	UPDATE_DESCRIPTION=1 cargo test --locked --test api description::the_committed_description

.PHONY: release
release: ## Builds the archive of a release for this platform, with its checksum, into dist/.
	@scripts/prerequisites.sh compiler
	scripts/release.sh

.PHONY: images
images: ## Carries out the steps of the images without a container engine, and runs what comes of them; needs root and Debian.
	@scripts/prerequisites.sh compiler images
	cargo build --locked --bin systembruker
	scripts/check-images.py --program target/debug/systembruker

.PHONY: testcontainers
testcontainers: ## Tests the modules for Testcontainers against a sandbox.
	scripts/check-testcontainers.sh

.PHONY: clients
clients: ## Builds and tests the clients, and runs the examples, against a sandbox.
	scripts/check-clients.sh
