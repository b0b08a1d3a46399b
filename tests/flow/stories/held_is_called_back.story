# Its rollout is cancelled, or goes back, while it holds its package: it is told to drop it.
begins 2026-06-10T21:50:00Z
rollout r1 esp32 1.1.0 plan={"confirmations":1,"windows":{"weekly":[{"use":"install","from":"22:00","to":"23:00"}]}}

[      0] device > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full, installs from 2026-06-17T23:00:00Z to 2026-06-17T23:00:00Z
[  20000] device > d1 report downloading progress=100
[  20007] store   > d1 dispatched -> held           hold: has the package; waits for its window
[  30000] operator > rolls_back r1
[  30000] rollout > r1 running -> rolling_back stage 1  roll_back: operator
[  30012] store   > d1 held -> cancelled            cancel: its rollout goes back [E_CANCELLED]
[  30015] broker  < update/esp32/d1              cancel 1.1.0
[  31000] rollout > r1 rolling_back -> rolled_back stage 1  back: nobody is left to take back
[  60000] clock >
