# The rollout goes back: who runs the target goes back to the stone, which the other slot has; who is on the stone stays there.
rollout r1 esp32 3.0.0 plan={"stepping_stones":["2.0.0"],"confirmations":1}

[      0] operator > permits p1
[    100] device > d1 keeps sending 1.0.0 boot=b1 managed until=900
[    107] store   > d1 none -> pending              open: runs 1.0.0, behind 3.0.0, by way of 2.0.0
[    112] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package of 2.0.0
[    115] broker  < update/esp32/d1              update 2.0.0, attempt 1, full
[   1000] device > d1 keeps sending 2.0.0 boot=b2 managed until=1900
[   1007] store   > d1 dispatched -> verifying      target_seen: a heartbeat shows 2.0.0, its stepping stone
[   1012] store   > d1 verifying -> pending         stepped: on 2.0.0 (1 of 1 stones), next 3.0.0
[   1017] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[   1020] broker  < update/esp32/d1              update 3.0.0, attempt 2, full
[   2000] device > d1 keeps sending 3.0.0 boot=b3 managed until=60000
[   2007] store   > d1 dispatched -> verifying      target_seen: a heartbeat shows the target version
[   2012] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[   3000] device > d2 heartbeat 1.0.0 boot=b1 managed
[   3007] store   > d2 none -> pending              open: runs 1.0.0, behind 3.0.0, by way of 2.0.0
[   3012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package of 2.0.0
[   3015] broker  < update/esp32/d2              update 2.0.0, attempt 1, full
[   3500] device > d2 report installing
[   3507] store   > d2 dispatched -> installing     install: it installs
[   5000] device > d3 heartbeat 1.0.0 boot=b1 managed
[   5007] store   > d3 none -> pending              open: runs 1.0.0, behind 3.0.0, by way of 2.0.0
[   5012] store   > d3 pending -> dispatched        dispatch: attempt 1 of 3, full package of 2.0.0
[   5015] broker  < update/esp32/d3              update 2.0.0, attempt 1, full
[   6000] device > d3 heartbeat 2.0.0 boot=b2 managed
[   6007] store   > d3 dispatched -> verifying      target_seen: a heartbeat shows 2.0.0, its stepping stone
[   6012] store   > d3 verifying -> pending         stepped: on 2.0.0 (1 of 1 stones), next 3.0.0
[   6017] store   > d3 pending -> dispatched        dispatch: attempt 1 of 3, full package
[   6020] broker  < update/esp32/d3              update 3.0.0, attempt 2, full
[   8000] operator > rolls_back r1 why=bad
[   8000] rollout > r1 running -> rolling_back stage 1  roll_back: bad
[   8012] store   > d3 dispatched -> cancelled      cancel: its rollout goes back [E_CANCELLED]
[   8015] broker  < update/esp32/d3              cancel 3.0.0
[   8017] store   > d1 succeeded -> rolling_back    rollback_asked: its rollout goes back: bad [E_ROLLED_BACK]
[   8020] broker  < update/esp32/d1              rollback to 2.0.0, permit p1
[  10000] device > d1 keeps sending 2.0.0 boot=b4 managed until=60000
[  10007] store   > d1 rolling_back -> rolled_back  old_seen: back on 2.0.0: its rollout goes back: bad [E_ROLLED_BACK]
[  12000] device > d2 report verifying
[  12007] store   > d2 installing -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[  13000] device > d2 heartbeat 2.0.0 boot=b2 managed
[  13007] store   > d2 verifying                    progress: 1 of 1 healthy heartbeats
[  13012] store   > d2 verifying -> pending         stepped: on 2.0.0 (1 of 1 stones), next 3.0.0
[  19007] store   > d2 pending -> cancelled         cancel: its rollout goes back [E_CANCELLED]
[  21000] rollout > r1 rolling_back -> rolled_back stage 1  back: nobody is left to take back
[  40000] clock > later
