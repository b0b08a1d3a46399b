# The key that signed the release is revoked while devices are on their way: nobody is told (again), one that asks gets nothing;
# when it is trusted anew they go on where they stood.
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] operator > revokes r1
[   1100] device > d2 heartbeat 1.0.0 boot=b1
[   1200] operator > explains d2
[   1200] answer  < now: runs 1.0.0, has no upgrade
[   1200] answer  < next: nothing is planned: its release does not verify any more
[   1300] device > d1 asks 1.0.0
[   1307] store   > d1 dispatched -> acknowledged   acknowledge: it asked for the release
[   1310] answer  < 304 its release does not verify any more
[   1400] device > somebody asks 1.0.0
[   1400] answer  < 304 its release does not verify any more
[  31000] clock >
[  40000] operator > trusts r1
[  41000] device > d1 asks 1.0.0
[  41005] answer  < 200 update 1.1.0, attempt 1, full
[  42000] device > d2 heartbeat 1.0.0 boot=b1
[  42007] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[  42012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package
[  42015] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
