# Transient failures: each attempt waits longer, at random, and the third is the last.
rollout r1 esp32 1.1.0 max_attempts=3

[      0] device > d1 keeps sending 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d1 report failed error=E_DOWNLOAD_HTTP
[   1007] store   > d1 dispatched -> retry_wait     retry: the depot answered with an error; attempt 2 of 3 follows [E_DOWNLOAD_HTTP]
[   2000] operator > explains d1
[   2000] answer  < now: waits before attempt 2 of 3: the depot answered with an error
[   2000] answer  < next: is told again, with the same package
[   2000] answer  < by: 2348
[   3007] store   > d1 retry_wait -> dispatched     dispatch: attempt 2 of 3, full package [E_DOWNLOAD_HTTP]
[   3010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[  30000] device > d1 report failed error=E_NO_SPACE
[  30007] store   > d1 dispatched -> retry_wait     retry: no space left on the device; attempt 3 of 3 follows [E_NO_SPACE]
[  48007] store   > d1 retry_wait -> dispatched     dispatch: attempt 3 of 3, full package [E_NO_SPACE]
[  48010] broker  < update/esp32/d1              update 1.1.0, attempt 3, full
[  60000] device > d1 report failed error=E_CRC
[  60007] store   > d1 dispatched -> failed         give_up: the package's checksum is wrong; no attempts left of 3 [E_CRC]
[  90000] clock > later
