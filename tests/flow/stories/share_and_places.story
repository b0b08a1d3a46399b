# Half of the fleet, one at a time: places are counted in the store, shares come from the device's hash.
rollout r1 esp32 1.1.0 share_pct=50 max_in_flight=1

[      0] device > d1 heartbeat 1.0.0 boot=b1
[    100] device > d2 heartbeat 1.0.0 boot=b1
[    107] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[    112] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package
[    115] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[    200] device > d3 heartbeat 1.0.0 boot=b1
[    300] device > d4 heartbeat 1.0.0 boot=b1
[    400] device > d5 heartbeat 1.0.0 boot=b1
[   1000] operator > explains d1
[   1000] answer  < now: runs 1.0.0, has no upgrade
[   1000] answer  < next: nothing is planned: its place is outside the rollout's share
[   1100] operator > explains d2
[   1100] answer  < now: dispatched since 0 s: attempt 1 of 3, full package
[   1100] answer  < next: without a reaction it is told again (left: 2)
[   1100] answer  < by: 30110
[   1200] operator > explains d3
[   1200] answer  < now: runs 1.0.0, has no upgrade
[   1200] answer  < next: nothing is planned: as many upgrades as allowed are under way
[   1300] operator > explains d4
[   1300] answer  < now: runs 1.0.0, has no upgrade
[   1300] answer  < next: nothing is planned: its place is outside the rollout's share
[   1400] operator > explains d5
[   1400] answer  < now: runs 1.0.0, has no upgrade
[   1400] answer  < next: nothing is planned: its place is outside the rollout's share
