# Without boot ids two heartbeats on the old version, well after the reboot, are the proof.
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   5000] device > d1 report verifying
[   5007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
# It may still be about to reboot:
[   6000] device > d1 heartbeat 1.0.0
[  36000] device > d1 heartbeat 1.0.0
[  36007] store   > d1 verifying                    progress: shows the old version; the next heartbeat decides
[  66000] device > d1 heartbeat 1.0.0
[  66007] store   > d1 verifying -> rolled_back     old_seen: it came back on the old version [E_ROLLED_BACK]
