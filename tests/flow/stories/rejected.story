# It refuses. It is not asked again in this rollout.
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d1 report rejected text=locked_by_owner
[   1007] store   > d1 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[  30000] device > d1 heartbeat 1.0.0 boot=b1
[  31000] operator > explains d1
[  31000] answer  < now: rejected since 29 s: the device refuses
[  31000] answer  < next: nothing is planned: it had its turn in this rollout
