# What a question is answered before, beside and after its time.
rollout r1 esp32 1.1.0 max_in_flight=1

[      0] device > d1 asks 1.0.0
[      5] answer  < 304 no heartbeat of this device was seen yet
[   1000] device > d1 heartbeat 1.0.0 simple
[   2000] device > d2 heartbeat 1.0.0 simple
[   3000] device > d1 asks 1.0.0
[   3007] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[   3012] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[   3017] store   > d1 dispatched -> acknowledged   acknowledge: it asked for the release
[   3020] answer  < 200 update 1.1.0, attempt 1, full
# The one place is taken.
[   4000] device > d2 asks 1.0.0
[   4005] answer  < 304 as many upgrades as allowed are under way
# Asked again in the same attempt: the same answer, no new attempt.
[   5000] device > d1 asks 1.0.0
[   5005] answer  < 200 update 1.1.0, attempt 1, full
# It must say what its heartbeats say.
[   6000] device > d1 asks 1.0.5
[   6005] answer  < 304 says another version than its heartbeats
[   6500] device > d1 asks 1.0.0 model=other
[   6505] answer  < 304 says another model than its heartbeats
# Somebody unnamed cannot be counted; the rollout is for everybody, so the full package is theirs.
[   7000] device > somebody asks 1.0.0
[   7000] answer  < 200 update 1.1.0, attempt 0, full
[   8000] device > somebody asks 1.1.0
[   8000] answer  < 304 it runs a version that is not older
