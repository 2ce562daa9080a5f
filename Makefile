# mod_amlaps: `make` builds, `make demo` shows, `make check` tests, `make install` installs. Needs GNU make.

BUILD   = build
PREFIX  = /usr
PORT   ?= 8080
WERROR  = -Werror

APXS   := $(shell command -v apxs 2>/dev/null || command -v apxs2 2>/dev/null)
NODE    = node
V       = 0
say     = @$(if $(filter 0,$(V)),printf '  %-5s %s\n' $(1) $@;) $(if $(filter 0,$(V)),,set -x;)

# Macros of httpd and APR are theirs to mend, so their headers are the system's to the compiler.
ifneq ($(APXS),)
APXS_CFLAGS   := $(shell $(APXS) -q CFLAGS) $(shell $(APXS) -q EXTRA_CFLAGS)
APXS_CPPFLAGS := $(shell $(APXS) -q EXTRA_CPPFLAGS) -isystem $(shell $(APXS) -q INCLUDEDIR) \
                 -isystem $(shell $(APXS) -q APR_INCLUDEDIR) -isystem $(shell $(APXS) -q APU_INCLUDEDIR)
LIBEXECDIR    := $(shell $(APXS) -q LIBEXECDIR)
APR_LIBS      := $(shell pkg-config --libs apr-util-1 apr-1 2>/dev/null || echo -laprutil-1 -lapr-1)
endif
PQ_CPPFLAGS := $(patsubst -I%,-isystem %,$(shell pkg-config --cflags-only-I libpq 2>/dev/null))
DATADIR = $(PREFIX)/share/amlaps
HTDOCS  = $(DATADIR)/htdocs

WARNINGS  = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla $(WERROR)
HARDENING = -D_FORTIFY_SOURCE=2 -fstack-clash-protection -fno-strict-overflow -fcf-protection=full
OPTIMIZE  =
ALL_CFLAGS = $(APXS_CFLAGS) -std=c11 -fPIC -fvisibility=hidden $(HARDENING) $(WARNINGS) $(OPTIMIZE) $(CFLAGS)
ALL_CPPFLAGS = -Iinclude $(APXS_CPPFLAGS) $(PQ_CPPFLAGS) -DAMLAPS_HTDOCS='"$(HTDOCS)"' $(CPPFLAGS)
ALL_LDFLAGS = -Wl,-z,relro,-z,now,-z,noexecstack $(LDFLAGS)
LIBS      = -lcurl -ljansson -lcrypto -lsqlite3 $(shell pkg-config --libs libpq 2>/dev/null || echo -lpq) -lpthread

# Every room but src/httpd/ is the library; the tool is its second user.
LIBRARY_SOURCES = $(wildcard src/base/*.c src/policy/*.c src/graph/*.c src/trail/*.c src/notify/*.c src/access/*.c)
TEMPLATES       = $(wildcard conf/notify/*)
MODULE_SOURCES  = mod_amlaps.c $(wildcard src/httpd/*.c) $(BENCH_STORE)
TOOL_SOURCES    = $(wildcard src/tool/*.c)
UNIT_SOURCES    = $(wildcard tests/unit/test_*.c)
UNIT_HELPERS    = $(wildcard tests/unit/*_fake.c)

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
FUZZ_SOURCES    = $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_HELPERS    = tests/fuzz/fuzz.c tests/fuzz/microsoft.c src/httpd/claims.c
UNIT_PROGRAMS = $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(filter-out %_pgsql.c,$(UNIT_SOURCES)))
FUZZ_PROGRAMS = $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ_SOURCES))

.PHONY: all crash demo check check-unit check-pgsql check-fuzz check-lint check-decide check-entra check-system check-page check-browser lighthouse pictures install clean asan valgrind analyze \
        cover mutate bench fuzz FORCE deps-%
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/mod_amlaps.so $(BUILD)/amlaps-audit $(BUILD)/tests/decide

ifeq ($(APXS),)
$(BUILD)/obj/%.o: %.c
	@echo "apxs is missing: install apache2-dev (Debian) or httpd-devel (Fedora), or run make demo, which installs it" >&2; exit 1
else
$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<
endif

# Changes when a source comes or goes, so that an archive or a module never keeps what is no longer there.
$(BUILD)/%.list: FORCE
	@mkdir -p $(@D)
	@echo '$(sort $($*_SOURCES))' | cmp -s - $@ || echo '$(sort $($*_SOURCES))' > $@

# The module holds the page's folder: another PREFIX than that of the build before is another object.
HTDOCS_SOURCES = $(HTDOCS)
$(BUILD)/obj/src/httpd/config.o: $(BUILD)/HTDOCS.list

# The texts of notifications stand in conf/notify alone, where administrators copy them from; the library gets them from there.
$(BUILD)/templates.c: $(TEMPLATES) Makefile
	@mkdir -p $(@D)
	@for file in $(TEMPLATES); do \
	    name=$${file##*/}; printf 'extern const char amlaps_template_%s[];\nconst char amlaps_template_%s[] =\n' "$${name%.*}" "$${name%.*}"; \
	    sed 's/\\/\\\\/g; s/"/\\"/g; s/^/    "/; s/$$/\\n"/' "$$file"; echo '    ;'; done > $@

