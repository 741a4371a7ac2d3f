"""How deep properties are searched: a few examples each time, many in `make test-long`.

Both are the same examples on every run, so that a change is what makes a test fail. `FRESH_EXAMPLES=1 make
test-long` looks at others.
"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

HERE = Path(__file__).parent

settings.register_profile(
    "fixed",
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
)
# A failure prints the blob that brings its example back; nothing is kept between runs.
settings.register_profile(
    "long",
    settings.get_profile("fixed"),
    max_examples=250,
    derandomize="FRESH_EXAMPLES" not in os.environ,
    print_blob=True,
)


def pytest_configure(config):
    """Choose the depth before the tests are read: `@given` takes it from there."""
    settings.load_profile("long" if searches_long(config) else "fixed")


def pytest_collection_modifyitems(config, items):
    """Let the long run search the same properties again, and not only what is marked long."""
    if searches_long(config):
        for item in items:
            if item.path.is_relative_to(HERE):
                item.add_marker("long")


def searches_long(config) -> bool:
    return config.getoption("markexpr") == "long"


@pytest.fixture(scope="session")
def thorough(request) -> bool:
    """Whether this is the long run: simulations are then repeated more often."""
    return searches_long(request.config)
