# SPDX-License-Identifier: Apache-2.0
# One non-recursive makefile. `make help` lists the targets.

VERSION := $(shell cat VERSION)
O       ?= build
DESTDIR ?=
PREFIX  ?= /usr
CC      := $(if $(filter default,$(origin CC)),gcc,$(CC))
CLANG   ?= clang-14
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PKGS    := libbpf libelf libcurl libcjson libmicrohttpd gnutls libsystemd yaml-0.1 libmnl libxdp libcap-ng sqlite3 librabbitmq
CLOUD   ?= minicloud
FUZZ_SECONDS ?= 60
SOAK    ?= 10min
WERROR  ?= -Werror

MAKEFLAGS += --no-builtin-rules
.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

# ---------------------------------------------------------------- public targets

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "  variables: CLOUD=minicloud|sandbox  O=DIR  CC=  DESTDIR=  PREFIX=  SAN=address,undefined  T=PATTERN"

all: programs ## build the programs (packages must be there: make deps)

deps: ## install the missing Debian packages (root)
	@tools/deps all --install

demo: ## run the Doctor scenario and print its time-line (root; CLOUD=sandbox: on a real OpenStack)
	@tools/deps demo --install
	@$(MAKE) --no-print-directory -s $(JOBS) programs
	@tools/demo $(O) $(CLOUD)

check: ## run all tests: unit, fuzz, prog, net, the kernel's part on 6.1 in qemu, the page in Chromium, the scenario on both clouds, and the packages (root)
	@tools/deps check --install
	@$(MAKE) --no-print-directory -s $(JOBS) programs tests fuzzers
	@tests/run $(O) $(if $(T),$(T))

check-unit: ## run the unit tests only (no root needed)
	@tools/deps all
	@$(MAKE) --no-print-directory -s $(JOBS) programs tests
	@tests/run $(O) unit

check-vm: ## run prog, net and guest tests on 5.10, 6.1, 6.12 and the newest kernel in qemu, and 50 pauses of each kind (root)
	@tools/deps check --install
	@$(MAKE) --no-print-directory -s $(JOBS) programs tests
	@DOCTOR_VM_KERNELS="5.10 6.1 6.12 newest" DOCTOR_VM_PAUSES=50 tests/run $(O) $(or $(T),vm)

bench: ## measure the monitor beside its peers; B=detect|quiet|cost|rate|kernel for one of these, BENCH_OPTS= (root)
	@tools/deps bench --install
	@$(MAKE) --no-print-directory -s $(JOBS) programs
	@$(O)/bin/doctor-bench $(B) --json $(O)/bench.json $(BENCH_OPTS)

bench-cloud: ## measure the inspector on a real OpenStack and on minicloud; B=sandbox|minicloud for one, BENCH_OPTS= (root)
	@tools/deps demo --install
	@$(MAKE) --no-print-directory -s $(JOBS) programs
	@$(O)/bin/doctor-cloud-bench --check $(B) $(BENCH_OPTS)
	@$(if $(filter minicloud,$(B)),,tools/sandbox/with )$(O)/bin/doctor-cloud-bench $(B) --json $(O)/bench-cloud.json $(BENCH_OPTS)

soak: ## let 200 hosts die and come back at random for SOAK=10min while the cloud fails, and see what is missed or grows (root)
	@tools/deps demo --install
	@$(MAKE) --no-print-directory -s $(JOBS) programs
	@$(O)/bin/doctor-soak --time $(SOAK) --json $(O)/soak.json $(SOAK_OPTS)

fuzz: ## fuzz what reads bytes from outside; FUZZ=TARGET for one, FUZZ_SECONDS=60 for all, FUZZ_MERGE=1 keeps what is new
	@tools/deps all
	@$(MAKE) --no-print-directory -s $(JOBS) fuzzers
	@tests/fuzz/run $(O) $(FUZZ_SECONDS) $(FUZZ)

lint: ## formatting, compiler warnings of clang, static analysis, shell scripts (where the tools are there)
	@tools/lint $(O)

deb: ## build the Debian packages into $(O)/deb (root, to install what that takes)
	@tools/deps deb --install
	@tools/deb $(O)

