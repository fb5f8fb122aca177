# SPDX-License-Identifier: Apache-2.0
#
# make run    a node, a first key, a signature made over PKCS #11 and verified by openssl
# make test   every test
# make bench  speed, side by side with SoftHSM
# make soak   the long runs
# make packages VERSION=1.2.3   deb, rpm and apk
#
# What is missing on the machine is installed by deploy/install-tools (Debian packages); nothing is installed twice.

export CGO_ENABLED := 0
export GOEXPERIMENT := runtimesecret
export GOFIPS140 := v1.0.0
export GOFLAGS := -trimpath -buildvcs=false

GO ?= go

# What the program says of itself: make VERSION=1.2.3
VERSION ?= 0.1
COMMIT ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null)
WIRE := github.com/genbu-hsm/genbu/internal/wire
STAMP = -X $(WIRE).Version=$(VERSION) -X $(WIRE).Commit=$(COMMIT)

D ?= $(HOME)/.genbu/run

.PHONY: all build run test bench packages soak check-c deps generate clean

all: build

build: bin/genbu bin/libgenbu-pkcs11.so

.PHONY: bin/genbu
bin/genbu:
	@mkdir -p bin
	$(GO) build -ldflags '-s -w $(STAMP)' -o bin/genbu ./cmd/genbu

bin/libgenbu-pkcs11.so: $(wildcard pkcs11/*.c pkcs11/*.h pkcs11/*.def)
	@deploy/install-tools build
	@mkdir -p bin
	@echo building libgenbu-pkcs11.so
	@$(MAKE) -s -C pkcs11 --no-print-directory all
	install -m 755 pkcs11/build/libgenbu-pkcs11.so bin/
	install -m 644 pkcs11/build/genbu-pkcs11.pc bin/
	sed 's|^module:.*|module: $(CURDIR)/bin/libgenbu-pkcs11.so|' pkcs11/genbu.module >bin/genbu.module

run: build
	@deploy/install-tools run
	@deploy/first-run $(D)

test: build
	@deploy/install-tools test
	@deploy/test

bench: build
	@deploy/install-tools bench
	@$(GO) run ./bench

# deb, rpm and apk in bin/packages
packages: build
	@deploy/install-tools test
	@$(MAKE) -s -C pkcs11 --no-print-directory CC=musl-gcc BUILD=$(CURDIR)/bin/packages/made/musl all
	cd deploy && $(GO) run ./packages -bin ../bin -version $(VERSION)

soak: build
	@deploy/install-tools test
	@deploy/soak

deps:
	@$(GO) list -deps ./internal/core | awk -F/ '$$1 ~ /\./' | sort >internal/core/deps.txt

generate:
	$(GO) generate ./pkcs11/...

clean:
	rm -rf bin
	$(MAKE) -C pkcs11 clean
