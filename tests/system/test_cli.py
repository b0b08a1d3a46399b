"""The real `drover` against the real server: every command, every format, the exit codes, and what operators read of a device."""
import json
import os
import re
import signal
import subprocess

import pytest

from fleet import FAST, check_aggregates, check_histories, read_truth, upgrades_of
from hand import Device, Hand
from stack import free_port, wait_until

DONE, FAILED, USAGE, NOT_FOUND, CONFLICT, DENIED, UNAVAILABLE, NOT_UPDATED, TIMED_OUT, REFUSED = range(10)
SETTINGS = {**FAST, "flow.pending_ms": 200, "flow.retry_base_ms": 50, "flow.retry_cap_ms": 200, "flow.offline_after_ms": 30000}   # devices played by hand speak seldom


class Cli:
    def __init__(self, stack, settings=None):
        self.stack = stack
        stack.start_redis()
        self.broker = stack.start_broker()
        self.droverd = stack.start_droverd(settings={**SETTINGS, **(settings or {})})

    def __call__(self, *arguments, code=DONE, **options):
        done = self.stack.drover(*arguments, check=False, **options)
        assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
        if code not in (DONE, NOT_UPDATED, TIMED_OUT):
            assert done.stdout == "" and done.stderr.startswith("drover"), (arguments, done.stdout, done.stderr)
        return done

    def forms(self, *arguments):
        """The same data in every format: the table's text, the JSON value, the JSON lines and the names."""
        lines = self(*arguments, "-o", "jsonl").stdout.splitlines()
        value = json.loads(self(*arguments, "-o", "json").stdout)
        names = self(*arguments, "-o", "name").stdout.splitlines()
        table = self(*arguments).stdout
        assert table.strip() and lines and names and "\x1b" not in table, arguments
        objects = [json.loads(line) for line in lines]
        if "items" in value and not {"id", "instance"} & value.keys():
            assert [item.get("id") or item.get("device_id") or item.get("version") for item in value["items"]] == \
                [item.get("id") or item.get("device_id") or item.get("version") for item in objects]
        return table, value, objects, names


@pytest.fixture
def cli(stack):
    cli = Cli(stack)
    cli.hand = Hand(stack)
    yield cli
    cli.hand.close()


def package(cli, version, size=5000, **options):
    return cli.stack.package("esp32", version, size, **options)


def with_delta(cli, size):
    """The package of 1.1.0 and its delta from 1.0.0, much smaller."""
    image = os.urandom(size)
    old, full = package(cli, "1.0.0", image=image), package(cli, "1.1.0", image=image[:-50] + os.urandom(50))
    return full, cli.stack.delta(old, full)


