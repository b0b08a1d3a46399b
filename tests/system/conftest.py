"""Fixtures of the system tests. DROVER_BUILD is the build folder to test (meson sets it); by hand: see tests/README.md."""
import contextlib
import os
import pathlib
import shutil
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "deploy"))
sys.path.insert(0, str(ROOT / "tests/fault"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from stack import Stack  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "asan: also run against the build with sanitizers")


@pytest.fixture(scope="session")
def build():
    folder = pathlib.Path(os.environ.get("DROVER_BUILD", ROOT / "build/gcc"))
    if not folder.exists():
        pytest.fail(f"{folder} is not built; set DROVER_BUILD")
    return folder


def sanitizer_reports(stack):
    """The ends of all logs in which a sanitizer spoke; "" when none did."""
    texts = [path.read_text(errors="replace") for path in stack.folder.glob("*.log")]
    return "\n".join(text[-4000:] for text in texts if any(word in text for word in ("AddressSanitizer", "runtime error:", "LeakSanitizer")))


@contextlib.contextmanager
def watched_stack(build, request):
    """An empty stack; what a failed test leaves in its logs is printed, and a word of a sanitizer fails the test."""
    with Stack(build) as stack:
        failed_before = request.session.testsfailed
        yield stack
        if request.session.testsfailed > failed_before or sanitizer_reports(stack):
            for process in stack.processes:
                print(f"--- the end of {process.name}'s log\n{process.log_tail(30)}")
        stack.close(keep_folder=True)
        reports = sanitizer_reports(stack)   # once more: leaks are told at the end
        if stack._own_folder:
            shutil.rmtree(stack.folder, ignore_errors=True)
        assert not reports, f"a sanitizer spoke:\n{reports}"


@pytest.fixture
def stack(build, request):
    with watched_stack(build, request) as stack:
        yield stack


@pytest.fixture(scope="module")
def module_stack(build, request):
    """One for all tests of a file, each of which has devices and a model of its own."""
    with watched_stack(build, request) as stack:
        yield stack


@pytest.fixture
def world(stack, request):
    """A running Drover and a hand for its devices (world.py); what must always hold is checked at the end."""
    from world import World
    world = World(stack, getattr(request, "param", None))
    yield world
    world.check()
    world.hand.close()
