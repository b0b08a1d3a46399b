# Healthy, unhealthy, then neither: it was ready once, but never stays healthy for the soak. That ends, too.
rollout r1 esp32 1.1.0 soak_ms=60000

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   5000] device > d1 report verifying
[   5007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[  30000] device > d1 keeps sending 1.1.0 boot=b2 until=60000
[  30007] store   > d1 verifying                    progress: 1 of 2 healthy heartbeats
[  60007] store   > d1 verifying                    progress: 2 of 2 healthy heartbeats
[  70000] device > d1 heartbeat 1.1.0 boot=b2 status=degraded
[  70007] store   > d1 verifying                    progress: unhealthy for 1 of 3 heartbeats
[  80000] device > d1 keeps sending 1.1.0 boot=b2 status=charging
[ 371007] store   > d1 verifying                    progress: its proof goes on
[ 672007] store   > d1 verifying                    progress: its proof goes on
[ 973007] store   > d1 verifying                    progress: its proof goes on
[1086007] store   > d1 verifying -> rolling_back    not_ready: not healthy long enough on the new version [E_HEALTHCHECK]
[1086010] broker  < update/esp32/d1              rollback to 1.0.0
[1100000] clock > later
