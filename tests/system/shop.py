"""A running Drover with gadgets (gadget.py) as its fleet, and what must hold when a test is over."""
import pytest

from fleet import FAST, check_aggregates, check_histories
from gadget import Gadget, image
from stack import wait_until

WAIT_S = 60
BEGUN = ("dispatched", "acknowledged", "downloading", "installing", "verifying", "succeeded")
SERVER = {**FAST, "release.delta_from": 0, "flow.pending_ms": 200, "flow.retry_base_ms": 50, "flow.retry_cap_ms": 200, "flow.acknowledge_ms": 2000}


class Shop:
    """A running Drover and its gadgets."""

    def __init__(self, stack, settings, broker=""):
        self.stack, self.gadgets = stack, []
        stack.start_redis()
        stack.start_broker(broker)
        stack.start_droverd(settings={**SERVER, **settings})
        self.store = stack.redis()

    def gadget(self, name, kind=Gadget, **options):
        gadget = kind(self.stack, name, **options)
        self.gadgets.append(gadget)
        wait_until(lambda: gadget.check() or self.store.hget(f"drover:v1:device:{name}", "version") == "1.0.0", WAIT_S, f"{name} to be known")
        return gadget

    def release(self, version, word="GOOD", size=200_000, model="gear", content=None, **signing):
        content = content or image(word, version, size)
        self.stack.drover("release", "add", self.stack.package(model, version, image=content, **signing), "-q")
        return content

    def rollout(self, version, *options, model="gear"):
        return self.stack.drover("rollout", "start", model, version, "--soak", "0s", "--confirmations", "1", "--error-budget", "100", "--supersede", "-o", "name", *options).stdout.strip()

    def wait_state(self, gadget, *states, version=None, seconds=WAIT_S):
        def there():
            gadget.check()
            upgrade = gadget.upgrade()
            return upgrade.get("state") in states and version in (None, upgrade["version"])
        try:
            wait_until(there, seconds, f"{gadget.name} to be {states}")
        except Exception:
            print(f"--- {gadget.name}: {gadget.upgrade()}\n{gadget.log()[-6000:]}")
            raise

    def good_update(self, gadget, version):
        """After whatever happened the next good update works as ever."""
        content = self.release(version, model=gadget.model)
        self.rollout(version, model=gadget.model)
        self.wait_state(gadget, "succeeded", version=version)
        assert gadget.version() == version and gadget.image() == content
        return content

    def close(self):
        for gadget in self.gadgets:
            gadget.switch_off()
        for gadget in self.gadgets:
            gadget.stop()
            gadget.check()


@pytest.fixture
def shop(stack, request):
    shop = Shop(stack, getattr(request, "param", {}))
    yield shop
    shop.close()
    check_aggregates(shop.store)
    check_histories(shop.store)
