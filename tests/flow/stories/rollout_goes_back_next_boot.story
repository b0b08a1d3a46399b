# It hears and does not go back: told three times, then somebody is called. Its next boot into the bad version is another try, also when the rollout has ended.
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
[  20000] device  > d1 keeps sending 1.1.0 boot=b2 managed until=400000
[  71007] store   > d1 rolling_back                 expired: not back yet: tell it again
[  71010] broker  < update/esp32/d1              rollback to 1.0.0
[ 132007] store   > d1 rolling_back                 expired: not back yet: tell it again
[ 132010] broker  < update/esp32/d1              rollback to 1.0.0
[ 193007] store   > d1 rolling_back -> failed       give_up: it does not go back [E_ROLLED_BACK] ALARM
[ 197000] rollout > r1 rolling_back -> rolled_back  back: nobody is left to take back
[ 300000] operator > explains d1
[ 300000] answer  < now: failed since 106 s: it does not go back
[ 300000] answer  < next: somebody should look: it did not go back to 1.0.0
[ 500000] device  > d1 heartbeat 1.1.0 boot=b3 managed
[ 500007] store   > d1 failed -> verifying          target_seen: it came up on the target version after all [E_ROLLED_BACK]
[ 500012] store   > d1 verifying -> rolling_back    rollback_asked: its rollout has gone back [E_ROLLED_BACK]
[ 500015] broker  < update/esp32/d1              rollback to 1.0.0
[ 530000] device  > d1 heartbeat 1.1.0 boot=b3 managed
[ 560000] device  > d1 heartbeat 1.0.0 boot=b4 managed
[ 560007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: its rollout has gone back [E_ROLLED_BACK]
[ 600000] clock   > later
