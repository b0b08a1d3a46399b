# One place. Those who wait for it stand in line by their weight: critical devices on a fast network first, cellular ones last.
rollout r1 esp32 1.1.0 plan={"limits":{"max_in_flight":1},"retry":{"max_attempts":1}}

[      0] device > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 1, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d2 heartbeat 1.0.0 boot=b1 managed network=cellular
[   1002] store   > d2 waits for a place in r1
[   2000] device > d3 heartbeat 1.0.0 boot=b1 managed network=wifi priority=critical
[   2002] store   > d3 waits for a place in r1
[   3000] device > d4 heartbeat 1.0.0 boot=b1 managed network=wifi
[   3002] store   > d4 waits for a place in r1
[   4500] operator > explains d2
[   4500] answer  < now: runs 1.0.0, has no upgrade
[   4500] answer  < next: waits for its turn: as many upgrades as allowed are under way (1 of 1 under way)
[   5000] device > d1 report rejected
[   5007] store   > d1 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[   6012] store   > d3 none -> pending              open: runs 1.0.0, behind 1.1.0
[   6017] store   > d3 pending -> dispatched        dispatch: attempt 1 of 1, full package
[   6020] broker  < update/esp32/d3              update 1.1.0, attempt 1, full
[   8000] device > d3 report rejected
[   8007] store   > d3 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[   9012] store   > d4 none -> pending              open: runs 1.0.0, behind 1.1.0
[   9017] store   > d4 pending -> dispatched        dispatch: attempt 1 of 1, full package
[   9020] broker  < update/esp32/d4              update 1.1.0, attempt 1, full
[  11000] device > d4 report rejected
[  11007] store   > d4 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[  12012] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[  12017] store   > d2 pending -> dispatched        dispatch: attempt 1 of 1, full package
[  12020] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[  14000] device > d2 report rejected
[  14007] store   > d2 dispatched -> rejected       reject: the device refuses [E_REJECTED]
