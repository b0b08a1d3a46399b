# Each device is told in its own night, by its own clock: Lord Howe's comes before Berlin's, Berlin's before New York's. Within the window each has its own minute, so that
# they do not all come when it opens. Who says no zone goes by the plan's; so does who says one that nobody knows.
begins 2026-06-10T10:00:00Z
rollout r1 esp32 1.1.0 plan={"windows":{"time_zone":"Asia/Kolkata","weekly":[{"from":"22:00","to":"04:00"}]},"retry":{"max_attempts":1}}

[      0] device > d1 keeps sending 1.0.0 boot=b1 tz=America/New_York managed each=60000 until=86400000
[      0] device > d2 keeps sending 1.0.0 boot=b1 tz=Europe/Berlin managed each=60000 until=86400000
[      0] device > d3 keeps sending 1.0.0 boot=b1 tz=Australia/Lord_Howe managed each=60000 until=86400000
[      0] device > d4 keeps sending 1.0.0 boot=b1 managed each=60000 until=86400000
[      0] device > d5 keeps sending 1.0.0 boot=b1 tz=Mars/Base managed each=60000 until=86400000
[   1000] operator > explains d1
[   1000] answer  < now: runs 1.0.0, has no upgrade
[   1000] answer  < next: its turn comes later: its maintenance window is not open, Wednesday 06:00 where it is (America/New_York)
[   1000] answer  < by: 59235000
[   1000] operator > explains d3
[   1000] answer  < now: runs 1.0.0, has no upgrade
[   1000] answer  < next: its turn comes later: its maintenance window is not open, Wednesday 20:30 where it is (Australia/Lord_Howe)
[   1000] answer  < by: 6316000
[6360007] store   > d3 none -> pending              open: runs 1.0.0, behind 1.1.0
[6360012] store   > d3 pending -> dispatched        dispatch: attempt 1 of 1, full package
[6360015] broker  < update/esp32/d3              update 1.1.0, attempt 1, full, installs from now to 2026-06-10T17:30:00Z
[6361000] device > d3 report rejected
[6361007] store   > d3 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[24540007] store   > d5 none -> pending              open: runs 1.0.0, behind 1.1.0
[24540012] store   > d5 pending -> dispatched        dispatch: attempt 1 of 1, full package
[24540015] broker  < update/esp32/d5              update 1.1.0, attempt 1, full, installs from now to 2026-06-10T22:30:00Z
[24541000] device > d5 report rejected
[24541007] store   > d5 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[26940007] store   > d4 none -> pending              open: runs 1.0.0, behind 1.1.0
[26940012] store   > d4 pending -> dispatched        dispatch: attempt 1 of 1, full package
[26940015] broker  < update/esp32/d4              update 1.1.0, attempt 1, full, installs from now to 2026-06-10T22:30:00Z
[26941000] device > d4 report rejected
[26941007] store   > d4 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[36900007] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[36900012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 1, full package
[36900015] broker  < update/esp32/d2              update 1.1.0, attempt 1, full, installs from now to 2026-06-11T02:00:00Z
[36901000] device > d2 report rejected
[36901007] store   > d2 dispatched -> rejected       reject: the device refuses [E_REJECTED]
[59280007] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[59280012] store   > d1 pending -> dispatched        dispatch: attempt 1 of 1, full package
[59280015] broker  < update/esp32/d1              update 1.1.0, attempt 1, full, installs from now to 2026-06-11T08:00:00Z
[59281000] device > d1 report rejected
[59281007] store   > d1 dispatched -> rejected       reject: the device refuses [E_REJECTED]
