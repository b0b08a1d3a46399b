# Any passing failure of a delta leads to the full package, after the backoff.
rollout r1 esp32 1.1.0 delta=1.0.0

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, by delta
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, delta from 1.0.0
[   2000] device > d1 report installing
[   2007] store   > d1 dispatched -> installing     install: it installs
[   3000] device > d1 report failed error=E_SHA256 text=digest_differs
[   3007] store   > d1 installing -> retry_wait     retry: the bytes do not have the announced SHA-256; attempt 2 of 3 follows [E_SHA256]
[   4000] operator > explains d1
[   4000] answer  < now: waits before attempt 2 of 3: the bytes do not have the announced SHA-256
[   4000] answer  < next: is told again, with the full package
[   4000] answer  < by: 12604
[  13007] store   > d1 retry_wait -> dispatched     dispatch: attempt 2 of 3, full package [E_SHA256]
[  13010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[  20000] clock > later
