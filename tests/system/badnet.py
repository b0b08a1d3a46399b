"""Real agents behind a bad network: one droverd for all tests of a file, its HTTP address behind a mirror (mirror.py) behind a proxy (faulty_proxy.py), and
more proxies before the broker where a test wants them. Each test has devices and a model of its own."""
import contextlib

import pytest

from faulty_proxy import FaultyProxy
from fleet import check_aggregates, check_histories
from mirror import Mirror
from shop import WAIT_S, Shop
from stack import free_port, wait_until

FINAL = ("succeeded", "failed", "rolled_back", "rejected", "cancelled", "superseded")


class BadNet(Shop):
    def __init__(self, stack, mirror, settings):
        stack.http_ports["drover-1"] = mirror.to = free_port()
        self.mirror, self.proxies = mirror, contextlib.ExitStack()
        self.depot = self.proxies.enter_context(FaultyProxy(mirror.port))
        super().__init__(stack, {"http.public_url": f"http://127.0.0.1:{self.depot.port}", **settings})

    def proxy(self, **options):
        """Before the broker; it lives as long as the stack."""
        return self.proxies.enter_context(FaultyProxy(self.stack.broker_port, **options))

    def behind(self, proxy, name, settings=None, **options):
        """A gadget whose broker is at the other end of the proxy."""
        return self.gadget(name, settings={"mqtt.url": f"tcp://127.0.0.1:{proxy.port}", **(settings or {})}, **options)

    def update_all(self, gadgets, version, *options, **release):
        """A release for these gadgets, which are all there is of their model, and its rollout."""
        model, = {gadget.model for gadget in gadgets}
        content = self.release(version, model=model, **release)
        return content, self.rollout(version, *options, model=model)

    def all_succeed(self, gadgets, version, content):
        for gadget in gadgets:
            self.wait_state(gadget, "succeeded", version=version)
            assert gadget.version() == version and gadget.image() == content

    def next_honest_update(self, *gadgets, version="1.9.0"):
        """After the attack everything works as ever."""
        for gadget in gadgets:
            self.mirror.answers.pop(gadget.name, None)
        content, _ = self.update_all(gadgets, version)
        self.all_succeed(gadgets, version, content)

    def logged(self, gadget, text, seconds=WAIT_S):
        def there():
            gadget.check()
            return text in gadget.log()
        try:
            wait_until(there, seconds, f"{gadget.name} to log {text}")
        except Exception:
            print(f"--- {gadget.name}: {gadget.upgrade()}\n{gadget.log()[-6000:]}")
            raise

    def close(self):
        super().close()
        self.proxies.close()


@pytest.fixture(scope="module")
def net(module_stack, request):
    with Mirror() as mirror:
        net = BadNet(module_stack, mirror, getattr(request.module, "SETTINGS", {}))
        yield net
        net.close()
        check_aggregates(net.store)
        check_histories(net.store)
