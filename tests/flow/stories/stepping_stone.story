# Whoever runs less than 1.5.0 goes through it first: not by this rollout, but by one of its own.
rollout r1 esp32 2.0.0 plan={"stepping_stones":["1.5.0"]}

[      0] device > d1 heartbeat 1.0.0 boot=b1 managed
[    100] operator > explains d1
[    100] answer  < now: runs 1.0.0, has no upgrade
[    100] answer  < next: nothing is planned: it must go through an earlier version first
[   1000] device > d1 heartbeat 1.5.0 boot=b2 managed
[   1007] store   > d1 none -> pending              open: runs 1.5.0, behind 2.0.0
[   1012] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[   1015] broker  < update/esp32/d1              update 2.0.0, attempt 1, full
[   2000] device > d1 report rejected
[   2007] store   > d1 dispatched -> rejected       reject: the device refuses [E_REJECTED]
