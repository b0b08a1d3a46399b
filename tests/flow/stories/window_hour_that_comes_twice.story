# On 2026-11-01 New York's clock shows 01:00 to 02:00 twice, so a window from 01:00 to 01:45 is open twice.
begins 2026-11-01T05:44:00Z
rollout r1 esp32 1.1.0 plan={"windows":{"weekly":[{"from":"01:00","to":"01:45"}]}}

[      0] device > d1 heartbeat 1.0.0 boot=b1 tz=America/New_York managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full, installs from now to 2026-11-01T05:45:00Z
[   1000] device > d1 report rejected
[   1007] store   > d1 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[  61000] device > d2 heartbeat 1.0.0 boot=b1 tz=America/New_York managed
[  62000] operator > explains d2
[  62000] answer  < now: runs 1.0.0, has no upgrade
[  62000] answer  < next: its turn comes later: its maintenance window is not open, Sunday 01:45 where it is (America/New_York)
[  62000] answer  < by: 1125000
[1900000] device > d2 heartbeat 1.0.0 boot=b1 tz=America/New_York managed
[1900007] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[1900012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package
[1900015] broker  < update/esp32/d2              update 1.1.0, attempt 1, full, installs from now to 2026-11-01T06:45:00Z
[1901000] device > d2 report rejected
[1901007] store   > d2 dispatched -> rejected       reject: the device refuses [E_REJECTED]
