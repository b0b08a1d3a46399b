# Two stones. Who runs something between them goes through the second alone.
rollout r1 esp32 3.0.0 plan={"stepping_stones":["1.5.0","2.0.0"],"confirmations":1}

[      0] device > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 3.0.0, by way of 1.5.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package of 1.5.0
[     15] broker  < update/esp32/d1              update 1.5.0, attempt 1, full
[   1000] device > d1 heartbeat 1.5.0 boot=b2 managed
[   1007] store   > d1 dispatched -> verifying      target_seen: a heartbeat shows 1.5.0, its stepping stone
[   1012] store   > d1 verifying -> pending         stepped: on 1.5.0 (1 of 2 stones), next 2.0.0
[   1017] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package of 2.0.0
[   1020] broker  < update/esp32/d1              update 2.0.0, attempt 2, full
[   2000] device > d1 heartbeat 2.0.0 boot=b3 managed
[   2007] store   > d1 dispatched -> verifying      target_seen: a heartbeat shows 2.0.0, its stepping stone
[   2012] store   > d1 verifying -> pending         stepped: on 2.0.0 (2 of 2 stones), next 3.0.0
[   2017] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[   2020] broker  < update/esp32/d1              update 3.0.0, attempt 3, full
[   2500] operator > explains d1
[   2500] answer  < now: dispatched since 0 s: attempt 1 of 3, full package
[   2500] answer  < next: without a reaction it is told again (left: 2)
[   2500] answer  < by: 32015
[   3000] device > d1 heartbeat 3.0.0 boot=b4 managed
[   3007] store   > d1 dispatched -> verifying      target_seen: a heartbeat shows the target version
[   3012] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[  10000] device > d2 heartbeat 1.7.0 boot=b1 managed
[  10007] store   > d2 none -> pending              open: runs 1.7.0, behind 3.0.0, by way of 2.0.0
[  10012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package of 2.0.0
[  10015] broker  < update/esp32/d2              update 2.0.0, attempt 1, full
[  11000] device > d2 heartbeat 2.0.0 boot=b2 managed
[  11007] store   > d2 dispatched -> verifying      target_seen: a heartbeat shows 2.0.0, its stepping stone
[  11012] store   > d2 verifying -> pending         stepped: on 2.0.0 (2 of 2 stones), next 3.0.0
[  11017] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package
[  11020] broker  < update/esp32/d2              update 3.0.0, attempt 2, full
[  12000] device > d2 heartbeat 3.0.0 boot=b3 managed
[  12007] store   > d2 dispatched -> verifying      target_seen: a heartbeat shows the target version
[  12012] store   > d2 verifying -> succeeded       confirmed: proved by its heartbeats
[  20000] device > d3 heartbeat 1.0.0 boot=b1 managed
[  20007] store   > d3 none -> pending              open: runs 1.0.0, behind 3.0.0, by way of 1.5.0
[  20012] store   > d3 pending -> dispatched        dispatch: attempt 1 of 3, full package of 1.5.0
[  20015] broker  < update/esp32/d3              update 1.5.0, attempt 1, full
[  21000] device > d3 heartbeat 3.0.0 boot=b2 managed
[  21007] store   > d3 dispatched -> verifying      target_seen: a heartbeat shows the target version
[  21012] store   > d3 verifying -> succeeded       confirmed: proved by its heartbeats
