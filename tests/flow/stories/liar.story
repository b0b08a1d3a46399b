# It says "succeeded" and still runs the old version, attempt after attempt.
rollout r1 esp32 1.1.0 max_attempts=2
policy retry_base_ms=1

[      0] device > d1 keeps sending 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 2, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   5000] device > d1 report succeeded
[   5007] store   > d1 dispatched -> verifying      reboot: it says succeeded; its heartbeats must prove it
[ 306007] store   > d1 verifying -> retry_wait      retry: said done, still runs 1.0.0; attempt 2 of 2 follows [E_BOOT]
[ 307007] store   > d1 retry_wait -> dispatched     dispatch: attempt 2 of 2, full package [E_BOOT]
[ 307010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[ 310000] device > d1 report succeeded
[ 310007] store   > d1 dispatched -> verifying      reboot: it says succeeded; its heartbeats must prove it [E_BOOT]
[ 611007] store   > d1 verifying -> failed          give_up: said done, still runs 1.0.0; no attempts left of 2 [E_BOOT]
[ 620000] clock > later
