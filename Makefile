# make demo    try it: a server with a user, a certificate and a mailbox, and one message through it (ONCE=1: then stop)
# make quick   ruff, mypy, unit tests and transcripts, in a minute; no peers
# make test    everything that is checked: ruff, mypy --strict, pytest with real peers; twelve minutes on two processors
# make system  of that, what needs no peers, with the system's Python and libraries, if that is another Python
# make docs    the settings in conf.d and in gsubmit.conf(5), written from their declarations
# make deb     the Debian package: build/deb/gsubmit_VERSION_all.deb
# make bench   CPU per message, measured; make clean undoes all of these

PYTHON ?= python3
SYSTEM_PYTHON := /usr/bin/python3
VENV := .venv
BIN := $(VENV)/bin

# Debian packages of the real programs that tests/peers talks to; libnet-ssleay-perl gives swaks TLS, and redis-tools has
# the program that redis-server would start.
# The first ones make the Debian package and are what it depends on, and systemd runs it.
PEERS := debhelper dh-python pybuild-plugin-pyproject python3-setuptools python3-wheel systemd iproute2
PEERS += python3-argon2 python3-bcrypt python3-click python3-cryptography python3-dnspython python3-gevent python3-jwt
PEERS += python3-passlib python3-prometheus-client python3-redis libfaketime
PEERS += mandoc groff-base man-db postfix swaks libnet-ssleay-perl msmtp neomutt curl gsasl openssl redis-tools dovecot-core dovecot-submissiond dovecot-imapd dovecot-managesieved fail2ban
# Debian allows one mail server and one IMAP server at a time: these are unpacked beside Postfix and Dovecot, with the
# libraries that they need installed. So are haproxy and prometheus, which would be started.
UNPACKED := opensmtpd exim4-daemon-light cyrus-common cyrus-imapd sasl2-bin haproxy prometheus
PEERS += libevent-2.1-7 libpam0g libdb5.3 libgnutls-dane0 libidn12 libnsl2 libpcre2-8-0
PEERS += libcom-err2 libical3 libicu72 libjansson4 libkrb5-3 liblua5.3-0 libpcre3 libpq5 libsasl2-2 libsasl2-modules libsasl2-modules-db
PEERS += libopentracing-c-wrapper0 libsqlite3-0 libwrap0 libxapian30 libxml2

.PHONY: test system quick quick-tests types docs demo deb bench peers installed-peers clean
.DELETE_ON_ERROR:

# Tests run side by side, more groups than processors, for they wait as much as they work; the longest first. Ports and
# files are each process's own. A group leaves out what other groups have of its folders, so `others` has what none has.
transcripts := tests/test_transcripts.py
faults := tests/test_relay_faults.py tests/config tests/architecture
peers := tests/peers
relays := $(wildcard tests/peers/test_relay_*.py)
killed := $(wildcard tests/peers/test_killed_*.py tests/peers/test_sink*.py)
package := tests/peers/test_debian_package.py
clients := $(wildcard tests/peers/test_*clients.py tests/peers/test_*config.py) tests/peers/test_operation.py
unit := tests/unit tests/sieve
net := tests/unit/net tests/unit/burl tests/unit/cli
server := tests/unit/server
relay := tests/unit/relay
logins := tests/unit/auth tests/unit/sasl
others := tests
QUICK := transcripts net server logins unit relay faults
GROUPS := others transcripts peers package relays killed clients unit net faults server logins relay
PATHS := $(foreach group,$(GROUPS),$($(group)))

side-by-side = $(MAKE) --no-print-directory --keep-going --output-sync=target -j$$(expr $(1) '*' $$(nproc))
PYTEST := PATH="$$PATH:/usr/sbin:/sbin" $(BIN)/pytest -p no:cacheprovider
unexport PYTHONDONTWRITEBYTECODE  # each test process, and each server that one starts, would compile everything again

test: $(VENV)/with-tests peers
	@+$(call side-by-side,2) types $(GROUPS:%=test-%) || { echo "make test: what *** names above has failed"; exit 1; }
	@+$(MAKE) --no-print-directory system
	@echo "make test: everything has passed"

