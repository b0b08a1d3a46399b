"""drover rollout watch and rollout wait against the small server: what stands on a terminal of 80 columns, on a dumb one and in a pipe, and exit codes."""
import json
import re
import threading
import time

import pytest

from drover_test import NOT_FOUND, NOT_UPDATED, OK, TIMED_OUT, USAGE, api, on_terminal, once, run  # noqa: F401: api is a fixture
from fake_api import STATES, now_ms

PAUSED, ROLLED_BACK = 11, 12
STAGES = [{"name": "canary", "count": 20, "soak_s": 60}, {"name": "one-percent", "percent": 1, "soak_s": 600}, {"name": "a-third-of-everything", "percent": 33},
          {"name": "everybody"}]
SMALL = "failure_rate 3.1 % of 64 (1.2 .. 8.0 %), limit 5.0 %: open"
BROKEN = "failure_rate 20.0 % of 50 (11.2 .. 33.0 %), limit 5.0 %: broken"


class Screen:
    """What a terminal shows after all that was written: only the codes that `drover` uses."""

    def __init__(self, rows, columns):
        self.columns, self.lines, self.row, self.column, self.widest, self.shown = columns, [""] * rows, 0, 0, 0, []

    def write(self, text):
        for code in re.findall(r"\x1b\[\d*[A-Za-z]|[\r\n]|[^\x1b\r\n]+", text):
            if code == "\r":
                self.column = 0
            elif code == "\n":
                self.row += 1
                assert self.row < len(self.lines), "it would scroll"
            elif code == "\x1b[K":
                self.lines[self.row] = self.lines[self.row][:self.column]
            elif code == "\x1b[J":
                self.lines[self.row:] = [self.lines[self.row][:self.column]] + [""] * (len(self.lines) - self.row - 1)
                self.shown.append("\n".join(self.lines).rstrip())
            elif code.startswith("\x1b") and code.endswith("A"):
                self.row -= int(code[2:-1])
                assert self.row >= 0, "above the first line"
            elif not code.startswith("\x1b"):
                line = self.lines[self.row].ljust(self.column)
                self.lines[self.row] = line[:self.column] + code + line[self.column + len(code):]
                self.column += len(code)
                self.widest = max(self.widest, self.column)
        return self


def screen(written, rows=60, columns=80):
    return Screen(rows, columns).write(written)


def staged(api, stage=1, counts=(), gates=(), now="soaks for 40 s more", **members):  # noqa: F811
    """A step: the rollout in this stage, with (taken, states) of each stage begun so far, and its answer to why."""
    stages, total = [], {}
    for number, plan in enumerate(STAGES):
        opened, states = counts[number] if number < len(counts) else (0, {})
        total = {state: total.get(state, 0) + states.get(state, 0) for state in STATES}
        ended = sum(states.get(state, 0) for state in ("succeeded", "failed", "rolled_back", "rejected", "lost"))
        stages.append({"stage": number + 1, "name": plan["name"], "opened": opened, "settled": ended, "failed": ended - states.get("succeeded", 0),
                       "in_flight": opened - ended, "states": states, "errors": {}})
    opened = sum(number["opened"] for number in stages)
    rows = [{"measure": "failure_rate", "then": "pause", "state": text.rsplit(": ", 1)[1], "doubt": False, "sample": 64, "text": text} for text in gates]
    api.whys["r1"] = {"id": "r1", "state": "running", "now": now, "predicates": [], "gates": rows, "next_ms": 0}
    return {"stage": stage, "stage_ms": now_ms() - 200000, "plan_revision": 1, "stages": stages, "plan": {"stages": STAGES, "target": {}}, "states": total,
            "opened": opened, "in_flight": sum(number["in_flight"] for number in stages), "devices": 10000, "remaining": 9000, **members}


CANARY = (20, {"succeeded": 19, "failed": 1})


def steps_to_the_end(api):  # noqa: F811
    """Through the second stage to the end of all."""
    live = [staged(api, 2, [CANARY, (60, {"succeeded": done, "downloading": 60 - done})], [SMALL], errors={"E_SHA256": 1}) for done in (10, 20, 40)]
    every = [CANARY, (80, {"succeeded": 80}), (3200, {"succeeded": 3200}), (6700, {"succeeded": 6699, "lost": 1})]
    end = staged(api, 4, every, [SMALL], state="completed", why="the last stage is passed", remaining=0, on_target=9998, errors={"E_SHA256": 1, "E_LOST": 1})
    return [*live, end]