check-deb: ## build the packages, let lintian see them, and install, run, upgrade and purge them on a copy of this system (root)
	@tools/deps deb --install
	@tests/run $(O) deb

clean: ## remove what was built
	rm -rf $(O)

.PHONY: help all deps demo check check-unit check-vm bench bench-cloud soak fuzz lint deb check-deb clean install man programs tests fuzzers fuzz-targets
JOBS := -j$(shell nproc)

# ---------------------------------------------------------------- flags

ifneq ($(filter-out help deps clean deb check-deb demo check check-unit check-vm bench bench-cloud soak fuzz fuzzers lint,$(or $(MAKECMDGOALS),all)),)
ifneq ($(shell tools/deps $(or $(if $(filter tests fuzz-targets,$(MAKECMDGOALS)),all),$(if $(filter install man,$(MAKECMDGOALS)),install),build) >&2 || echo missing),)
$(error packages are missing, see above)
endif
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS))
endif

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla \
	-Wno-unused-parameter $(WERROR)
HARDEN := -fstack-protector-strong -fPIE -D_FORTIFY_SOURCE=2 -fno-strict-aliasing
SAN ?=
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu17 $(CFLAGS) $(WARN) $(HARDEN) -D_GNU_SOURCE -DDR_VERSION='"$(VERSION)"' \
	-Iinclude -I. -I$(O)/gen $(PKG_CFLAGS) $(if $(SAN),-fsanitize=$(SAN) -U_FORTIFY_SOURCE)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now,--as-needed $(LDFLAGS) $(if $(SAN),-fsanitize=$(SAN))
LIBS := -lpthread

# UAPI headers of this architecture, for clang's bpf target
BPF_CFLAGS := -O2 -g -target bpf -mcpu=v3 -Wall -Wextra -Wno-unused-parameter $(WERROR) -Iinclude -I. \
	-idirafter /usr/include/$(shell gcc -print-multiarch 2>/dev/null)

# ---------------------------------------------------------------- what is built from what