@pytest.mark.asan
def test_every_command_in_every_format(cli):
    devices = [Device(cli.hand, name).known() for name in ("d1", "d2")]
    Device(cli.hand, "g1", model="gateway", version="3.0.0").known()
    full, delta = with_delta(cli, 5000)
    added = json.loads(cli("release", "add", full, "--delta", delta, "-o", "json").stdout)
    assert added["version"] == "1.1.0" and added["size"] == full.stat().st_size and added["deltas"][0]["base_version"] == "1.0.0"
    assert added["deltas"][0]["size"] == delta.stat().st_size
    assert cli("release", "add", full, "--delta", delta, "-o", "name").stdout == "esp32 1.1.0\n", "again is no error"
    cli("release", "add", cli.stack.package("gateway", "3.1.0", 5000), "-q")
    table, value, _, names = cli.forms("release", "list")
    assert "esp32" in table and len(value["items"]) == 2 and set(names) == {"esp32 1.1.0", "gateway 3.1.0"}
    assert cli.forms("release", "list", "--model", "esp32")[3] == ["esp32 1.1.0"]
    table, value, _, _ = cli.forms("release", "show", "esp32", "1.1.0")
    assert "KiB" in table and value["sha256"] in table and "1.0.0" in table

    options = {"--share": "50", "--max-in-flight": "7", "--max-attempts": "4", "--error-budget": "30", "--confirmations": "3", "--soak": "1500ms", "--spread": "3s"}
    assert cli("rollout", "start", "esp32", "1.1.0", "--id", "plan", *[word for pair in options.items() for word in pair], "-o", "name").stdout == "plan\n"
    _, value, _, names = cli.forms("rollout", "show", "plan")
    assert names == ["plan"] and {name: value[name] for name in ("share_pct", "max_in_flight", "max_attempts", "error_budget_pct", "confirmations", "soak_ms", "spread_s")} == \
        {"share_pct": 50, "max_in_flight": 7, "max_attempts": 4, "error_budget_pct": 30, "confirmations": 3, "soak_ms": 1500, "spread_s": 3}
    assert json.loads(cli("rollout", "pause", "plan", "-o", "json").stdout)["state"] == "paused"
    assert cli("rollout", "resume", "plan", "-o", "name").stdout == "plan\n"
    assert "cancelled" in cli("rollout", "cancel", "plan").stdout
    rollout = cli("rollout", "start", "esp32", "1.1.0", "--supersede", "--spread", "0s", "-o", "name").stdout.strip()
    assert set(cli.forms("rollout", "list")[3]) == {"plan", rollout}

    for device in devices:
        assert device.command()["delta"] and device.command()["base_version"] == "1.0.0"
        device.obey()
    assert cli.forms("device", "list")[3] and set(cli.forms("device", "list", "--model", "esp32")[3]) == {"d1", "d2"}
    for option, expected in {("--state", "succeeded"): {"d1", "d2"}, ("--state", "none"): {"g1"}, ("--version", "v3.0.0"): {"g1"}, ("--online",): {"d1", "d2", "g1"},
                             ("--offline",): set(), ("--limit", "1"): None}.items():
        found = cli("device", "list", *option, "-o", "name").stdout.split()
        assert len(found) == 1 if expected is None else set(found) == expected, option
    _, value, _, names = cli.forms("device", "show", "d1")
    assert names == ["d1"] and value["device"]["version"] == "1.1.0" and value["upgrade"]["state"] == "succeeded" and value["explain"]["now"].startswith("succeeded since")
    _, value, objects, names = cli.forms("device", "history", "d1")
    assert [item["to"] for item in value["items"]][:1] == ["succeeded"] and objects[-1]["to"] == "pending" and len(names) == len(objects)
    assert len(cli("device", "history", "d1", "--limit", 2, "-o", "jsonl").stdout.splitlines()) == 2
    _, value, objects, names = cli.forms("events", "--rollout", rollout, "--since", "1h")
    assert {item["rollout"] for item in objects} == {rollout} and objects[0]["kind"] == "rollout"
    after = cli("events", "--device", "d1", "--after", names[0], "-o", "jsonl").stdout.splitlines()
    assert after and {json.loads(line)["device"] for line in after} == {"d1"}
    assert len(cli("events", "--limit", 3, "-o", "name").stdout.split()) == 3
    table, value, _, names = cli.forms("status")
    assert names == ["drover-1"] and value["ready"] and value["fleet"] == {"devices": 3, "online": 3} and "1.1.0 2" in table
    assert cli("device", "rollback", "d1", "-o", "json").stdout
    assert devices[0].command("rollback")["version"] == "1.0.0"
    check_aggregates(cli.hand.store)


