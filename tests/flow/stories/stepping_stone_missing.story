# Nobody is taken while a stone on the way has no release, or one that does not verify; who has passed it is. Between two legs the same holds, and is asked again.
rollout r1 esp32 3.0.0 missing=2.0.0 plan={"stepping_stones":["1.5.0","2.0.0"],"confirmations":1}

[      0] device > d1 heartbeat 1.0.0 boot=b1 managed
[    100] operator > explains d1
[    100] answer  < now: runs 1.0.0, has no upgrade
[    100] answer  < next: nothing is planned: a stepping stone on its way cannot be given
[   1000] device > d2 heartbeat 2.0.1 boot=b1 managed
[   1007] store   > d2 none -> pending              open: runs 2.0.1, behind 3.0.0
[   1012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package
[   1015] broker  < update/esp32/d2              update 3.0.0, attempt 1, full
[   2000] device > d2 report rejected
[   2007] store   > d2 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[   3000] operator > uploads r1 2.0.0
[  10000] device > d1 heartbeat 1.0.0 boot=b1 managed
[  10007] store   > d1 none -> pending              open: runs 1.0.0, behind 3.0.0, by way of 1.5.0
[  10012] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package of 1.5.0
[  10015] broker  < update/esp32/d1              update 1.5.0, attempt 1, full
[  15000] operator > revokes r1 2.0.0
[  20000] device > d1 heartbeat 1.5.0 boot=b2 managed
[  20007] store   > d1 dispatched -> verifying      target_seen: a heartbeat shows 1.5.0, its stepping stone
[  20012] store   > d1 verifying -> pending         stepped: on 1.5.0 (1 of 2 stones), next 2.0.0
[  20500] operator > explains d1
[  20500] answer  < now: pending since 0 s: on 1.5.0 (1 of 2 stones), next 2.0.0
[  20500] answer  < next: waits: a stepping stone on its way cannot be given
[  20500] answer  < by: 25010
[  22000] operator > trusts r1 2.0.0
[  23000] device > d1 heartbeat 1.5.0 boot=b2 managed
[  23007] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package of 2.0.0
[  23010] broker  < update/esp32/d1              update 2.0.0, attempt 2, full
[  24000] device > d1 heartbeat 2.0.0 boot=b3 managed
[  24007] store   > d1 dispatched -> verifying      target_seen: a heartbeat shows 2.0.0, its stepping stone
[  24012] store   > d1 verifying -> pending         stepped: on 2.0.0 (2 of 2 stones), next 3.0.0
[  24017] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[  24020] broker  < update/esp32/d1              update 3.0.0, attempt 3, full
[  25000] device > d1 heartbeat 3.0.0 boot=b4 managed
[  25007] store   > d1 dispatched -> verifying      target_seen: a heartbeat shows the target version
[  25012] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