def test_watch_draws_stages_on_a_terminal(api):  # noqa: F811
    api.rollout("r1")
    api.steps["r1"] = steps_to_the_end(api)
    code, written = on_terminal(api, "rollout", "watch", "r1", "--interval", "1s", size=(40, 80))
    shown = screen(written)
    assert code == NOT_UPDATED and shown.widest < 80
    first = next(text for text in shown.shown if "one-percent" in text)
    assert re.search(r"^r1  esp32 to 1\.1\.0: running, stage 2 of 4 for 3 min 2\d s$", first, re.M), first
    assert re.search(r"^\+  1 canary         \[###################x\] 19/20, 1 not updated$", first, re.M), first
    assert re.search(r"^>  2 one-percent    \[##----------\.{8}\] 10/100, 50 under way$", first, re.M), first
    assert re.search(r"^   3 a-third-of-eve \[\.{20}\] 0/3200$", first, re.M), first
    assert re.search(r"^   4 everybody      \[\.{20}\] 0/6700$", first, re.M), first
    assert "rates   measuring" in first and "gates   open   failure_rate 3.1 % of 64 (1.2 .. 8.0 %), limit 5.0 %\n" in first and "now     soaks for 40 s more" in first and "failed  E_SHA256 1" in first
    later = [text for text in shown.shown if "one-percent" in text and "running" in text][-1]
    rates = re.search(r"^rates   moves (\d+)\.\d/s, taken 0/min, done (\d+)/min$", later, re.M)
    assert rates and 30 <= int(rates[1]) <= 46 and 600 <= int(rates[2]) <= 910, later
    assert re.search(r"^eta     10 min \d+ s for this stage, its soak time included$", later, re.M), later
    assert not any("canary  " in line and "[" in line for line in shown.lines), "the block is gone before the result comes"
    assert "completed" in "\n".join(shown.lines)


def test_watch_on_a_small_terminal_is_cut(api):  # noqa: F811
    api.rollout("r1")
    api.steps["r1"] = steps_to_the_end(api)
    _, written = on_terminal(api, "rollout", "watch", "r1", "--interval", "50ms", "-o", "name", size=(6, 40))
    shown = screen(written[:written.rindex("\x1b[J")], rows=6, columns=40)
    assert shown.widest == 39 and max(len(text.splitlines()) for text in shown.shown) == 5


def test_watch_without_stages_draws_one_bar(api):  # noqa: F811
    api.rollout("r1")
    api.steps["r1"] = [{"states": {"downloading": 4}, "in_flight": 4}, {"states": {"succeeded": 5, "verifying": 5}, "on_target": 5, "remaining": 5, "in_flight": 5},
                       {"states": {"succeeded": 10}, "on_target": 10, "remaining": 0, "settled": True}]
    code, written = on_terminal(api, "rollout", "watch", "r1", "--interval", "200ms")
    assert code == OK and "\n[--------............] 0 of 10 on 1.1.0, 10 remaining\n" in "\n".join(screen(written).shown)
    assert "[##########----------] 5 of 10 on 1.1.0, 5 remaining" in "\n".join(screen(written).shown)


@pytest.mark.parametrize("how", [{"NO_COLOR": "1"}, {}])
def test_colors_of_the_block(api, how):  # noqa: F811
    api.rollout("r1")
    api.steps["r1"] = steps_to_the_end(api)
    _, written = on_terminal(api, "rollout", "watch", "r1", "--interval", "50ms", size=(40, 80), **how)
    assert ("\x1b[1m>  2 one-percent" in written) == (not how) and (re.search(r"\x1b\[[\d;]*m", written) is None) == bool(how)


def test_a_line_where_nothing_can_be_drawn_over(api):  # noqa: F811
    api.rollout("r1")
    api.steps["r1"] = steps_to_the_end(api)
    code, written = on_terminal(api, "rollout", "watch", "r1", "--interval", "50ms", "-o", "name", TERM="dumb")
    lines = written.replace("\r", "").splitlines()
    assert code == NOT_UPDATED and "\x1b" not in written
    assert lines[:4] == ["running, stage 2 of 4 (one-percent): 10 of 60 settled; downloading 50, succeeded 29, failed 1", f"  gate {SMALL}",
                         "running, stage 2 of 4 (one-percent): 20 of 60 settled; downloading 40, succeeded 39, failed 1",
                         "running, stage 2 of 4 (one-percent): 40 of 60 settled; downloading 20, succeeded 59, failed 1"], "gates only when what they are has changed"
    assert lines[4].startswith("completed (the last stage is passed): 9998 of 10000 on 1.1.0, 0 remaining; ")


