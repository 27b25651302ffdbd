# The two commands of a newcomer: `make demo` and `make test`. Each installs what is missing first (tests/cluster/setup.sh).
#
# PG         the version of PostgreSQL to build for and install into: 17 (default: Debian's newest server, else the pg_config on PATH)
# PG_CONFIG  the same by its pg_config, wherever it is
# PROFILE    release (default) or dev
# ONLY       make bench: the one bar to run (a name, or the beginning of names up to a dash or dot)
SHELL := /bin/bash
PROFILE ?= release
ONLY ?=

# Found when first used, not when this file is read: `make test` may install the server on its way.
# What was given is passed on by hand: make before 4.4 exports nothing to $(shell).
pg_config = $(shell PG="$(PG)" PG_CONFIG="$(PG_CONFIG)" tests/cluster/pg_config.sh)
feature = pg$(shell "$(pg_config)" --version | sed -E 's/^PostgreSQL ([0-9]+).*/\1/')
library = $(or $(CARGO_TARGET_DIR),target)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))/libpg_affinity.so
pkglibdir = $(DESTDIR)$(shell "$(pg_config)" --pkglibdir)
extension = $(DESTDIR)$(shell "$(pg_config)" --sharedir)/extension
as_root = $(if $(DESTDIR),,$(shell test -w "$(pkglibdir)" -a -w "$(extension)" || echo sudo))
export PG PG_CONFIG ONLY

.PHONY: build setup install check audit test smoke test-ops deb try-deb demo psql bench licences advisories clean

build:
	PGRX_PG_CONFIG_PATH="$(pg_config)" cargo build --profile $(PROFILE) --lib --features $(feature)

setup:
	@tests/cluster/setup.sh

# A rename, never a copy over the old library: overwriting a file that is mapped by a running backend crashes it.
install: build
	$(as_root) install -D -m 755 $(library) "$(pkglibdir)/pg_affinity.so.new"
	$(as_root) mv -f "$(pkglibdir)/pg_affinity.so.new" "$(pkglibdir)/pg_affinity.so"
	$(as_root) install -d "$(extension)"
	$(as_root) install -m 644 pg_affinity.control sql/pg_affinity--*.sql "$(extension)/"

check: setup
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	PGRX_PG_CONFIG_PATH="$(pg_config)" cargo clippy --all-targets --features $(feature) -- -D warnings

# `make advisories` where the database can be reached, and aloud that it is not looked at where it cannot.
audit:
	@if timeout 20 git ls-remote $(ADVISORIES) HEAD >/dev/null 2>&1; then $(MAKE) --no-print-directory advisories; \
	else echo "[advisories] skipped: $(ADVISORIES) cannot be reached" >&2; fi

# Engine, SQL chapters, signatures, README: one run of cargo on a cluster of its own, which is deleted at the end.
test: check audit
	@$(MAKE) --no-print-directory install
	@set -o pipefail; mkdir -p target; \
	tests/cluster/with.sh --fresh test env AFFINITY_LIBRARY="$(abspath $(library))" cargo test --features signatures --no-fail-fast \
	  | tee target/test.log; status=$$?; \
	awk '/^test result:/ {p += $$4; f += $$6; i += $$8} END {printf "%d passed, %d failed, %d ignored\n", p, f, i}' target/test.log; exit $$status

# Less than `test`, of a server beside the one that is tested whole: the SQL face, upgrades, cancels, no stale answer.
smoke: setup
	@$(MAKE) --no-print-directory install
	@tests/cluster/with.sh --fresh smoke env AFFINITY_LIBRARY="$(abspath $(library))" cargo test --features signatures --no-fail-fast \
	  --test sql --test signatures --test reference --test upgrade --test sessions --test stale --test roads

# The drivers that programs use. They are installed first, those that can be; not part of `make test`, which runs them only where they are there already.
test-ops: setup
	@$(MAKE) --no-print-directory install
	@tests/drivers/setup.sh
	@tests/cluster/with.sh --fresh test cargo test --features signatures --test drivers -- --nocapture
	@tests/cluster/with.sh --fresh ops env AFFINITY_OPS=$${AFFINITY_OPS:-200} cargo test --features signatures --test ops -- --nocapture

# A Debian package for the server that PG names, into target/; `try-deb` tries it in a Debian that holds nothing else (SUITE: that which has the server).
deb: setup
	@packaging/deb.sh

SUITE ?= $(if $(filter pg17,$(feature)),trixie,$(if $(filter pg18,$(feature)),forky,bookworm))
try-deb: setup
	@deb=$$(packaging/deb.sh) && packaging/try.sh $(SUITE) "$$deb"

demo: setup
	@$(MAKE) --no-print-directory install
	@tests/cluster/with.sh demo tests/demo/run.sh

psql:
	@$(MAKE) --no-print-directory setup install >&2 </dev/null
	@tests/cluster/with.sh demo tests/demo/psql.sh

# A folder of its own for the bars: cargo gives a cdylib one place whatever its features, and would compile the library twice each time.
bench: setup
	@$(MAKE) --no-print-directory install
	@benches/peers/setup.sh
	@tests/cluster/with.sh --fresh bench sh -c 'AFFINITY_BENCH="$$AFFINITY_TEST" cargo bench -q --target-dir $(or $(CARGO_TARGET_DIR),target)/bars --bench bars'

# THIRD_PARTY.md, which goes with a binary, from the packages of Cargo.lock; `make test` fails where it is not in step.
licences:
	WRITE_THIRD_PARTY=1 cargo test -q --test licences

# Faults that are known of the packages, and versions that were withdrawn. `make test` does it too, where the database of RustSec can be reached; cargo-audit is
# installed first where it is missing, which takes minutes.
ADVISORIES := https://github.com/RustSec/advisory-db
advisories:
	@cargo audit --version >/dev/null 2>&1 || cargo install -q --locked cargo-audit
	cargo audit --deny yanked --deny unsound

clean:
	-tests/cluster/stop.sh demo --remove
	cargo clean
