"""The back ends block and script, end to end: block devices, files that stand for them, and the documented commands with U-Boot's environment."""
import pytest

from backends import Block, Loops, Script, gadget, good_and_bad_images  # noqa: F401
from shop import shop  # noqa: F401


@pytest.mark.parametrize("gadget", [Block, Loops, Script], indirect=True, ids=lambda kind: kind.__name__.lower())
def test_good_and_bad_images(shop, gadget):
    good_and_bad_images(shop, gadget)
