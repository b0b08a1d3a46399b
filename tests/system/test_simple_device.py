"""The README's simple device, run as it stands there: mosquitto clients and curl are enough to be updated."""
import os
import re
import subprocess

from fleet import FAST, ROOT, check_aggregates, check_histories
from stack import wait_until


def test_the_readme_device_is_updated(stack):
    script = re.search(r"<!-- simple-device:.*?-->\n```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL).group(1)
    stack.start_redis()
    stack.start_broker()
    # 20 s of spread are the rollout's default wait for simple devices; the script asks at once.
    stack.start_droverd(settings=FAST)
    device = stack.start("simple-device", ["sh", "-c", f"cd '{stack.folder}'\n{script}"], {
        "ID": "kitchen-1", "PORT": str(stack.broker_port), "BROKER": "127.0.0.1", "PAUSE": "1",
        "DROVER": f"http://127.0.0.1:{stack.http_ports['drover-1']}"})
    store = stack.redis()
    wait_until(lambda: store.hget("drover:v1:device:kitchen-1", "version") == "1.0.0", 30, "the device to be known", alive=[device])
    stack.add_release("esp32", "1.1.0", size=700_000)
    stack.drover("rollout", "start", "esp32", "1.1.0", "--spread", "2s", "--soak", "1s")
    wait_until(lambda: store.hget("drover:v1:upgrade:kitchen-1", "state") == "succeeded", 60, "the device to be updated", alive=[device])
    assert store.hget("drover:v1:device:kitchen-1", "version") == "1.1.0"
    assert store.hget("drover:v1:device:kitchen-1", "kind") == "simple"
    states = [event["to"] for _, event in store.xrange("drover:v1:events") if event["device"] == "kitchen-1"]
    assert states[0] == "pending" and "downloading" in states and "installing" in states and states[-1] == "succeeded"
    check_aggregates(store)
    check_histories(store)
    # It does not ask for what it already runs: nothing moves any more.
    answer = subprocess.run(["curl", "-s", "-o", os.devnull, "-w", "%{http_code}",
                             f"http://127.0.0.1:{stack.http_ports['drover-1']}/firmware/latest?device_model=esp32&current_version=1.1.0&device_id=kitchen-1"],
                            capture_output=True, text=True, timeout=20)
    assert answer.stdout == "304"
