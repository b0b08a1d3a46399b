# A release that has expired is not begun any more.
rollout r1 esp32 1.1.0 expires_in_ms=5000

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   5001] device > d2 heartbeat 1.0.0 boot=b1
[   6000] operator > explains d2
[   6000] answer  < now: runs 1.0.0, has no upgrade
[   6000] answer  < next: nothing is planned: its release has expired
