"""Runs one Python test file as one meson test: pytest_file.py NAME FILE. Leaves <build>/junit/NAME.xml for tests/run.py.

DROVER_BUILD is the build folder (set by meson.build). DROVER_PYTEST_MARK limits the run to tests with that mark, as the
sanitizer build does; a file without such tests is skipped (exit 77).
"""
import os
import pathlib
import sys

import pytest

NO_TESTS, SKIPPED = 5, 77


def main(name, path):
    build = pathlib.Path(os.environ["DROVER_BUILD"])
    (build / "junit").mkdir(exist_ok=True)
    report = build / "junit" / f"{name}.xml"
    arguments = ["-o", "markers=asan: also run against the build with sanitizers", "-p", "no:cacheprovider", "-q", "-ra", "--tb=short", f"--junitxml={report}", path]
    mark = os.environ.get("DROVER_PYTEST_MARK")
    if mark:
        arguments += ["-m", mark]
    status = pytest.main(arguments)
    if status == NO_TESTS and mark:
        report.unlink(missing_ok=True)
        return SKIPPED
    return int(status)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
