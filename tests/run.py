"""Builds Drover in its test configurations, runs the suites, and counts what really ran (called by tests/run).

A C test program counts as one test; a Python test file counts each of its tests, read from the JUnit file that
tests/pytest_file.py leaves in the build folder.
"""
import json
import os
import pathlib
import subprocess
import sys
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
ALL_SUITES = ["docs", "unit", "flow", "scripts", "fuzz", "cross", "system"]

SANITIZED = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1:detect_stack_use_after_return=1",
             "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1", "DROVER_PYTEST_MARK": "asan"}
# name: compiler, meson options, what to build (nothing: all), environment of the tests, suites. Sanitizers run what they can in
# reasonable time; the system tests marked `asan` run again with a sanitized droverd. `fuzz` searches with libFuzzer for a fixed time.
CONFIGURATIONS = {
    "gcc": ("gcc", ["-Dbuildtype=debugoptimized"], [], {}, ALL_SUITES),
    "asan": ("clang", ["-Dbuildtype=debugoptimized", "-Db_sanitize=address,undefined"], [],
             SANITIZED, ["unit", "flow", "fuzz", "system"]),
    "tsan": ("gcc", ["-Dbuildtype=debugoptimized", "-Db_sanitize=thread"], [],
             {"TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1"}, ["threads"]),
    "fuzz": ("clang", ["-Dbuildtype=debugoptimized", "-Db_sanitize=address,undefined", "-Dfuzzing=true"], ["fuzzers"],
             SANITIZED, ["fuzz"]),
}


class Counts:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.failures = []

    def add(self, outcome, name):
        if outcome == "passed":
            self.passed += 1
        elif outcome == "skipped":
            self.skipped += 1
        else:
            self.failed += 1
            self.failures.append(name)


def run(arguments, environment=None, **options):
    return subprocess.run([str(argument) for argument in arguments], env={**os.environ, **(environment or {})},
                          stdin=subprocess.DEVNULL, **options)


def build(name, counts):
    compiler, options, targets, _, _ = CONFIGURATIONS[name]
    folder = BUILD / name
    log = BUILD / f"{name}.build.log"
    BUILD.mkdir(exist_ok=True)
    with open(log, "wb") as out:
        done = None
        if not (folder / "build.ninja").exists():
            done = run(["meson", "setup", folder, ROOT, "-Dtests=true", *options], {"CC": compiler}, stdout=out, stderr=out)
        if done is None or done.returncode == 0:
            done = run(["ninja", "-C", folder, *targets], stdout=out, stderr=out)
    if done.returncode != 0:
        print(log.read_text(errors="replace")[-6000:])
        counts.add("failed", f"{name}: build")
        return False
    return True


def junit_outcomes(path):
    for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        if case.find("failure") is not None or case.find("error") is not None:
            yield "failed", name
        elif case.find("skipped") is not None:
            yield "skipped", name
        else:
            yield "passed", name


def side_by_side(suites):
    """What computes runs two at a time; system tests mostly wait for devices' clocks, so four of them do."""
    waiting = [suite for suite in suites if suite == "system"]
    computing = [suite for suite in suites if suite != "system"]
    return [(together, processes) for together, processes in ((computing, 2), (waiting, 4)) if together]


def meson_test(folder, suites, processes, environment):
    """Runs suites with meson; returns its records, one a test."""
    log = folder / "meson-logs" / "testlog.json"
    log.unlink(missing_ok=True)
    arguments = ["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", "--logbase", "testlog", "--num-processes", processes]
    for suite in suites:
        arguments += ["--suite", suite]
    run(arguments, environment)
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def test(name, suites, counts):
    """Runs the suites of one build; returns nothing, adds to counts."""
    folder = BUILD / name
    environment = CONFIGURATIONS[name][3]
    junit = folder / "junit"
    junit.mkdir(exist_ok=True)
    for old in junit.glob("*.xml"):
        old.unlink()
    started = time.monotonic()
    records = []
    for together, processes in side_by_side(suites):
        records += meson_test(folder, together, processes, environment)
    outcomes = {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}
    if not records:
        counts.add("failed", f"{name}: no test ran in {' '.join(suites)}")
    for record in records:
        short = record["name"].split(" / ")[-1].strip()
        report = junit / f"{short}.xml"
        outcome = outcomes.get(record["result"], "failed")
        if report.exists():
            inner = list(junit_outcomes(report))
            for inner_outcome, inner_name in inner:
                counts.add(inner_outcome, f"{name}: {inner_name}")
            if outcome == "failed" and not any(inner_outcome == "failed" for inner_outcome, _ in inner):
                counts.add("failed", f"{name}: {short} ({record['result']})")
        else:
            counts.add(outcome, f"{name}: {short} ({record['result']})")
    print(f"--- {name} {' '.join(suites)}: {time.monotonic() - started:.0f} s", flush=True)


def main(words):
    counts = Counts()
    plan = {name: suites for name, (*_, suites) in CONFIGURATIONS.items()}
    if words == ["quick"]:
        plan = {"gcc": [suite for suite in ALL_SUITES if suite not in ("cross", "system")]}
    elif words:
        unknown = [word for word in words if word not in ALL_SUITES]
        if unknown:
            sys.exit(f"tests/run: no suite called {unknown[0]}; there are: {' '.join(ALL_SUITES)}")
        plan = {"gcc": words}
    for name, suites in plan.items():
        started = time.monotonic()
        if build(name, counts):
            print(f"--- {name}: built in {time.monotonic() - started:.0f} s", flush=True)
            test(name, suites, counts)
    for failure in counts.failures:
        print(f"FAILED {failure}")
    print(f"{counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped", flush=True)
    return 1 if counts.failed or not counts.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