$(BUILD)/obj/templates.o: $(BUILD)/templates.c
	@mkdir -p $(@D)
	$(call say,CC) $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/libamlaps.a: $(call objects,$(LIBRARY_SOURCES)) $(BUILD)/obj/templates.o $(BUILD)/LIBRARY.list
	@rm -f $@
	$(call say,AR) $(AR) rcs $@ $(filter %.o,$^)

$(BUILD)/mod_amlaps.so: $(call objects,$(MODULE_SOURCES)) $(BUILD)/libamlaps.a $(BUILD)/MODULE.list
	$(call say,LINK) $(CC) -shared $(ALL_CFLAGS) $(ALL_LDFLAGS) -Wl,--exclude-libs,ALL -o $@ $(filter-out %.list,$^) $(LIBS)

$(BUILD)/amlaps-audit: $(call objects,$(TOOL_SOURCES)) $(BUILD)/libamlaps.a $(BUILD)/TOOL.list
	$(call say,LINK) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(filter-out %.list,$^) $(LIBS) $(APR_LIBS)

# Of src/httpd, but without httpd; unit tests link them.
CLAIMS_SOURCES = src/httpd/claims.c src/httpd/claims_keep.c

$(BUILD)/tests/test_%: $(BUILD)/obj/tests/unit/test_%.o $(call objects,$(UNIT_HELPERS) $(CLAIMS_SOURCES)) $(BUILD)/libamlaps.a
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(APR_LIBS) -lcmocka -lm