def test_the_last_failure_of_each_code(api):  # noqa: F811
    api.rollout("r1")
    api.add_event(device="d-old", error="E_SHA256")
    api.steps["r1"] = [staged(api, 1, [(20, {"downloading": 20})]), staged(api, 1, [(20, {"downloading": 18, "failed": 2})], errors={"E_SHA256": 2}),
                       staged(api, 1, [(20, {"failed": 20})], state="cancelled", why="operator", errors={"E_SHA256": 18, "E_LOST": 2})]
    api.faults = [once("GET", "events", lambda handler: (handler.events(), [api.add_event(device=f"d-{n}", error="E_SHA256") for n in range(3)]))]
    _, written = on_terminal(api, "rollout", "watch", "r1", "--interval", "1s", size=(40, 80))
    shown = screen(written).shown
    assert re.search(r"^failed  E_SHA256 2, last d-2 (now|\d s ago)$", shown[1], re.M), shown[1]
    assert any(re.search(r"^failed  E_SHA256 18, last d-2 .*\n        E_LOST 2$", text, re.M) for text in shown), shown
    assert not any("d-old" in text for text in shown), "what was before the watching began is not asked for"


def test_watch_of_a_rollback(api):  # noqa: F811
    api.rollout("r1")
    back = {"why": "broken: failure_rate 20.0 %, limit 5.0 %", "settled": True}
    counts = [(50, {"rolled_back": 10, "rolling_back": 40})]
    api.steps["r1"] = [staged(api, 1, [(50, {"succeeded": 40, "failed": 10})], [BROKEN], now="broken"), staged(api, 1, counts, [BROKEN], state="rolling_back", **back),
                       staged(api, 1, [(50, {"rolled_back": 50})], [BROKEN], state="rolled_back", **back)]
    done = run(api, "rollout", "watch", "r1", "--interval", "50ms", "-o", "name", code=ROLLED_BACK)
    assert "it is rolled back: broken: failure_rate 20.0 %, limit 5.0 %" in done.stderr
    assert "rolling_back (broken: failure_rate 20.0 %, limit 5.0 %), stage 1 of 4 (canary): 10 of 50 settled" in done.stderr, "it went on to the end"


def test_show_has_a_table_of_stages(api):  # noqa: F811
    api.rollout("r1", **staged(api, 2, [CANARY, (60, {"succeeded": 10, "downloading": 50})]))
    lines = run(api, "rollout", "show", "r1").stdout.splitlines()
    assert [line.split() for line in lines[-5:-2]] == [["STAGE", "NAME", "TAKEN", "UNDER", "WAY", "UPDATED", "NOT"], ["1", "canary", "20", "0", "19", "1"],
                                                       ["2", "one-percent", "60", "50", "10", "0"]]
    assert "STAGE" not in run(api, "rollout", "show", "r1", "-o", "json").stdout


# --- wait ---

def test_wait_for_a_stage(api):  # noqa: F811
    api.rollout("r1")
    api.steps["r1"] = [staged(api, 1, [CANARY]), staged(api, 1, [CANARY]), staged(api, 2, [CANARY]), staged(api, 3, [CANARY])]
    done = run(api, "rollout", "wait", "r1", "--until", "stage:2", "--interval", "50ms", "-o", "json", "-q")
    assert json.loads(done.stdout)["stage"] == 2 and len(api.steps["r1"]) == 1 and done.stderr == ""
    run(api, "rollout", "wait", "r1", "--until", "stage:1", "--interval", "50ms")


def test_wait_for_a_stage_that_an_operator_must_promote(api):  # noqa: F811
    api.rollout("r1")
    api.steps["r1"] = [staged(api, 1, [CANARY]), staged(api, 2, [CANARY])]
    passed = {**api.whys["r1"], "stage": {"stage": 2, "passed": True}}
    run(api, "rollout", "wait", "r1", "--until", "passed:1", "--interval", "50ms")
    assert api.steps["r1"] == []
    threading.Timer(1, lambda: api.whys.update(r1=passed)).start()
    begun = time.monotonic()
    run(api, "rollout", "wait", "r1", "--until", "passed:2", "--interval", "50ms")
    assert time.monotonic() - begun > 0.9


def test_wait_is_rung_by_the_servers_events(api):  # noqa: F811
    api.rollout("r1")
    api.feeds, api.feed_events = 0, 1
    epoch = now_ms()
    api.steps["r1"] = [staged(api, 1, [CANARY], epoch=epoch), staged(api, 1, [CANARY], epoch=epoch), staged(api, 2, [CANARY], epoch=epoch)]
    threading.Timer(1, lambda: api.add_event(kind="rollout", on="edit")).start()
    threading.Timer(2, lambda: api.add_event(kind="rollout", on="promote")).start()
    begun = time.monotonic()
    run(api, "rollout", "wait", "r1", "--until", "stage:2", "--interval", "50ms")
    looks = [path for _, path in api.requests if path == "/api/v1/rollouts/r1"]
    streams = [path for _, path in api.requests if "/stream" in path]
    assert 1.9 < time.monotonic() - begun < 10 and len(looks) == 3 and len(streams) == api.feeds == 2, api.requests
    assert streams[0] == f"/api/v1/events/stream?after={epoch - 1000}-0&rollout=r1&kind=rollout"
    assert f"after={api.events[0]['id']}&" in streams[1], "it goes on from the event that rang"


