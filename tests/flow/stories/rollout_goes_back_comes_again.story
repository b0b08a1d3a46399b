# Back on the old version, it boots the bad one once more, by itself: it is taken back again.
rollout r1 esp32 1.1.0 confirmations=1

[      0] device  > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[    500] device  > d1 report verifying
[    507] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[   1000] device  > d1 heartbeat 1.1.0 boot=b2 managed
[   1007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[  10000] operator > rolls_back r1
[  10000] rollout > r1 running -> rolling_back  roll_back: operator
[  10017] store   > d1 succeeded -> rolling_back    rollback_asked: its rollout goes back: operator [E_ROLLED_BACK]
[  10020] broker  < update/esp32/d1              rollback to 1.0.0
[  20000] device  > d1 heartbeat 1.0.0 boot=b3 managed
[  20007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: its rollout goes back: operator [E_ROLLED_BACK]
[  26000] rollout > r1 rolling_back -> rolled_back  back: nobody is left to take back
[  90000] device  > d1 heartbeat 1.1.0 boot=b4 managed
[  90007] store   > d1 rolled_back -> verifying     target_seen: it came up on the target version again [E_ROLLED_BACK]
[  90012] store   > d1 verifying -> rolling_back    rollback_asked: its rollout has gone back [E_ROLLED_BACK]
[  90015] broker  < update/esp32/d1              rollback to 1.0.0
[ 120000] device  > d1 heartbeat 1.1.0 boot=b4 managed
[ 140000] device  > d1 heartbeat 1.0.0 boot=b5 managed
[ 140007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: its rollout has gone back [E_ROLLED_BACK]
[ 200000] clock   > later
