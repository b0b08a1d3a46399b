# The plan's conditions: on a network it names, enough charge (a device without a battery has it), idle. Asked anew with every heartbeat.
rollout r1 esp32 1.1.0 plan={"conditions":{"networks":["wifi","ethernet"],"min_battery_pct":50,"idle":true}}

[      0] device > d1 heartbeat 1.0.0 boot=b1 managed network=cellular
[    100] operator > explains d1
[    100] answer  < now: runs 1.0.0, has no upgrade
[    100] answer  < next: nothing is planned: it is on another network than the plan asks for
[   1000] device > d1 heartbeat 1.0.0 boot=b1 managed network=wifi battery_pct=20
[   1100] operator > explains d1
[   1100] answer  < now: runs 1.0.0, has no upgrade
[   1100] answer  < next: nothing is planned: its battery is too low
[   2000] device > d1 heartbeat 1.0.0 boot=b1 managed network=wifi battery_pct=80 status=busy
[   2100] operator > explains d1
[   2100] answer  < now: runs 1.0.0, has no upgrade
[   2100] answer  < next: nothing is planned: it is not idle
[   3000] device > d1 heartbeat 1.0.0 boot=b1 managed network=wifi battery_pct=80
[   3007] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[   3012] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[   3015] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   4000] device > d1 report rejected
[   4007] store   > d1 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[   5000] device > d2 heartbeat 1.0.0 boot=b1 managed network=ethernet
[   5007] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[   5012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package
[   5015] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[   6000] device > d2 report rejected
[   6007] store   > d2 dispatched -> rejected       reject: the device refuses [E_REJECTED]