def test_wait_polls_while_the_stream_breaks_off(api):  # noqa: F811
    api.rollout("r1")
    api.feeds, api.feed_events = 0, 0
    api.steps["r1"] = [staged(api, 1, [CANARY])] * 3 + [staged(api, 2, [CANARY])]
    run(api, "rollout", "wait", "r1", "--until", "stage:2", "--interval", "50ms")
    assert api.feeds == 3


def test_a_stage_is_not_reached_before_the_rollout_began(api):  # noqa: F811
    api.rollout("r1")
    api.steps["r1"] = [staged(api, 1, state="awaiting_approval"), staged(api, 1, state="scheduled"), staged(api, 1)]
    assert json.loads(run(api, "rollout", "wait", "r1", "--until", "stage:1", "--interval", "50ms", "-o", "json").stdout)["state"] == "running"


def test_wait_to_the_end(api):  # noqa: F811
    api.rollout("r1")
    every = [CANARY, (80, {"succeeded": 80}), (3200, {"succeeded": 3200}), (6700, {"succeeded": 6690, "downloading": 10})]
    steps = [staged(api, 4, every), staged(api, 4, every, state="completed"), staged(api, 4, [CANARY], state="completed")]
    api.steps["r1"] = list(steps)
    run(api, "rollout", "wait", "r1", "--interval", "50ms", "-o", "name")
    assert len(api.steps["r1"]) == 1, "completed, though some are still under way"
    api.steps["r1"] = list(steps)
    done = run(api, "rollout", "wait", "r1", "--until", "settled", "--interval", "50ms", "-o", "name", code=NOT_UPDATED)
    assert api.steps["r1"] == [] and done.stdout == "r1\n" and "1 devices were not updated" in done.stderr


@pytest.mark.parametrize("state, code", [("paused", PAUSED), ("rolling_back", ROLLED_BACK), ("rollback_paused", ROLLED_BACK), ("rolled_back", ROLLED_BACK),
                                         ("cancelled", NOT_UPDATED), ("superseded", NOT_UPDATED)])
def test_wait_for_what_does_not_come(api, state, code):  # noqa: F811
    api.rollout("r1")
    api.steps["r1"] = [staged(api, 1, [CANARY]), staged(api, 1, [CANARY], state=state, why="broken: lost_rate 9.0 %, limit 5.0 %")]
    done = run(api, "rollout", "wait", "r1", "--interval", "50ms", "-o", "name", code=code)
    assert f"it is {state}: broken: lost_rate 9.0 %, limit 5.0 %" in done.stderr and done.stdout == "r1\n"


def test_wait_without_stages(api):  # noqa: F811
    api.rollout("r1")
    api.steps["r1"] = [{"states": {"downloading": 10}}, {"states": {"succeeded": 10}, "on_target": 10, "remaining": 0, "settled": True}]
    run(api, "rollout", "wait", "r1", "--interval", "50ms")
    api.steps["r1"] = [{"states": {"succeeded": 9, "failed": 1}, "on_target": 9, "remaining": 0, "settled": True}]
    run(api, "rollout", "wait", "r1", "--interval", "50ms", code=NOT_UPDATED)


@pytest.mark.parametrize("until", ["stage:5", "passed:5", "passed:16"])
def test_wait_for_a_stage_that_is_not_there(api, until):  # noqa: F811
    """Completed, it would seem to be reached; without stages it would never be."""
    api.rollout("r1", **staged(api, 4, [CANARY], state="completed"))
    assert f"--until {until}: the rollout has 4 stages" in run(api, "rollout", "wait", "r1", "--until", until, code=USAGE).stderr
    api.rollout("r2")
    assert f"--until {until}: the rollout has 0 stages" in run(api, "rollout", "wait", "r2", "--until", until, code=USAGE).stderr


def test_wait_gives_up_in_time_and_refuses_nonsense(api):  # noqa: F811
    api.rollout("r1", **staged(api, 1, [CANARY]))
    begun = time.monotonic()
    done = run(api, "rollout", "wait", "r1", "--timeout", "600ms", code=TIMED_OUT)
    assert 0.5 < time.monotonic() - begun < 5 and "the rollout goes on" in done.stderr and done.stdout == ""
    for until in ("passed:", "passed:0", "completed:1", "stage:0", "stage:17", "stage:", "stage:x", "done", "completed "):
        assert f"--until {until}" in run(api, "rollout", "wait", "r1", "--until", until, code=USAGE).stderr
    run(api, "rollout", "wait", "r2", code=NOT_FOUND)