def test_version_help_and_completion_need_no_server(cli):
    nowhere = ["--api", f"http://127.0.0.1:{free_port()}"]
    assert re.fullmatch(r"drover \d+\.\d+\.\d+\n", cli("version", *nowhere).stdout)
    assert json.loads(cli("version", "-o", "json").stdout)["version"]
    words = {"release", "rollout", "device", "events", "status", "version", "help", "completion"}
    assert words <= set(re.findall(r"\w+", cli("help").stdout))
    for noun, verb in (("release", "add"), ("rollout", "watch"), ("device", "show")):
        assert cli("help", noun, verb).stdout == cli(noun, verb, "--help").stdout != ""
    script = cli("completion", "bash").stdout
    done = subprocess.run(["bash", "--norc", "-c", script + '\nCOMP_WORDS=(drover rollout st); COMP_CWORD=2; COMP_LINE="drover rollout st"; COMP_POINT=17\n'
                           'F=$(complete -p drover | sed "s/.*-F \\([^ ]*\\).*/\\1/"); $F drover st rollout; printf "%s\\n" "${COMPREPLY[@]}"'],
                          capture_output=True, text=True, timeout=20)
    assert done.stdout.split() == ["start", "stop-all", "start-all"], (done.stdout, done.stderr)


@pytest.mark.asan
def test_exit_codes(cli, tmp_path):
    device = Device(cli.hand, "d1").known()
    path = package(cli, "1.1.0")
    cli("release", "add", path, "-q")
    for arguments in [(), ("rollout",), ("rollout", "begin"), ("rollout", "start"), ("rollout", "start", "esp32", "1.1.0", "--share", "101"), ("device", "show", "a b"),
                      ("device", "list", "--state", "sleeping"), ("release", "add", path, "too-much"), ("status", "-o", "yaml"), ("events", "--since", "soon"), ("status", "--nonsense")]:
        cli(*arguments, code=USAGE)
    for arguments in [("release", "show", "esp32", "9.9.9"), ("rollout", "show", "none-such"), ("rollout", "watch", "none-such"), ("rollout", "pause", "none-such"),
                      ("device", "show", "nobody"), ("device", "history", "nobody"), ("device", "rollback", "nobody"), ("rollout", "start", "esp32", "9.9.9")]:
        cli(*arguments, code=NOT_FOUND)
    cli("release", "add", tmp_path / "absent.dfw", code=FAILED)
    other = cli("release", "add", package(cli, "1.1.0"), "-q", code=CONFLICT)
    cli("release", "add", package(cli, "1.2.0", key=""), "-q", code=REFUSED)
    assert other.stderr == "drover: release add: 409 Conflict: this release exists with other content\n"
    cli("rollout", "start", "esp32", "1.1.0", "--id", "one")
    assert cli("rollout", "start", "esp32", "1.1.0", code=CONFLICT).stderr.endswith("another rollout of this model runs or is paused; cancel it or supersede it\n")
    assert cli("rollout", "start", "esp32", "1.1.0", "--id", "one", "--supersede", code=CONFLICT).stderr.endswith("there is a rollout with this id\n")
    assert cli("rollout", "resume", "one", code=CONFLICT).stderr.endswith("the rollout is running: takes devices, stage by stage\n")
    assert cli("device", "rollback", "d1", code=CONFLICT).stderr.endswith("it has no upgrade that could be taken back\n")
    device.until("dispatched")
    assert cli("device", "rollback", "d1", code=CONFLICT).stderr.endswith("its upgrade is dispatched: there is nothing to take back\n")
    wrong = tmp_path / "token"
    wrong.write_text("not-the-token\n")
    cli("status", "--token-file", wrong, code=DENIED)
    cli("device", "list", "--api", f"http://127.0.0.1:{free_port()}", code=UNAVAILABLE)
    assert cli("rollout", "watch", "one", "--timeout", "300ms", code=TIMED_OUT).stdout == ""
    cli.broker.stop()
    cli.stack.forget(cli.broker)
    wait_until(lambda: not cli.stack.ready(), 20, "droverd to miss the broker")
    not_ready = cli.stack.drover("status", check=False)
    assert not_ready.returncode == UNAVAILABLE and re.search(r"ready +no", not_ready.stdout), not_ready.stdout
    cli.stack.start_broker()


def explained(cli, device):
    value = cli.stack.drover_json("device", "show", device.name)["explain"]
    return value["now"], value["next"]