src = $(filter-out %.bpf.c,$(sort $(wildcard $(1)/*.c)))
obj = $(patsubst %.c,$(O)/obj/%.o,$(1))

LIB_SRC   := $(call src,lib/base) $(call src,lib/io) $(call src,lib/cloud)
LIB_LIBS  := -lcurl -lcjson -lmicrohttpd -lgnutls -lsystemd -lyaml -lsqlite3 -lrabbitmq
LIBDOCTOR := $(O)/lib/libdoctor.a

# program NAME, DIR, more libraries: DIR/main.c composes it, the rest is a library that tests link too
define program
$(2)_SRC  := $$(call src,$(2))
$(O)/lib/$(notdir $(2)).a: $$(call obj,$$(filter-out $(2)/main.c,$$($(2)_SRC)))
	@mkdir -p $$(@D) && rm -f $$@ && ar rcs $$@ $$^
$(O)/bin/$(1): $(O)/obj/$(2)/main.o $(O)/lib/$(notdir $(2)).a $(LIBDOCTOR)
	@mkdir -p $$(@D)
	@echo "  LD      $$@"
	@$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $(3) $(LIB_LIBS) $(LIBS)
PROGRAMS += $(O)/bin/$(1)
PROGRAM_LIBS += $(O)/lib/$(notdir $(2)).a
ALL_SRC += $$($(2)_SRC)
endef

ALL_SRC := $(LIB_SRC)
$(eval $(call program,doctor-monitor,user,-lxdp -lbpf -lelf -lz -lmnl -lcap-ng))
$(eval $(call program,doctor-inspector,inspector,-lm))
$(eval $(call program,doctor-consumer,consumer))
$(eval $(call program,doctorctl,tools/ctl,$$(LIBDOCTOR) -lbpf -lelf -lz -lm))
$(O)/bin/doctorctl: $(O)/lib/user.a $(O)/lib/inspector.a
$(eval $(call program,minicloud,tools/minicloud))
$(eval $(call program,doctor-test,tools/scenario))
$(eval $(call program,doctor-bench,tools/bench,$$(LIBDOCTOR) -lbpf -lelf -lz -lm))
$(O)/bin/doctor-bench: $(O)/lib/scenario.a
$(eval $(call program,doctor-cloud-bench,tools/cloudbench,$$(LIBDOCTOR) -lm))
$(O)/bin/doctor-cloud-bench: $(O)/lib/bench.a $(O)/lib/scenario.a
$(eval $(call program,doctor-soak,tools/soak,$$(LIBDOCTOR) -lbpf -lelf -lz -lm))
$(O)/bin/doctor-soak: $(O)/lib/cloudbench.a $(O)/lib/bench.a $(O)/lib/scenario.a

BPF_SRC := $(sort $(wildcard bpf/*.bpf.c))
SKELS   := $(patsubst bpf/%.bpf.c,$(O)/gen/%.skel.h,$(BPF_SRC))

# a test program is one file tests/LAYER/test_*.c; other files of that folder are shared by its tests
TEST_LAYERS := unit prog net guest vm faults cloud
TEST_SRC    := $(foreach l,$(TEST_LAYERS),$(sort $(wildcard tests/$(l)/test_*.c)))
TEST_SHARED := $(filter-out $(TEST_SRC),$(foreach l,. $(TEST_LAYERS),$(wildcard tests/$(l)/*.c)))
TESTS       := $(patsubst tests/%.c,$(O)/tests/%,$(TEST_SRC))
ALL_SRC     += $(TEST_SRC) $(TEST_SHARED)

# a fuzz target is one file tests/fuzz/fuzz_*.c; all that it links is built for it below $(O)/fuzz; other files
# of that folder stand in place of a file of lib/io
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
ALL_SRC  += $(wildcard tests/fuzz/*.c)

programs: $(PROGRAMS)
tests: $(TESTS)

$(LIBDOCTOR): $(call obj,$(LIB_SRC))
	@mkdir -p $(@D) && rm -f $@ && ar rcs $@ $^

$(O)/obj/%.o: %.c Makefile VERSION
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/bpf/%.bpf.o: bpf/%.bpf.c Makefile
	@mkdir -p $(@D)
	@echo "  CLANG   $<"
	@$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/bpf/%.bpf.o: tools/bench/%.bpf.c Makefile
	@mkdir -p $(@D)
	@echo "  CLANG   $<"
	@$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

$(O)/gen/%.skel.h: $(O)/bpf/%.bpf.o
	@mkdir -p $(@D)
	@$(BPFTOOL) gen skeleton $< name dr_$*_bpf >$@

# only libbpf's files of a program and tests of theirs include a skeleton
$(call obj,$(wildcard user/bpf*.c tests/prog/*.c tests/net/*.c tests/guest/*.c tools/bench/kernel.c)): $(SKELS)
$(call obj,tools/bench/kernel.c): $(O)/gen/echo.skel.h

# which assembles the page into itself
$(call obj,inspector/page.c): $(wildcard inspector/page/*)

$(O)/lib/tests.a: $(call obj,$(TEST_SHARED))
	@mkdir -p $(@D) && rm -f $@ && ar rcs $@ $^

$(O)/tests/%: $(O)/obj/tests/%.o $(O)/lib/tests.a $(PROGRAM_LIBS) $(LIBDOCTOR)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
		-lxdp -lbpf -lelf -lz -lmnl -lcap-ng -lcmocka $(LIB_LIBS) $(LIBS) -lm

fuzzers:
	@$(MAKE) --no-print-directory O=$(O)/fuzz CC=$(CLANG) SAN=fuzzer-no-link,address,undefined \
		CFLAGS="-O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all" fuzz-targets

fuzz-targets: $(patsubst tests/fuzz/%.c,$(O)/%,$(FUZZ_SRC))

$(O)/fuzz_request $(O)/fuzz_north: $(O)/obj/tests/fuzz/exchange.o
$(O)/fuzz_north $(O)/fuzz_redfish: $(O)/obj/tests/fuzz/client.o

$(O)/fuzz_%: $(O)/obj/tests/fuzz/fuzz_%.o $(O)/lib/inspector.a $(O)/lib/consumer.a $(O)/lib/user.a $(LIBDOCTOR)
	@echo "  LD      $@"
	@$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) \
		-Wl,--end-group -lxdp -lbpf -lelf -lz -lmnl -lcap-ng $(LIB_LIBS) $(LIBS) -lm

# a page of each configuration is made of its sample, which explains every setting
CONFIGS := $(filter-out etc/doctor-monitor-compute.yaml,$(wildcard etc/*.yaml))
MAN := $(patsubst man/%.scd,$(O)/man/%,$(wildcard man/*.scd)) $(patsubst etc/%,$(O)/man/%.5,$(CONFIGS))
man: $(MAN) ## build the man pages (Debian package scdoc)

$(O)/man/%.yaml.5: etc/%.yaml tools/man5
	@mkdir -p $(@D)
	@tools/man5 $< | scdoc >$@

$(O)/man/%: man/%.scd
	@mkdir -p $(@D)
	@scdoc <$< >$@

# Below $(DESTDIR), programs and what belongs to them below $(PREFIX); the configuration is in /etc in any case, and one
# that is there stays.
TO := $(DESTDIR)$(PREFIX)
DOC := share/doc/doctor-tools
# where zsh looks
ZSHDIR := share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
# FILE, TO: of commands of the shell; what it names of ours below /usr is below $(PREFIX)
put = sed 's|/usr/share/doc/|$(PREFIX)/share/doc/|g; s|^ExecStart=/usr/|ExecStart=$(PREFIX)/|' $(1) >$(2) && chmod 644 $(2)
install: programs man ## install the programs and what belongs to them below $(DESTDIR)$(PREFIX)
	install -d $(TO)/sbin $(TO)/bin $(DESTDIR)/etc/doctor $(TO)/share/doc/doctor/examples
	install -m 755 $(addprefix $(O)/bin/,doctor-monitor doctor-inspector doctor-consumer) $(TO)/sbin/
	install -m 755 $(addprefix $(O)/bin/,doctorctl doctor-test minicloud) $(TO)/bin/
	for f in etc/*.yaml; do $(call put,$$f,$(TO)/share/doc/doctor/examples/$${f##*/}) || exit 1; done
	for f in $(CONFIGS); do to=$(DESTDIR)/etc/doctor/$${f#etc/}; [ -e $$to ] || { $(call put,$$f,$$to); } || exit 1; done
	install -d $(TO)/share/man/man1 $(TO)/share/man/man5 $(TO)/share/man/man8
	for f in $(MAN); do $(call put,$$f,$(TO)/share/man/man$${f##*.}/$${f##*/}) || exit 1; done
	install -d $(TO)/$(DOC)/docs
	install -m 644 README.md $(TO)/$(DOC)/
	install -m 644 tools/minicloud/README.md $(TO)/$(DOC)/minicloud.md
	install -m 644 docs/* $(TO)/$(DOC)/docs/
	install -d $(TO)/lib/systemd/system $(TO)/lib/sysusers.d $(TO)/lib/tmpfiles.d
	for f in packaging/systemd/*.service; do $(call put,$$f,$(TO)/lib/systemd/system/$${f##*/}) || exit 1; done
	install -m 644 packaging/sysusers/*.conf $(TO)/lib/sysusers.d/
	install -m 644 packaging/tmpfiles/*.conf $(TO)/lib/tmpfiles.d/
	install -d $(TO)/share/doctor/grafana $(TO)/share/doctor/prometheus
	install -m 644 etc/grafana/*.json $(TO)/share/doctor/grafana/
	install -m 644 etc/prometheus/*.yml $(TO)/share/doctor/prometheus/
	install -d $(TO)/share/bash-completion/completions $(TO)/$(ZSHDIR)
	$(O)/bin/doctorctl completion bash >$(TO)/share/bash-completion/completions/doctorctl
	$(O)/bin/doctorctl completion zsh >$(TO)/$(ZSHDIR)/_doctorctl
	chmod 644 $(TO)/share/bash-completion/completions/doctorctl $(TO)/$(ZSHDIR)/_doctorctl

.SECONDARY:
-include $(patsubst %.c,$(O)/obj/%.d,$(ALL_SRC)) $(patsubst %.bpf.c,$(O)/bpf/%.bpf.d,$(notdir $(BPF_SRC)) echo.bpf.c)
