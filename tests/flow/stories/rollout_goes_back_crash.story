# An orchestrator dies between saving that two devices go back and telling the second: its deadline says it again.
orchestrators 2
rollout r1 esp32 1.1.0 confirmations=1
[      0] device  > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0 (A)
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package (A)
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[    500] device  > d1 report verifying
[    507] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it (A)
[   1000] device  > d1 heartbeat 1.1.0 boot=b2 managed
[   1007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats (A)
[   2000] device  > d2 heartbeat 1.0.0 boot=b1 managed
[   2007] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0 (A)
[   2012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package (A)
[   2015] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[   2500] device  > d2 report verifying
[   2507] store   > d2 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it (A)
[   3000] device  > d2 heartbeat 1.1.0 boot=b2 managed
[   3007] store   > d2 verifying -> succeeded       confirmed: proved by its heartbeats (A)
[  10000] operator > rolls_back r1
[  10000] rollout > r1 running -> rolling_back  roll_back: operator
[  10017] store   > d1 succeeded -> rolling_back    rollback_asked: its rollout goes back: operator [E_ROLLED_BACK] (A)
[  10017] store   > d2 succeeded -> rolling_back    rollback_asked: its rollout goes back: operator [E_ROLLED_BACK] (A)
[  10018] trouble ! A dies
[  20000] trouble ! A starts
[  71000] device  > d1 heartbeat 1.0.0 boot=b3 managed via=B
[  71007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: its rollout goes back: operator [E_ROLLED_BACK] (B)
[  71007] store   > d1 conflict: changed by somebody else (A)
[  71007] store   > d2 rolling_back                 expired: not back yet: tell it again (A)
[  71010] broker  < update/esp32/d2              rollback to 1.0.0
[  72000] device  > d2 heartbeat 1.0.0 boot=b3 managed via=B
[  72007] store   > d2 rolling_back -> rolled_back  old_seen: back on 1.0.0: its rollout goes back: operator [E_ROLLED_BACK] (B)
[  78000] rollout > r1 rolling_back -> rolled_back  back: nobody is left to take back
[ 100000] clock   > later
