# Two commands do all the set-up: `make demo` runs the main job, `make test` passes the tests.
# PYTHON=python3.12 picks an interpreter; ARGS="--once" is handed to `beffroi demo` or to pytest.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
PIP = .venv/bin/python -m pip --disable-pip-version-check
LOCK = uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-emit-find-links --python-version 3.11 --group build

# Kept, else each of many processes compiles all of the code again, and each test process its tests.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test check soak pages lock clean

demo: .venv/.installed            ## run the main job, then serve it (ARGS="--once": do not serve)
	.venv/bin/beffroi demo $(ARGS)

test: .venv/.dev                  ## every test, with the real servers that they need
	.venv/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

check: .venv/.dev                 ## style and strict types
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

soak: .venv/.dev                  ## the long campaigns, of which `make test` runs a short form (BEFFROI_SOAK: how long)
	BEFFROI_SOAK=$${BEFFROI_SOAK:-300} .venv/bin/python -m pytest -m soak --timeout 7200 $(ARGS)

pages: .venv/.dev                 ## write the generated pages of docs/ anew
	.venv/bin/python -m tools.make_pages

lock:                             ## renew the lock files (needs uv)
	$(LOCK) --upgrade pyproject.toml -o requirements.lock
	$(LOCK) --upgrade --group dev pyproject.toml -o requirements-dev.lock

clean:                            ## remove what the above made
	rm -rf .venv .beffroi .cache

.venv/.installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Beffroi needs Python 3.11, 3.12 or 3.13: say which with PYTHON=…" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) install -q --require-hashes -r requirements.lock
	$(PIP) install -q --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev: .venv/.installed requirements-dev.lock
	$(PIP) install -q --require-hashes -r requirements-dev.lock
	@touch $@
