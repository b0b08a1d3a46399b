"""Plans on the command line: files of JSON and YAML with the place of every error, dry runs, plan and edit."""
import json
import re

import pytest
import yaml

from drover_test import CONFLICT, FAILED, USAGE, api, run  # noqa: F401: api is a fixture

PLAN = """# canary, then everybody
schema: 1
model: esp32
version: 1.1.0
stages:
  - {name: canary, count: 3, per: hw_rev, soak_s: 600}
  - name: tenth
    percent: 10
  - name: rest
windows:
  weekly:
    - {use: install, days: [mon, "tue"], from: 22:00, to: '06:00'}
"""
FORECAST = {"dry_run": True, "model": "esp32", "version": "1.1.0", "devices": 1000, "looked": 1000, "sample": False, "error_pct": 0, "taken": 900,
            "stages": [{"stage": 1, "name": "canary", "devices": 6, "online": 5, "manual": False, "begins_ms": 1700000000000, "duration_s": 900},
                       {"stage": 2, "name": "tenth", "devices": 90, "online": 80, "manual": True, "begins_ms": 1700000900000, "duration_s": 300}],
            "versions": {"1.0.0": 900}, "networks": {"wifi": 800, "-": 100}, "held_now": {"window": 40}, "not_taken": {"version": 100}, "begins_ms": 1700000000000, "ends_ms": 1700001200000, "longer": False, "duration_s": 1200, "upgrade_s": 300,
            "assumed": ["every upgrade succeeds"]}


