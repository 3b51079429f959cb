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

.PHONY: fmt
fmt: ## Formats the code.
	cargo fmt --all

.PHONY: lint
lint: ## Checks format, lints, dependencies, documentation and the committed SQL metadata.
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo clippy --locked --no-default-features -- -D warnings
	cargo xtask dependencies
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --document-private-items
	scripts/check-sql.sh
	scripts/check-description.sh
	cargo deny --locked check bans licenses sources
	scripts/check-locks.sh

.PHONY: bench
bench: ## Measures the policy engine and the decision path, and puts the engine beside others.
	@scripts/prerequisites.sh compiler postgres load
	cargo bench --locked --workspace $(ARGS)
	cargo bench --locked --manifest-path crates/xacml/benches/peers/Cargo.toml $(ARGS)

# make fuzz SECONDS_EACH=600
SECONDS_EACH ?= 60

.PHONY: fuzz
fuzz: ## Fuzzes the policy engine; needs a nightly compiler and cargo-fuzz.
	@crates/xacml/fuzz/seeds.sh
	cd crates/xacml && for target in $$(cargo +nightly fuzz list); do \
	    cargo +nightly fuzz run --sanitizer none $$target -- -max_total_time=$(SECONDS_EACH) -timeout=2 -rss_limit_mb=3000 || exit 1; \
	done

.PHONY: description
description: ## Writes docs/openapi.json anew, as the service describes itself.
	UPDATE_DESCRIPTION=1 cargo test --locked --test api description::the_committed_description