$(BUILD)/tests/decide: $(call objects,$(wildcard tests/decide/*.c)) $(BUILD)/libamlaps.a
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(APR_LIBS)

# Replayed by make check; make fuzz builds the same without replay.c, and libFuzzer brings the main of its own.
FUZZ_MAIN = tests/fuzz/replay.c
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(call objects,$(FUZZ_HELPERS) $(FUZZ_MAIN)) $(BUILD)/libamlaps.a
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(FUZZ_LINK) -o $@ $^ $(LIBS) $(APR_LIBS)

$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(BUILD)/libamlaps.a
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(APR_LIBS) -lm

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# ---- demo and tests: what they need is installed by one script; a second make then sees the new commands ----

deps-%:
	@sh tests/deps.sh $*

demo: deps-demo
	@$(MAKE) --no-print-directory all
	@exec env PORT=$(PORT) $(NODE) tests/demo.mjs

check: deps-check
	@$(MAKE) --no-print-directory all
	@$(MAKE) --no-print-directory check-lint check-unit check-pgsql check-decide check-entra check-system check-page check-browser

check-lint: $(BUILD)/mod_amlaps.so
	@for lint in tests/lint/*.sh; do sh $$lint || exit 1; done

check-unit: $(UNIT_PROGRAMS) $(BUILD)/amlaps-audit check-fuzz
	@set -e; for test in $(sort $(UNIT_PROGRAMS)); do $$test; done

# The tests of the trail that hold for every store, over PostgreSQL instead of SQLite.
PGSQL_PROGRAMS = $(patsubst %,$(BUILD)/tests/test_trail_%,chain find limits crash queue recover retain seal seam pgsql)
check-pgsql: $(PGSQL_PROGRAMS)
	$(NODE) tests/lib/with-postgres.mjs $(PGSQL_PROGRAMS)

# Every input that ever mattered, through every parser.
check-fuzz: $(FUZZ_PROGRAMS)
	@set -e; for program in $(sort $(FUZZ_PROGRAMS)); do $$program tests/fuzz/corpus/$${program##*/fuzz_}; done

check-decide: $(BUILD)/tests/decide
	$(NODE) --test tests/decide/*.test.mjs

check-entra:
	$(NODE) --test tests/entra/test/*.test.mjs

# Most of the time these wait, for time-outs and for limits to be over.
check-system: all
	$(NODE) --test --test-concurrency=3 tests/system/*.test.mjs

check-page: deps-page
	@sh tests/page/check.sh

# Needs a newer Node than the tests.
lighthouse: deps-lighthouse
	$(NODE) tests/lighthouse/lighthouse.mjs

pictures: deps-demo all
	$(NODE) tests/browser/screenshot.mjs

check-browser: all
	$(NODE) --test --test-concurrency=2 tests/browser/*.test.mjs

# ---- other ways to look at the same code ----

# FORTIFY and sanitizers don't go together.
SANITIZE = -fsanitize=address,undefined -fno-omit-frame-pointer -O1
asan: deps-check
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/asan HARDENING= OPTIMIZE="$(SANITIZE)" check-unit

# Each parser for FUZZ_SECONDS with inputs that libFuzzer invents, beginning with the corpus; what it learns stays in $(BUILD)/fuzz/learned,
# and what breaks a parser in $(BUILD)/fuzz/found: that belongs into the corpus with its mending. FUZZ=token fuzzes one of them.
FUZZ_SECONDS = 60
FUZZ = $(patsubst $(BUILD)/fuzz/fuzz_%,%,$(FUZZ_PROGRAMS))
fuzz: deps-fuzz
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/clang-fuzz CC=clang HARDENING= FUZZ_MAIN= FUZZ_LINK=-fsanitize=fuzzer \
	    OPTIMIZE="-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -O1 -g" \
	    $(patsubst %,$(BUILD)/clang-fuzz/fuzz/fuzz_%,$(FUZZ))
	@mkdir -p $(BUILD)/fuzz/found; broken=; for name in $(FUZZ); do echo "== $$name"; mkdir -p $(BUILD)/fuzz/learned/$$name; \
	    $(BUILD)/clang-fuzz/fuzz/fuzz_$$name -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=2048 -print_final_stats=0 -verbosity=0 \
	        -artifact_prefix=$(BUILD)/fuzz/found/$$name- $(BUILD)/fuzz/learned/$$name tests/fuzz/corpus/$$name || broken="$$broken $$name"; done; \
	    if [ -n "$$broken" ]; then echo "found something:$$broken"; exit 1; fi

valgrind: deps-valgrind
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/valgrind HARDENING= OPTIMIZE="-O1" valgrind-unit

.PHONY: valgrind-unit
valgrind-unit: $(UNIT_PROGRAMS) $(BUILD)/amlaps-audit
	@set -e; for test in $(sort $(UNIT_PROGRAMS)); do \
	    AMLAPS_SLOW=1 valgrind --quiet --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite $$test; done

analyze: deps-analyze
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/analyze CC=gcc OPTIMIZE="-fanalyzer -Wno-analyzer-too-complex" all
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/clang CC=clang HARDENING= all

# A thousand kills at random moments; make check does fifty.
crash: deps-check
	@$(MAKE) --no-print-directory $(BUILD)/tests/test_trail_crash
	@AMLAPS_CRASHES=1000 $(BUILD)/tests/test_trail_crash

cover: deps-cover
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/cover HARDENING= OPTIMIZE="--coverage -O0" UNIT_SOURCES="$(wildcard tests/unit/test_policy_*.c)" FUZZ_SOURCES= check-unit
	@gcovr --root . --object-directory $(BUILD)/cover --filter 'src/policy/' --branches --print-summary --fail-under-branch 100

# Small mistakes in the evaluator, one at a time: each must fail the unit tests.
mutate: deps-check
	$(NODE) tests/decide/mutate.mjs

# What the programs and scripts of a benchmark need beside the module: a fast Graph, slow disks, and a module that keeps no records or nothing
# but their texts.
BENCH_PROGRAMS = $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(filter-out %/graph-server.c %/slow-sync.c %/store_bare.c,$(wildcard tests/bench/*.c)))
BENCH_HELPERS  = $(BUILD)/bench/graph-server $(BUILD)/bench/slow-sync.so

$(BUILD)/bench/slow-sync.so: $(BUILD)/obj/tests/bench/slow-sync.o
	@mkdir -p $(@D)
	$(call say,LINK) $(CC) -shared $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^

bench: deps-bench
	@$(MAKE) --no-print-directory all $(BENCH_PROGRAMS) $(BENCH_HELPERS)
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/off CPPFLAGS=-DAMLAPS_BENCH_STORE_OFF LDFLAGS=-Wl,--wrap=amlaps_sqlite_make \
	    BENCH_STORE=tests/bench/store_bare.c $(BUILD)/off/mod_amlaps.so
	@$(NODE) tests/lib/with-postgres.mjs $(BENCH_PROGRAMS)
	@set -e; for script in tests/bench/*.bench.mjs; do echo "== $$script"; $(NODE) $$script; done

# ---- installing: where apxs puts modules ----

install: all
	install -d $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(DATADIR)/conf $(DESTDIR)$(PREFIX)/share/doc/amlaps
	install -m 0644 $(BUILD)/mod_amlaps.so $(DESTDIR)$(LIBEXECDIR)/mod_amlaps.so
	install -m 0755 $(BUILD)/amlaps-audit $(DESTDIR)$(PREFIX)/sbin/amlaps-audit
	cd htdocs && find . -type f ! -name '*.d.ts' | while read -r file; do install -D -m 0644 "$$file" "$(DESTDIR)$(HTDOCS)/$$file"; done
	cd conf && find . -type f | while read -r file; do install -D -m 0644 "$$file" "$(DESTDIR)$(DATADIR)/conf/$$file"; done
	chmod 0755 "$(DESTDIR)$(DATADIR)/conf/entra/create-apps.sh"
	cd docs && find . -type f | while read -r file; do install -D -m 0644 "$$file" "$(DESTDIR)$(PREFIX)/share/doc/amlaps/$$file"; done

clean:
	rm -rf $(BUILD)