def written(folder, text, name="plan.yaml"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def errors(done, path):
    """'3:5: /pointer' of each line."""
    found = []
    for line in done.stderr.splitlines():
        match = re.match(r"drover: rollout \w+: " + re.escape(str(path)) + r":(\d+:\d+: \S*?):? ", line)
        found.append(match.group(1) if match else line)
    return found


def asked(api, method, part, status, answer):
    """The next such request is answered so; its path and body are kept."""
    kept = {}

    def act(handler):
        kept["path"], kept["body"] = handler.path, handler.body()
        handler.answer(status, answer)

    api.faults.append((lambda handler: handler.command == method and part in handler.path, act))
    return kept


def test_yaml_and_json_are_one_plan(tmp_path):
    as_yaml = json.loads(run(None, "rollout", "check", written(tmp_path, PLAN), "-o", "json").stdout)
    as_json = json.loads(run(None, "rollout", "check", written(tmp_path, json.dumps(yaml.load(PLAN, yaml.BaseLoader) | {"schema": 1, "stages": [
        {"name": "canary", "count": 3, "per": "hw_rev", "soak_s": 600}, {"name": "tenth", "percent": 10}, {"name": "rest"}]}), "plan.json"), "-o", "jsonl").stdout)
    assert as_yaml == as_json
    assert as_yaml["version"] == "1.1.0" and as_yaml["windows"]["weekly"][0]["days"] == ["mon", "tue"] and as_yaml["limits"]["max_in_flight"] == 1000
    done = run(None, "rollout", "check", tmp_path / "plan.yaml")
    assert done.stdout == "" and done.stderr.endswith("plan.yaml: a plan for esp32 1.1.0 with 3 stages\n")
    assert run(None, "rollout", "check", tmp_path / "plan.yaml", "-q").stderr == ""


def test_every_error_has_its_place(tmp_path):
    text = PLAN.replace("percent: 10", "percent: 200").replace("from: 22:00", "from: 25:00").replace("version: 1.1.0", "version: 1.10").replace("name: rest", "nmae: rest")
    path = written(tmp_path, text)
    assert errors(run(None, "rollout", "check", path, code=USAGE), path) == [
        "4:1: /version", "8:5: /stages/1/percent", "9:5: /stages/2/nmae", "12:42: /windows/weekly/0/from"]
    path = written(tmp_path, '{"schema": 1, "model": "esp32",\n "stages": [{"percent": 5},\n  {"percent": 2}]}', "plan.json")
    assert errors(run(None, "rollout", "check", path, code=USAGE), path) == ["1:1: /version", "3:4: /stages/1/percent"]


@pytest.mark.parametrize("name, text, where", [
    ("a.json", '{"schema": 1,\n"model":}', "2:9"), ("a.json", "[]", "1:1"), ("a.yaml", "", "line 1, column 1"), ("a.yaml", "a: &x 1\nb: *x\n", "line 1, column 4"),
    ("a.yaml", "a: !!str 1", "line 1, column 4"), ("a.yaml", "a: 1\n---\nb: 2\n", "line 3, column 1"), ("a.yaml", "a: [1\n", "line 2, column 1"),
    ("a.yaml", b"a: 1\nb: \xff\n", "line 2, column 4"), ("a.yaml", "? [a]\n: 1\n", "line 1, column 3"), ("a.yaml", "[" * 40, "line 1, column 17"), ("a.yaml", "a: 1\na: 2\n", "1:1"),
    ("a.yaml", 'a: "x\\0y"\n', "line 1, column 4"),
])
def test_files_that_are_no_plans(tmp_path, name, text, where):
    done = run(None, "rollout", "check", written(tmp_path, text, name), code=USAGE)
    assert where in done.stderr and done.stdout == "", done.stderr


def test_files_that_cannot_be_read(tmp_path):
    run(None, "rollout", "check", tmp_path / "nothing.yaml", code=FAILED)
    done = run(None, "rollout", "check", written(tmp_path, "a: " + "x" * (1 << 20)), code=FAILED)
    assert "over" in done.stderr


def test_start_sends_the_plan_as_json(api, tmp_path):
    kept = asked(api, "POST", "/api/v1/rollouts", 201, api.rollout("r1"))
    assert run(api, "rollout", "start", written(tmp_path, PLAN), "-o", "name").stdout == "r1\n"
    assert kept["path"] == "/api/v1/rollouts"
    sent = json.loads(kept["body"])
    assert sent["stages"][0] == {"name": "canary", "count": 3, "per": "hw_rev", "soak_s": 600} and sent["version"] == "1.1.0"
    done = run(api, "rollout", "start", "esp/32", "1.1.0", code=USAGE)
    assert "`esp/32` is not an id" in done.stderr
    done = run(api, "rollout", "start", tmp_path / "plan.yaml", "--share", 5, code=USAGE)
    assert "--share goes with MODEL VERSION" in done.stderr
    run(api, "rollout", "start", written(tmp_path, "schema: 1\n", "bad.yaml"), code=USAGE)
    assert len(api.requests) == 1, "a bad plan or line goes nowhere"


def test_the_servers_errors_have_places_too(api, tmp_path):
    problem = {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": "the plan has 1 error",
               "errors": [{"pointer": "/stages/1/percent", "detail": "not today\u001b[31m"}]}
    asked(api, "POST", "/api/v1/rollouts", 400, problem)
    path = written(tmp_path, PLAN)
    done = run(api, "rollout", "start", path, code=USAGE)
    assert errors(done, path) == ["8:5: /stages/1/percent"] and "not today" in done.stderr and "\x1b" not in done.stderr


def test_dry_run(api, tmp_path):
    kept = asked(api, "POST", "dry_run", 200, FORECAST)
    shown = run(api, "rollout", "start", written(tmp_path, PLAN), "--dry-run", "--upgrade-time", "10m").stdout
    assert kept["path"] == "/api/v1/rollouts?dry_run=true&upgrade_s=600"
    for line in (r"would be updated +900", r"from versions +1\.0\.0 900", r"on networks +wifi 800, - 100", r"held back for now by +window 40", r"not updated, by +version 100",
                 r"lasts at least +20 min", r" *1 +canary +6 +5 +2023-11-1[45] \S+ +15 min +no", r" *2 +tenth +90 +80 +2023-11-1[45] \S+ +5 min +yes", r"  every upgrade succeeds"):
        assert re.search(f"^{line}$", shown, re.M), (line, shown)
    assert "sample" not in shown and max(map(len, shown.splitlines())) <= 80
    stands = {"stage": 3, "name": "lab", "devices": 0, "online": 0, "manual": True, "begins_ms": 1700001200000, "note": "no device\u001b[31m fits it"}
    asked(api, "POST", "dry_run", 200, {**FORECAST, "stages": [*FORECAST["stages"], stands]})
    noted = run(api, "rollout", "start", "esp32", "1.1.0", "--dry-run").stdout
    assert re.search(r"^ *3 +lab +0 +0 +2023-11-1[45] \S+ +- +yes$", noted, re.M) and re.search(r"^Stage 3: no device.* fits it$", noted, re.M), noted
    assert "\x1b" not in noted and noted.count("Stage ") == 1 and "Stage " not in shown, noted
    asked(api, "POST", "dry_run", 200, {**FORECAST, "sample": True, "looked": 500, "error_pct": 1.25})
    assert "within 1.25 %" in run(api, "rollout", "start", "esp32", "1.1.0", "--dry-run").stdout
    asked(api, "POST", "dry_run", 200, FORECAST)
    assert json.loads(run(api, "rollout", "start", "esp32", "1.1.0", "--dry-run", "-o", "json").stdout) == FORECAST
    assert "--dry-run" in run(api, "rollout", "start", "esp32", "1.1.0", "--upgrade-time", "10m", code=USAGE).stderr


def test_plan_and_edit(api, tmp_path):
    plan = {"schema": 1, "id": "r1", "model": "esp32", "version": "1.1.0", "stages": [{"name": "everybody"}]}
    api.rollout("r1", revision=7)
    asked(api, "GET", "/r1/plan", 200, plan)
    assert json.loads(run(api, "rollout", "plan", "r1").stdout) == plan
    kept = asked(api, "PUT", "/r1/plan", 200, api.rollouts["r1"])
    path = written(tmp_path, json.dumps(plan), "plan.json")
    assert run(api, "rollout", "edit", "r1", path, "-o", "name").stdout == "r1\n"
    assert kept["path"] == "/api/v1/rollouts/r1/plan?revision=7" and json.loads(kept["body"]) == plan
    asked(api, "PUT", "/r1/plan?revision=3", 412, {"type": "about:blank", "title": "Precondition Failed", "status": 412, "detail": "changed", "where": "If-Match"})
    assert "changed" in run(api, "rollout", "edit", "r1", path, "--revision", 3, code=CONFLICT).stderr
