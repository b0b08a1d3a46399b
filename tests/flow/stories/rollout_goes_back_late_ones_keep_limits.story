# Late ones, too, are told one at a time where one place is all there is, and nobody while all rollouts are stopped; meanwhile they do not count as updated.
rollout r1 esp32 1.1.0 confirmations=1 max_in_flight=1

[      0] device  > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[    500] device  > d1 report rejected
[    507] store   > d1 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[   1000] device  > d2 heartbeat 1.0.0 boot=b1 managed
[   1007] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[   1012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package
[   1015] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[   1500] device  > d2 report rejected
[   1507] store   > d2 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[  10000] operator > rolls_back r1
[  10000] rollout > r1 running -> rolling_back  roll_back: operator
[  14000] rollout > r1 rolling_back -> rolled_back  back: nobody is left to take back
[ 100000] operator > stops_all
[ 101000] device  > d1 keeps sending 1.1.0 boot=b2 managed until=320000
[ 101007] store   > d1 rejected -> verifying        target_seen: it came up on the target version after all [E_REJECTED]
[ 101012] store   > d1 verifying                    progress: proved, but its rollout goes back
[ 102000] device  > d2 keeps sending 1.1.0 boot=b2 managed until=400000
[ 102007] store   > d2 rejected -> verifying        target_seen: it came up on the target version after all [E_REJECTED]
[ 102012] store   > d2 verifying                    progress: proved, but its rollout goes back
[ 200000] operator > explains d1
[ 200000] answer  < now: verifying since 98 s: proved, but its rollout goes back
[ 200000] answer  < next: its rollout goes back; it does not yet: all rollouts are stopped
[ 200000] answer  < by: 401000
[ 300000] operator > starts_all
[ 309012] store   > d1 verifying -> rolling_back    rollback_asked: its rollout has gone back [E_ROLLED_BACK]
[ 309012] store   > d2 rollback_asked: not now
[ 309015] broker  < update/esp32/d1              rollback to 1.0.0
[ 312007] store   > d2 rollback_asked: not now
[ 325012] store   > d2 rollback_asked: not now
[ 340000] device  > d1 heartbeat 1.0.0 boot=b3 managed
[ 340007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: its rollout has gone back [E_ROLLED_BACK]
[ 341012] store   > d2 verifying -> rolling_back    rollback_asked: its rollout has gone back [E_ROLLED_BACK]
[ 341015] broker  < update/esp32/d2              rollback to 1.0.0
[ 402007] store   > d2 rolling_back                 expired: not back yet: tell it again
[ 402010] broker  < update/esp32/d2              rollback to 1.0.0
[ 410000] device  > d2 heartbeat 1.0.0 boot=b3 managed
[ 410007] store   > d2 rolling_back -> rolled_back  old_seen: back on 1.0.0: its rollout has gone back [E_ROLLED_BACK]
[ 500000] clock   > later
