# Two commands do everything on a machine with Python 3.10 or newer and make:
#   make demo    the main job, shown without any network once the packages are installed
#   make test    the tests, but for the slow ones (make slow)
# Each makes a virtual environment of its own in this folder and touches no other Python.

PYTHON ?= python3

.PHONY: demo test slow lint snapshot clean

demo:
	@$(PYTHON) scripts/make_venv.py .venv-demo .
	@.venv-demo/bin/modelhub demo

test: .venv-test
	@.venv-test/bin/python -m pytest -n auto --cov --cov-report=term

slow: .venv-test
	@.venv-test/bin/python -m pytest -m slow

lint: .venv-dev
	@.venv-dev/bin/ruff check .
	@.venv-dev/bin/ruff format --check .
	@.venv-dev/bin/mypy

.PHONY: .venv-test .venv-dev
.venv-test:
	@$(PYTHON) scripts/make_venv.py .venv-test ".[test]" --editable
.venv-dev:
	@$(PYTHON) scripts/make_venv.py .venv-dev ".[dev]" --editable

# Needs the archive of real cards (see CONTRIBUTING in README.md).
snapshot: .venv-dev
	.venv-dev/bin/python scripts/build_snapshot.py ../shared/corpus/hub-2024-09.tar.xz

clean:
	rm -rf .venv-demo .venv-test .venv-dev build dist .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache
