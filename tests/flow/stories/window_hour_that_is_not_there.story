# The night of 2026-03-29 has no 02:00 in Berlin: a window from 02:00 to 03:00 is not open at all that night, and opens the next one. One from 01:30 to 03:30 has its hour.
begins 2026-03-28T23:00:00Z
rollout r1 esp32 1.1.0 plan={"windows":{"weekly":[{"from":"02:00","to":"03:00"}]}}
rollout r2 pump 1.1.0 plan={"windows":{"weekly":[{"from":"01:30","to":"03:30"}]}}

[      0] device > d1 keeps sending 1.0.0 boot=b1 tz=Europe/Berlin managed each=60000
[      0] device > d2 keeps sending 1.0.0 boot=b1 tz=Europe/Berlin managed model=pump each=60000
[   1000] operator > explains d1
[   1000] answer  < now: runs 1.0.0, has no upgrade
[   1000] answer  < next: its turn comes later: its maintenance window is not open, Sunday 00:00 where it is (Europe/Berlin)
[   1000] answer  < by: 90408000
[   1000] operator > explains d2
[   1000] answer  < now: runs 1.0.0, has no upgrade
[   1000] answer  < next: its turn comes later: its maintenance window is not open, Sunday 00:00 where it is (Europe/Berlin)
[   1000] answer  < by: 5991000
[6000007] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[6000012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package
[6000015] broker  < update/pump/d2               update 1.1.0, attempt 1, full, installs from now to 2026-03-29T01:30:00Z
[6001000] device > d2 report rejected
[6001007] store   > d2 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[90420007] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[90420012] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[90420015] broker  < update/esp32/d1              update 1.1.0, attempt 1, full, installs from now to 2026-03-30T01:00:00Z
[90421000] device > d1 report rejected
[90421007] store   > d1 dispatched -> rejected       reject: the device refuses [E_REJECTED]
