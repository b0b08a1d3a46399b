# It falls silent when it is told to go back: it is lost, gives its place to the next one, and is told again when it speaks from the bad version.
rollout r1 esp32 1.1.0 confirmations=1 max_in_flight=1

[      0] device  > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[    500] device  > d1 report verifying
[    507] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[   1000] device  > d1 heartbeat 1.1.0 boot=b2 managed
[   1007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[   2000] device  > d2 heartbeat 1.0.0 boot=b1 managed
[   2007] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[   2012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package
[   2015] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[   2500] device  > d2 report verifying
[   2507] store   > d2 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[   3000] device  > d2 heartbeat 1.1.0 boot=b2 managed
[   3007] store   > d2 verifying -> succeeded       confirmed: proved by its heartbeats
[  10000] operator > rolls_back r1
[  10000] rollout > r1 running -> rolling_back  roll_back: operator
[  10017] store   > d1 succeeded -> rolling_back    rollback_asked: its rollout goes back: operator [E_ROLLED_BACK]
[  10020] broker  < update/esp32/d1              rollback to 1.0.0
[  71007] store   > d1 rolling_back                 expired: not back yet: tell it again
[  71010] broker  < update/esp32/d1              rollback to 1.0.0
[ 132007] store   > d1 rolling_back                 expired: not back yet: tell it again
[ 132010] broker  < update/esp32/d1              rollback to 1.0.0
[ 193007] store   > d1 rolling_back -> lost         silent: no sign of life for 192 s in rolling_back [E_LOST]
[ 193017] store   > d2 succeeded -> rolling_back    rollback_asked: its rollout goes back: operator [E_ROLLED_BACK]
[ 193020] broker  < update/esp32/d2              rollback to 1.0.0
[ 200000] operator > explains d1
[ 200000] answer  < now: lost since 6 s, from rolling_back: no sign of life for 192 s in rolling_back
[ 200000] answer  < next: its next heartbeat says whether it is back; if not, it is told again
[ 200000] answer  < by: 604993005
[ 210000] device  > d2 heartbeat 1.0.0 boot=b3 managed
[ 210007] store   > d2 rolling_back -> rolled_back  old_seen: back on 1.0.0: its rollout goes back: operator [E_ROLLED_BACK]
[ 214000] rollout > r1 rolling_back -> rolled_back  back: nobody is left to take back
[ 900000] device  > d1 heartbeat 1.1.0 boot=b2 managed
[ 900007] store   > d1 lost -> rolling_back         rollback_asked: its rollout has gone back [E_ROLLED_BACK]
[ 900010] broker  < update/esp32/d1              rollback to 1.0.0
[ 910000] device  > d1 heartbeat 1.0.0 boot=b3 managed
[ 910007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: its rollout has gone back [E_ROLLED_BACK]
[ 950000] clock   > later
