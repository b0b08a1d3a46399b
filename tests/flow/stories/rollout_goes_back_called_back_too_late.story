# Called back while it was rebooting into the version that its rollout goes back from: one comes up on it at once, another one days after the rollout has ended. Both are taken back.
rollout r1 esp32 1.1.0 confirmations=1

[      0] device  > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device  > d2 heartbeat 1.0.0 boot=b1 managed
[   1007] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[   1012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package
[   1015] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[   2000] device  > d1 report downloading
[   2007] store   > d1 dispatched -> downloading    download: it downloads
[   3000] device  > d2 report downloading
[   3007] store   > d2 dispatched -> downloading    download: it downloads
[  10000] operator > permits p1
[  10000] operator > rolls_back r1 why=batteries
[  10000] rollout > r1 running -> rolling_back  roll_back: batteries
[  10012] store   > d1 downloading -> cancelled     cancel: its rollout goes back [E_CANCELLED]
[  10012] store   > d2 downloading -> cancelled     cancel: its rollout goes back [E_CANCELLED]
[  10015] broker  < update/esp32/d1              cancel 1.1.0
[  10015] broker  < update/esp32/d2              cancel 1.1.0
[  14000] rollout > r1 rolling_back -> rolled_back  back: nobody is left to take back
[  20000] device  > d1 heartbeat 1.1.0 boot=b2 managed
[  20007] store   > d1 cancelled -> verifying       target_seen: it came up on the target version after all [E_CANCELLED]
[  26012] store   > d1 verifying -> rolling_back    rollback_asked: its rollout has gone back [E_ROLLED_BACK]
[  26015] broker  < update/esp32/d1              rollback to 1.0.0, permit p1
[  40000] device  > d1 heartbeat 1.0.0 boot=b3 managed
[  40007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: its rollout has gone back [E_ROLLED_BACK]
[259200000] device  > d2 heartbeat 1.1.0 boot=b2 managed
[259200007] store   > d2 cancelled -> verifying       target_seen: it came up on the target version after all [E_CANCELLED]
[259200012] store   > d2 verifying -> rolling_back    rollback_asked: its rollout has gone back [E_ROLLED_BACK]
[259200015] broker  < update/esp32/d2              rollback to 1.0.0, permit p1
[259201000] operator > explains d2
[259201000] answer  < now: rolling_back since 0 s: its rollout has gone back
[259201000] answer  < next: a heartbeat on 1.0.0 ends it; otherwise it is told again (left: 2)
[259201000] answer  < by: 259260010
[259230000] device  > d2 heartbeat 1.1.0 boot=b2 managed
[259260000] device  > d2 heartbeat 1.0.0 boot=b3 managed
[259260007] store   > d2 rolling_back -> rolled_back  old_seen: back on 1.0.0: its rollout has gone back [E_ROLLED_BACK]
[259300000] clock   > later
