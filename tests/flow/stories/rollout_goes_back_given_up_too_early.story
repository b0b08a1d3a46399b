# Given up by the server as silent for too long, or as too slow, before it showed up on the bad version: it is taken back all the same, long after its rollout has gone back.
rollout r1 esp32 1.1.0 confirmations=1 max_attempts=1
policy lost_give_up_ms=3600000

[      0] device  > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 1, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device  > d1 report installing
[   1007] store   > d1 dispatched -> installing     install: it installs
[   2000] device  > d2 keeps sending 1.0.0 boot=b1 managed until=1000000
[   2007] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[   2012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 1, full package
[   2015] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[   3000] device  > d2 report installing
[   3007] store   > d2 dispatched -> installing     install: it installs
[ 902007] store   > d1 installing -> lost           silent: no sign of life for 901 s in installing [E_LOST]
[ 904007] store   > d2 installing -> failed         give_up: never finished installing; no attempts left of 1 [E_TIMEOUT]
[ 950000] operator > rolls_back r1
[ 950000] rollout > r1 running -> rolling_back  roll_back: operator
[ 954000] rollout > r1 rolling_back -> rolled_back  back: nobody is left to take back
[4503007] store   > d1 lost -> failed               give_up: lost for 1 h [E_LOST]
[8000000] device  > d1 heartbeat 1.1.0 boot=b2 managed
[8000007] store   > d1 failed -> verifying          target_seen: it came up on the target version after all [E_LOST]
[8000012] store   > d1 verifying -> rolling_back    rollback_asked: its rollout has gone back [E_ROLLED_BACK]
[8000015] broker  < update/esp32/d1              rollback to 1.0.0
[8030000] device  > d1 heartbeat 1.1.0 boot=b2 managed
[8060000] device  > d1 heartbeat 1.0.0 boot=b3 managed
[8060007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: its rollout has gone back [E_ROLLED_BACK]
[9000000] device  > d2 heartbeat 1.1.0 boot=b2 managed
[9000007] store   > d2 failed -> verifying          target_seen: it came up on the target version after all [E_TIMEOUT]
[9000012] store   > d2 verifying -> rolling_back    rollback_asked: its rollout has gone back [E_ROLLED_BACK]
[9000015] broker  < update/esp32/d2              rollback to 1.0.0
[9030000] device  > d2 heartbeat 1.1.0 boot=b2 managed
[9060000] device  > d2 heartbeat 1.0.0 boot=b3 managed
[9060007] store   > d2 rolling_back -> rolled_back  old_seen: back on 1.0.0: its rollout has gone back [E_ROLLED_BACK]
[9100000] clock   > later
