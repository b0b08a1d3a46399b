# The same for one that goes back: paused at the very moment, nobody is told.
rollout r1 esp32 1.1.0 confirmations=1
[      0] device  > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[    500] device  > d1 report verifying
[    507] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[   1000] device  > d1 heartbeat 1.1.0 boot=b2 managed
[   1007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[  10000] operator > silently rolling_back r1
[  10000] device  > d1 heartbeat 1.1.0 boot=b2 managed
[  10006] operator > silently rollback_paused r1
[  10007] store   > d1 rollback_asked: not now
[  10017] store   > d1 rollback_asked: not now
[  20000] operator > goes_on r1
[  20000] rollout > r1 rollback_paused -> rolling_back  resume: operator
[  20017] store   > d1 succeeded -> rolling_back    rollback_asked: its rollout goes back: operator [E_ROLLED_BACK]
[  20020] broker  < update/esp32/d1              rollback to 1.0.0
[  30000] device  > d1 heartbeat 1.0.0 boot=b3 managed
[  30007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: its rollout goes back: operator [E_ROLLED_BACK]
[  36000] rollout > r1 rolling_back -> rolled_back  back: nobody is left to take back
[  60000] clock   > later
