# Six a minute, doubled with each minute of the stage, spread evenly whichever of the two orchestrators a device speaks to.
orchestrators 2
rollout r1 esp32 1.1.0 plan={"limits":{"per_minute":6,"growth_pct":100},"retry":{"max_attempts":1}}

[      0] device > d1 heartbeat 1.0.0 boot=b1 managed via=A
[      0] device > d2 heartbeat 1.0.0 boot=b1 managed via=B
[      0] device > d3 heartbeat 1.0.0 boot=b1 managed via=B
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0 (A)
[      7] store   > d2 no place in r1: as many a minute as allowed (B)
[      7] store   > d3 no place in r1: as many a minute as allowed (B)
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 1, full package (A)
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1002] store   > d2 waits for a place in r1 (B)
[   1002] store   > d3 waits for a place in r1 (B)
[   5000] device > d1 report rejected
[   5007] store   > d1 dispatched -> rejected       reject: the device refuses [E_REJECTED] (A)
[  11012] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0 (A)
[  11012] store   > d3 no place in r1: as many a minute as allowed (B)
[  11017] store   > d2 pending -> dispatched        dispatch: attempt 1 of 1, full package (A)
[  11020] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[  12500] device > d2 report rejected
[  12507] store   > d2 dispatched -> rejected       reject: the device refuses [E_REJECTED] (A)
[  22012] store   > d3 none -> pending              open: runs 1.0.0, behind 1.1.0 (A)
[  22017] store   > d3 pending -> dispatched        dispatch: attempt 1 of 1, full package (A)
[  22020] broker  < update/esp32/d3              update 1.1.0, attempt 1, full
[  22500] device > d3 report rejected
[  22507] store   > d3 dispatched -> rejected       reject: the device refuses [E_REJECTED] (A)
[  60000] device > d4 heartbeat 1.0.0 boot=b1 managed via=A
[  60000] device > d5 heartbeat 1.0.0 boot=b1 managed via=B
[  60007] store   > d4 none -> pending              open: runs 1.0.0, behind 1.1.0 (A)
[  60007] store   > d5 no place in r1: as many a minute as allowed (B)
[  60012] store   > d4 pending -> dispatched        dispatch: attempt 1 of 1, full package (A)
[  60015] broker  < update/esp32/d4              update 1.1.0, attempt 1, full
[  61000] device > d4 report rejected
[  61002] store   > d5 waits for a place in r1 (B)
[  61007] store   > d4 dispatched -> rejected       reject: the device refuses [E_REJECTED] (A)
[  66012] store   > d5 none -> pending              open: runs 1.0.0, behind 1.1.0 (A)
[  66017] store   > d5 pending -> dispatched        dispatch: attempt 1 of 1, full package (A)
[  66020] broker  < update/esp32/d5              update 1.1.0, attempt 1, full
[  68000] device > d5 report rejected
[  68007] store   > d5 dispatched -> rejected       reject: the device refuses [E_REJECTED] (A)
