# A rollout goes back: who has the new version is told to go back, with its permit; who has not begun is called back,
# and who installs goes back when it is through. When nobody is left it ends by itself.
rollout r1 esp32 1.1.0 confirmations=1 max_in_flight=3
[      0] device  > d1 keeps sending 1.0.0 boot=b1 managed until=900
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[    100] device  > d2 keeps sending 1.0.0 boot=b1 managed until=900
[    107] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[    112] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package
[    115] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[   1000] device  > d1 report verifying
[   1007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[   2000] device  > d1 heartbeat 1.1.0 boot=b2 managed
[   2007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[   3000] device  > d2 report verifying
[   3007] store   > d2 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[   4000] device  > d2 heartbeat 1.1.0 boot=b2 managed
[   4007] store   > d2 verifying -> succeeded       confirmed: proved by its heartbeats
[   5000] device  > d3 heartbeat 1.0.0 boot=b1 managed
[   5007] store   > d3 none -> pending              open: runs 1.0.0, behind 1.1.0
[   5012] store   > d3 pending -> dispatched        dispatch: attempt 1 of 3, full package
[   5015] broker  < update/esp32/d3              update 1.1.0, attempt 1, full
[   6000] device  > d3 report installing
[   6007] store   > d3 dispatched -> installing     install: it installs
[   7000] device  > d4 heartbeat 1.0.0 boot=b1 managed
[   7007] store   > d4 none -> pending              open: runs 1.0.0, behind 1.1.0
[   7012] store   > d4 pending -> dispatched        dispatch: attempt 1 of 3, full package
[   7015] broker  < update/esp32/d4              update 1.1.0, attempt 1, full
[   8000] device  > d4 report downloading
[   8007] store   > d4 dispatched -> downloading    download: it downloads
[  10000] operator > permits p1
[  10000] operator > rolls_back r1 why=batteries
[  10000] rollout > r1 running -> rolling_back  roll_back: batteries
[  10012] store   > d4 downloading -> cancelled     cancel: its rollout goes back [E_CANCELLED]
[  10015] broker  < update/esp32/d4              cancel 1.1.0
[  10017] store   > d1 succeeded -> rolling_back    rollback_asked: its rollout goes back: batteries [E_ROLLED_BACK]
[  10020] broker  < update/esp32/d1              rollback to 1.0.0, permit p1
[  10100] operator > explains d2
[  10100] answer  < now: succeeded since 6 s: proved by its heartbeats
[  10100] answer  < next: is told to go back to 1.0.0 when a place is free and it is online
[  11017] store   > d2 succeeded -> rolling_back    rollback_asked: its rollout goes back: batteries [E_ROLLED_BACK]
[  11020] broker  < update/esp32/d2              rollback to 1.0.0, permit p1
[  13000] device  > d1 heartbeat 1.0.0 boot=b3 managed
[  13000] device  > d2 heartbeat 1.0.0 boot=b3 managed
[  13007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: its rollout goes back: batteries [E_ROLLED_BACK]
[  13007] store   > d2 rolling_back -> rolled_back  old_seen: back on 1.0.0: its rollout goes back: batteries [E_ROLLED_BACK]
[  20000] device  > d3 report verifying
[  20007] store   > d3 installing -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[  21000] device  > d3 heartbeat 1.1.0 boot=b2 managed
[  21007] store   > d3 verifying -> rolling_back    rollback_asked: its rollout goes back: batteries [E_ROLLED_BACK]
[  21010] broker  < update/esp32/d3              rollback to 1.0.0, permit p1
[  25000] device  > d3 heartbeat 1.0.0 boot=b3 managed
[  25007] store   > d3 rolling_back -> rolled_back  old_seen: back on 1.0.0: its rollout goes back: batteries [E_ROLLED_BACK]
[  26000] device  > d5 heartbeat 1.0.0 boot=b1 managed
[  29000] rollout > r1 rolling_back -> rolled_back  back: nobody is left to take back
[  60000] clock   > later
