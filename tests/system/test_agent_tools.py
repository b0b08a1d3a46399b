"""The back ends rauc and swupdate, end to end, with the real RAUC and the real SWUpdate."""
import pytest

from backends import Rauc, SwUpdate, gadget, good_and_bad_images  # noqa: F401
from shop import shop  # noqa: F401


@pytest.mark.parametrize("gadget", [Rauc, SwUpdate], indirect=True, ids=lambda kind: kind.__name__.lower())
def test_good_and_bad_images(shop, gadget):
    good_and_bad_images(shop, gadget)


@pytest.mark.parametrize("gadget", [Rauc], indirect=True, ids=["rauc"])
def test_what_rauc_refuses(shop, gadget):
    gadget.update(shop, "1.1.0", state="failed", wrapped=gadget.wrap(b"GOOD 1.1.0\n", "1.1.0", compatible="toaster"))
    assert gadget.upgrade()["error"] == "E_INCOMPATIBLE" and "Compatible mismatch" in gadget.log(), gadget.upgrade()
    bundle = bytearray(gadget.wrap(b"GOOD 1.2.0\n", "1.2.0"))
    bundle[100] ^= 1
    gadget.update(shop, "1.2.0", state="failed", wrapped=bytes(bundle))
    assert gadget.upgrade()["error"] == "E_INSTALL" and gadget.version() == "1.0.0", gadget.upgrade()
    gadget.update(shop, "1.3.0")


@pytest.mark.parametrize("gadget", [SwUpdate], indirect=True, ids=["swupdate"])
def test_what_swupdate_refuses(shop, gadget):
    gadget.update(shop, "1.1.0", state="failed", wrapped=gadget.wrap(b"GOOD 1.1.0\n", "1.1.0", hardware="7.0"))
    assert gadget.upgrade()["error"] == "E_INCOMPATIBLE" and "SW not compatible with hardware\"" in gadget.log(), gadget.upgrade()
    content = b"GOOD 1.2.0\n" * 1000
    swu = gadget.wrap(content, "1.2.0").replace(b"GOOD 1.2.0\n", b"EVIL 1.2.0\n")
    gadget.update(shop, "1.2.0", state="failed", wrapped=swu)
    assert gadget.upgrade()["error"] == "E_INSTALL" and gadget.version() == "1.0.0", gadget.upgrade()
    gadget.update(shop, "1.3.0")