def test_device_show_says_where_it_stands_and_what_comes_next(cli):
    device = Device(cli.hand, "d1").known()
    assert explained(cli, device) == ("runs 1.0.0, has no upgrade", "nothing is planned: its model has no rollout")
    rollout = cli.stack.drover("release", "add", package(cli, "1.1.0")) and \
        cli("rollout", "start", "esp32", "1.1.0", "--max-attempts", 2, "--soak", "2s", "-o", "name").stdout.strip()
    assert explained(cli, device)[1] == f"its next heartbeat takes it into rollout {rollout} to 1.1.0"
    says = {
        "dispatched": ("attempt 1 of 2, full package", "without a reaction it is told again"),
        "acknowledged": ("it has the command", "must begin to download; otherwise the next attempt follows"),
        "downloading": ("40 %", "must get further; otherwise the next attempt follows"),
        "installing": ("it installs", "must reboot into 1.1.0; otherwise the next attempt follows"),
        "verifying": ("no heartbeat from a new boot on 1.1.0 yet", "such a heartbeat must come; otherwise the next attempt follows"),
    }
    device.command()
    for state, (now, after) in says.items():
        if state != "dispatched":
            device.steps(state)
        if state == "downloading":
            device.report(state, progress=40)
            cli.hand.settle()
        shown = explained(cli, device)
        assert shown[0].startswith(state + " since") and now in shown[0] and shown[1].startswith(after), (state, shown)
    device.boot("1.1.0")
    device.known()
    assert "1 of 2 healthy heartbeats on 1.1.0" in explained(cli, device)[0] and "succeeds after 1 more" in explained(cli, device)[1]
    device.status = "unhealthy"
    device.known()
    assert "unhealthy for 1 of 3 heartbeats" in explained(cli, device)[0]
    device.until("rolling_back")
    assert explained(cli, device)[0].endswith("unhealthy on the new version") and explained(cli, device)[1].startswith("a heartbeat on 1.0.0 ends it")
    device.status = "idle"
    device.boot("1.0.0")
    device.until("rolled_back")
    assert explained(cli, device)[0].endswith("back on 1.0.0: unhealthy on the new version")
    assert explained(cli, device)[1] == "nothing is planned: it had its turn in this rollout"
    shown = cli("device", "show", "d1").stdout
    assert re.search(r"^now +rolled_back since", shown) and "E_HEALTHCHECK" in shown

    other = Device(cli.hand, "d2").known()
    other.command()
    other.report("failed", error="E_BUSY")
    cli.hand.settle()
    assert explained(cli, other)[0].startswith("waits before attempt 1 of 2: the device has no time now")
    cli("rollout", "pause", rollout)
    assert explained(cli, other)[1] == "waits on: the rollout is paused"
    assert explained(cli, Device(cli.hand, "d3").known())[1] == "nothing is planned: the rollout is paused"
    cli("rollout", "resume", rollout)
    other.command(number=2)
    other.report("rejected", error="E_REJECTED")
    other.until("rejected", beats=False)
    assert explained(cli, other)[1] == "nothing is planned: it had its turn in this rollout"


