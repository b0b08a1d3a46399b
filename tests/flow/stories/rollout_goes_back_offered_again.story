# A late one runs the version that another rollout brings by then: it stays there.
rollout r1 esp32 1.1.0 confirmations=1

[      0] device  > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device  > d1 report downloading
[   1007] store   > d1 dispatched -> downloading    download: it downloads
[  10000] operator > rolls_back r1
[  10000] rollout > r1 running -> rolling_back  roll_back: operator
[  10012] store   > d1 downloading -> cancelled     cancel: its rollout goes back [E_CANCELLED]
[  10015] broker  < update/esp32/d1              cancel 1.1.0
[  14000] rollout > r1 rolling_back -> rolled_back  back: nobody is left to take back
[ 100000] operator > supersedes r1 r2 esp32 1.1.0 confirmations=1
[ 200000] device  > d1 keeps sending 1.1.0 boot=b2 managed
[ 200007] store   > d1 cancelled -> verifying       target_seen: it came up on the target version after all [E_CANCELLED]
[ 200012] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[ 300000] clock   > later
