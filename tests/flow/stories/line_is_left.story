# Whoever is offline when its turn comes leaves the line, and stands in it again when it speaks; whoever is excluded from it by what it has become leaves it, too.
rollout r1 esp32 1.1.0 plan={"limits":{"max_in_flight":1},"retry":{"max_attempts":1},"conditions":{"min_battery_pct":50}}

[      0] device > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 1, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d2 heartbeat 1.0.0 boot=b1 managed network=wifi
[   1002] store   > d2 waits for a place in r1
[   1100] device > d3 heartbeat 1.0.0 boot=b1 managed battery_pct=60
[   1200] device > d4 heartbeat 1.0.0 boot=b1 managed network=cellular
[   2002] store   > d3 waits for a place in r1
[   2002] store   > d4 waits for a place in r1
[   2500] device > d2 goes offline
[   2600] device > d3 heartbeat 1.0.0 boot=b1 managed battery_pct=40 status=busy
[   3000] device > d1 report rejected
[   3007] store   > d1 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[   5000] device > d2 heartbeat 1.0.0 boot=b1 managed network=wifi
[   5002] store   > d2 waits no longer
[   5002] store   > d2 waits for a place in r1
[   5012] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[   5017] store   > d2 pending -> dispatched        dispatch: attempt 1 of 1, full package
[   5020] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[   6000] device > d4 report rejected
[   6005] drover  = unknown: it has no upgrade of this id
[   8000] device > d2 report rejected
[   8007] store   > d2 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[   9000] operator > explains d3
[   9000] answer  < now: runs 1.0.0, has no upgrade
[   9000] answer  < next: nothing is planned: its battery is too low
