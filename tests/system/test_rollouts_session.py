"""The session of docs/rollouts.md as it stands: a first staged rollout, a bad release that goes back, windows, control, why; on simulated devices."""
from fleet import ROOT
from session import blocks, play

SESSION_S = 120


def test_an_operator_learns_rollouts(build, tmp_path):
    found = blocks("docs/rollouts.md")
    assert len(found) > 12 and sum(block.prints is not None for block in found) >= 7, "the document has its blocks"
    play(found, tmp_path, SESSION_S, build / "cli", QUICKSTART=f"/usr/bin/python3 {ROOT / 'deploy/quickstart.py'} --build {build}")
