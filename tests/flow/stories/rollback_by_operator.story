# An operator wants it back: while it verifies, after it has succeeded, and when there is nothing to take back.
rollout r1 esp32 1.1.0 confirmations=1

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] operator > rollback d1 by=ann
[   1005] answer  < 409 its upgrade is dispatched: there is nothing to take back
[   5000] device > d1 report verifying
[   5007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[  20000] device > d1 heartbeat 1.1.0 boot=b2
[  20007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[  30000] operator > rollback d1 by=ann
[  30007] store   > d1 succeeded -> rolling_back    rollback_asked: ann wants the old version [E_ROLLED_BACK]
[  30010] broker  < update/esp32/d1              rollback to 1.0.0
[  30010] answer  < 200 ann wants the old version
[  31000] operator > rollback d1 by=ann
[  31005] answer  < 409 it is going back already
[  60000] device > d1 heartbeat 1.0.0 boot=b3
[  60007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: ann wants the old version [E_ROLLED_BACK]
[  61000] operator > rollback d1 by=ann
[  61005] answer  < 409 its upgrade is rolled_back: there is nothing to take back