def test_watch_to_the_end_and_events_as_they_happen(cli):
    good, bad = Device(cli.hand, "good").known(), Device(cli.hand, "bad").known()
    environment = {**os.environ, "DROVER_API": cli.stack.url(""), "DROVER_TOKEN_FILE": str(cli.stack.token_file)}

    def start(*arguments):
        return subprocess.Popen([cli.stack.program("drover"), *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)

    cli("release", "add", package(cli, "1.1.0"), "-q")
    follower = start("events", "-f", "-o", "jsonl", "--device", "good", "--since", "1h")
    cli("rollout", "start", "esp32", "1.1.0", "--id", "first", "--spread", "0s")
    watcher = start("rollout", "watch", "first", "--interval", "100ms", "-o", "json")
    good.command()
    assert json.loads(follower.stdout.readline())["to"] == "pending", "while it happens, not at the end"
    good.obey()
    bad.command()
    bad.report("failed", error="E_SIGNATURE")
    out, err = watcher.communicate(timeout=30)
    assert watcher.returncode == NOT_UPDATED, err
    last = json.loads(out)
    assert last["settled"] and last["states"]["succeeded"] == 1 and last["states"]["failed"] == 1 and last["errors"] == {"E_SIGNATURE": 1}
    assert "1 of 2 on 1.1.0" in err
    wanted = ["dispatched", "acknowledged", "downloading", "installing", "verifying", "succeeded"]
    assert [json.loads(follower.stdout.readline())["to"] for _ in wanted] == wanted
    follower.send_signal(signal.SIGINT)
    follower.communicate(timeout=10)
    # The next one reaches everybody: code 0.
    cli("release", "add", package(cli, "1.2.0"), "-q")
    cli("rollout", "start", "esp32", "1.2.0", "--id", "second", "--supersede", "--spread", "0s")
    watcher = start("rollout", "watch", "second", "--interval", "100ms", "-o", "name")
    for device in (good, bad):
        device.obey(number=2)
    out, err = watcher.communicate(timeout=30)
    assert watcher.returncode == DONE and out == "second\n", err
    check_histories(cli.hand.store)


def test_deltas_are_used_on_their_base_and_dropped_after_they_failed(cli):
    """Devices on the base get the delta, a device on another version the full package; who fails at the delta gets the full one next."""
    full, delta = with_delta(cli, 90_000)
    full_bytes, delta_bytes = full.stat().st_size, delta.stat().st_size
    truth_path = cli.stack.folder / "truth.jsonl"
    sim = cli.stack.start_sim("--devices", 40, "--simple", 10, "--models", "esp32=1.0.0", "--heartbeat-ms", 500, "--step-ms", 200, "--reboot-ms", 200,
                              "--seed", 5, "--share", "transient:sha:1=40", "--truth", truth_path)
    elsewhere = Device(cli.hand, "elsewhere", version="1.0.5").known()
    store = cli.hand.store
    wait_until(lambda: store.hget("drover:v1:model:esp32", "version:1.0.0") == "50", 30, "the fleet", alive=[sim])
    cli("release", "add", full, "--delta", delta, "-q")
    rollout = cli("rollout", "start", "esp32", "1.1.0", "--spread", "1s", "-o", "name").stdout.strip()
    command = elsewhere.command()
    assert not command.get("delta") and command["size"] == full_bytes
    elsewhere.obey()
    done = cli("rollout", "watch", rollout, "--interval", "200ms", "-o", "json", "--timeout", "40s")
    assert json.loads(done.stdout)["states"]["succeeded"] == 51
    cli.stack.forget(sim)
    assert sim.stop(30) == 0
    upgrades, truth = upgrades_of(store), read_truth(truth_path)
    flaky = 0
    for name, record in truth.items():
        failed_once = record["behaviour"] == "transient"
        flaky += failed_once
        assert record["version"] == "1.1.0" and record["download_bytes"] == (full_bytes + delta_bytes if failed_once else delta_bytes), record
        # A simple device has no words for its failure: it asks again, and gets the full package in the same attempt.
        says_so = failed_once and record["kind"] == "managed"
        assert upgrades[name]["attempt"] == ("2" if says_so else "1") and upgrades[name].get("full_only", "0") == ("1" if failed_once else "0"), upgrades[name]
        whys = [event["why"] for _, event in store.xrange("drover:v1:events") if event["device"] == name and event["on"] == "dispatch"]
        assert whys == (["attempt 1 of 3, by delta", "attempt 2 of 3, full package"] if says_so else ["attempt 1 of 3, by delta"]), whys
    assert 5 < flaky < 45, "the seed gives both kinds"
    check_aggregates(store)
    check_histories(store)
