# Its heartbeats show the target version, but from the boot it was told in: without a reboot that proves nothing.
rollout r1 esp32 1.1.0 max_attempts=1

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 1, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   5000] device > d1 report verifying
[   5007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[   6000] device > d1 keeps sending 1.1.0 boot=b1
[   6007] store   > d1 verifying                    progress: shows the target version, but in the boot it was told in
[ 306007] store   > d1 verifying -> failed          give_up: shows the new version, but never rebooted; no attempts left of 1 [E_BOOT]
[ 310000] clock > later
