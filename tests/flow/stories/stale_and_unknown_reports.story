# Old attempts, old steps, foreign upgrades: counted, and nothing else.
rollout r1 esp32 1.1.0
policy retry_base_ms=1

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d1 report downloading upgrade=0123456789abcdef
[   1005] drover  = unknown: it has no upgrade of this id
[   2000] device > d1 report installing
[   2007] store   > d1 dispatched -> installing     install: it installs
[   3000] device > d1 report downloading
[   3005] drover  = stale: a late report of an earlier step
[   4000] device > d1 report failed error=E_INSTALL
[   4007] store   > d1 installing -> retry_wait     retry: writing the new image failed; attempt 2 of 3 follows [E_INSTALL]
[   5007] store   > d1 retry_wait -> dispatched     dispatch: attempt 2 of 3, full package [E_INSTALL]
[   5010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[   6000] device > d1 report verifying attempt=1
[   6005] drover  = stale: about another attempt than the current one
[   7000] device > d1 report acknowledged attempt=2
[   7007] store   > d1 dispatched -> acknowledged   acknowledge: it has the command [E_INSTALL]
[   8000] device > d9 report acknowledged attempt=1
[   8005] drover  = unknown: no heartbeat of this device was seen yet
