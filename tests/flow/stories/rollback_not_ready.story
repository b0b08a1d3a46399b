# Up on the new version, but not ready 30 s after the first sign of it.
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   5000] device > d1 report verifying
[   5007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[  20000] device > d1 heartbeat 1.1.0 boot=b2 status=starting
[  20007] store   > d1 verifying                    progress: on the new version, not ready yet
[  45000] device > d1 heartbeat 1.1.0 boot=b2 status=starting
[  55000] device > d1 heartbeat 1.1.0 boot=b2 status=starting
[  55007] store   > d1 verifying -> rolling_back    not_ready: not ready in time on the new version [E_HEALTHCHECK]
[  55010] broker  < update/esp32/d1              rollback to 1.0.0
[  80000] device > d1 heartbeat 1.0.0 boot=b3
[  80007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: not ready in time on the new version [E_HEALTHCHECK]
