# The rollout is cancelled while devices are at a stone: it is a good release, they stay on it. Who has not begun to install it is called back; who has gets there first.
rollout r1 esp32 3.0.0 plan={"stepping_stones":["2.0.0"],"confirmations":2}

[      0] device > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 3.0.0, by way of 2.0.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package of 2.0.0
[     15] broker  < update/esp32/d1              update 2.0.0, attempt 1, full
[    100] device > d2 heartbeat 1.0.0 boot=b1 managed
[    107] store   > d2 none -> pending              open: runs 1.0.0, behind 3.0.0, by way of 2.0.0
[    112] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package of 2.0.0
[    115] broker  < update/esp32/d2              update 2.0.0, attempt 1, full
[    200] device > d3 heartbeat 1.0.0 boot=b1 managed
[    207] store   > d3 none -> pending              open: runs 1.0.0, behind 3.0.0, by way of 2.0.0
[    212] store   > d3 pending -> dispatched        dispatch: attempt 1 of 3, full package of 2.0.0
[    215] broker  < update/esp32/d3              update 2.0.0, attempt 1, full
[   1000] device > d1 heartbeat 2.0.0 boot=b2 managed
[   1007] store   > d1 dispatched -> verifying      target_seen: a heartbeat shows 2.0.0, its stepping stone
[   1500] device > d3 heartbeat 2.0.0 boot=b2 managed
[   1507] store   > d3 dispatched -> verifying      target_seen: a heartbeat shows 2.0.0, its stepping stone
[   2000] device > d3 heartbeat 2.0.0 boot=b2 managed
[   2007] store   > d3 verifying                    progress: 2 of 2 healthy heartbeats
[   2012] store   > d3 verifying -> pending         stepped: on 2.0.0 (1 of 1 stones), next 3.0.0
[   2017] store   > d3 pending -> dispatched        dispatch: attempt 1 of 3, full package
[   2020] broker  < update/esp32/d3              update 3.0.0, attempt 2, full
[   3000] operator > cancels r1
[   3012] store   > d2 dispatched -> cancelled      cancel: cancelled, and told so [E_CANCELLED]
[   3012] store   > d3 dispatched -> cancelled      cancel: cancelled, and told so [E_CANCELLED]
[   3015] broker  < update/esp32/d2              cancel 2.0.0
[   3015] broker  < update/esp32/d3              cancel 3.0.0
[   6000] device > d1 heartbeat 2.0.0 boot=b2 managed
[   6007] store   > d1 verifying                    progress: 2 of 2 healthy heartbeats
[   6012] store   > d1 verifying -> pending         stepped: on 2.0.0 (1 of 1 stones), next 3.0.0
[   9000] device > d2 heartbeat 2.0.0 boot=b2 managed
[   9007] store   > d2 cancelled -> verifying       target_seen: a heartbeat shows 2.0.0, its stepping stone [E_CANCELLED]
[  10000] device > d2 heartbeat 2.0.0 boot=b2 managed
[  10007] store   > d2 verifying                    progress: 2 of 2 healthy heartbeats
[  10012] store   > d2 verifying -> pending         stepped: on 2.0.0 (1 of 1 stones), next 3.0.0
[  12007] store   > d1 pending -> cancelled         cancel: cancelled before it was told [E_CANCELLED]
[  16007] store   > d2 pending -> cancelled         cancel: cancelled before it was told [E_CANCELLED]
[  20000] clock > later
