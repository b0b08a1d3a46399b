"""Packages that are made once."""
import pytest
from fetch_world import make


def pytest_configure(config):
    config.addinivalue_line("markers", "asan: also run against the build with sanitizers")


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    return make(tmp_path_factory.mktemp("package"), app=3 << 20)


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    return make(tmp_path_factory.mktemp("small"), app=300000, seed=3)
