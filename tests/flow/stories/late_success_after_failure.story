# Failed on paper, then it comes up on the target version: the truth wins, but must be proved.
rollout r1 esp32 1.1.0 max_attempts=1

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 1, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d1 report failed error=E_DOWNLOAD_HTTP
[   1007] store   > d1 dispatched -> failed         give_up: the depot answered with an error; no attempts left of 1 [E_DOWNLOAD_HTTP]
[ 100000] device > d1 heartbeat 1.1.0 boot=b2
[ 100007] store   > d1 failed -> verifying          target_seen: it came up on the target version after all [E_DOWNLOAD_HTTP]
[ 130000] device > d1 heartbeat 1.1.0 boot=b2
[ 130007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