# The system's Python where it is another one, with those of its libraries that are new enough, since packages run with
# them: bugs differ from 3.11.2 to 3.11.7, and the libraries are years older.
system:
	@if $(SYSTEM_PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && \
	  [ "$$($(SYSTEM_PYTHON) -V)" != "$$($(BIN)/python -V)" ]; then \
	  echo "=== tests with the system's $$($(SYSTEM_PYTHON) -V)"; \
	  $(MAKE) --no-print-directory PYTHON=$(SYSTEM_PYTHON) VENV=build/system-packages VENV_OPTIONS=--system-site-packages quick-tests; \
	fi

quick-tests: $(VENV)/with-tests
	@+$(call side-by-side,4) $(QUICK:%=quick-%)

quick: $(VENV)/with-tests
	@+$(call side-by-side,4) types $(QUICK:%=quick-%)

types:
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

OF_OTHERS = $(addprefix --ignore=,$(foreach path,$($*),$(filter $(path)/%,$(PATHS))))

$(GROUPS:%=test-%): test-%:
	@echo "=== tests: $*"
	@$(PYTEST) $($*) $(OF_OTHERS)

$(QUICK:%=quick-%): quick-%:
	@echo "=== tests: $*"
	@$(PYTEST) --quick -q $($*) $(OF_OTHERS)

demo: $(VENV)/installed
	$(BIN)/gsubmit serve --demo $(if $(ONCE),--once,--send)

docs: $(VENV)/installed
	$(BIN)/python -m tests.docs

# Made from the sdist, by Debian's own tools: what Build-Depends of debian/control names.
deb:
	rm -rf build/deb && mkdir -p build/deb/source
	/usr/bin/python3 setup.py -q sdist -d build/deb
	tar xzf build/deb/gsubmit-*.tar.gz -C build/deb/source --strip-components 1
	cd build/deb/source && dpkg-buildpackage --build=binary --no-sign

bench: $(VENV)/with-tests peers
	PATH="$$PATH:/usr/sbin:/sbin" $(BIN)/python -m tests.bench

# Debian keeps venv in a package of its own.
$(BIN)/python:
	@if ! $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-venv; \
	  else \
	    echo "$(PYTHON) has no venv: install it first (on Debian: apt-get install python3-venv)" >&2; exit 1; \
	  fi; \
	fi
	$(PYTHON) -m venv $(VENV_OPTIONS) $(VENV)

$(VENV)/installed: setup.py | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/with-tests: setup.py | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $(VENV)/installed $@

# Tests of a peer that is not there are skipped, or fail with CI=true: this never fails itself.
peers: installed-peers $(UNPACKED:%=$(VENV)/peers/%)

installed-peers:
	@missing=; \
	for package in $(PEERS); do \
	  case "$$(dpkg-query -W -f '$${db:Status-Status}' $$package 2>/dev/null)" in installed) ;; *) missing="$$missing $$package";; esac; \
	done; \
	[ -n "$$missing" ] || exit 0; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing the peers that tests need:$$missing"; \
	  apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing && exit 0; \
	fi; \
	echo "***"; echo "*** Peers are missing, and their tests cannot run:$$missing"; echo "***"

$(VENV)/peers/%: | $(BIN)/python installed-peers
	@rm -rf $@.new && mkdir -p $@.new && cd $@.new && echo "Unpacking the peer $*" && \
	{ apt-get download -q -o APT::Sandbox::User=root $* || \
	  { apt-get update -q && apt-get download -q -o APT::Sandbox::User=root $*; }; } && \
	dpkg -x $*_*.deb . && rm $*_*.deb && cd .. && mv $*.new $* || \
	{ rm -rf $(CURDIR)/$@.new; echo "***"; echo "*** A peer cannot be had, and its tests cannot run: $*"; echo "***"; }

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find gsubmit cli tests -name __pycache__ -type d -prune -exec rm -rf {} +
