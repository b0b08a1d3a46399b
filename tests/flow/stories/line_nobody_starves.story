# One place, and important devices that keep coming. A weight is an advance of 1 s a point here, so the cellular device (30) is passed by critical ones (90) for 60 s and no longer:
# those that come later stand behind it.
rollout r1 esp32 1.1.0 plan={"limits":{"max_in_flight":1},"retry":{"max_attempts":1},"priority":{"ageing_s":1}}

[      0] device > d0 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d0 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d0 pending -> dispatched        dispatch: attempt 1 of 1, full package
[     15] broker  < update/esp32/d0              update 1.1.0, attempt 1, full
[   1000] device > d1 heartbeat 1.0.0 boot=b1 managed network=cellular
[   1002] store   > d1 waits for a place in r1
[  20000] device > d2 heartbeat 1.0.0 boot=b1 managed network=wifi priority=critical
[  20001] device > d1 heartbeat 1.0.0 boot=b1 managed network=cellular
[  20002] device > d0 report rejected
[  20002] store   > d2 waits for a place in r1
[  20009] store   > d0 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[  21012] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[  21017] store   > d2 pending -> dispatched        dispatch: attempt 1 of 1, full package
[  21020] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[  50000] device > d3 heartbeat 1.0.0 boot=b1 managed network=wifi priority=critical
[  50001] device > d1 heartbeat 1.0.0 boot=b1 managed network=cellular
[  50002] device > d2 report rejected
[  50002] store   > d3 waits for a place in r1
[  50009] store   > d2 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[  51012] store   > d3 none -> pending              open: runs 1.0.0, behind 1.1.0
[  51017] store   > d3 pending -> dispatched        dispatch: attempt 1 of 1, full package
[  51020] broker  < update/esp32/d3              update 1.1.0, attempt 1, full
[  70000] device > d4 heartbeat 1.0.0 boot=b1 managed network=wifi priority=critical
[  70001] device > d1 heartbeat 1.0.0 boot=b1 managed network=cellular
[  70002] device > d3 report rejected
[  70002] store   > d4 waits for a place in r1
[  70009] store   > d3 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[  71012] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[  71017] store   > d1 pending -> dispatched        dispatch: attempt 1 of 1, full package
[  71020] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[  75000] device > d1 report rejected
[  75007] store   > d1 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[  76012] store   > d4 none -> pending              open: runs 1.0.0, behind 1.1.0
[  76017] store   > d4 pending -> dispatched        dispatch: attempt 1 of 1, full package
[  76020] broker  < update/esp32/d4              update 1.1.0, attempt 1, full
[  78000] device > d4 report rejected
[  78007] store   > d4 dispatched -> rejected       reject: the device refuses [E_REJECTED]
