# It has no time. That costs no attempt, up to busy_max times; then it does.
rollout r1 esp32 1.1.0 max_attempts=2
policy busy_max=2

[      0] device > d1 keeps sending 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 2, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d1 report rejected error=E_BUSY
[   1007] store   > d1 dispatched -> retry_wait     busy: the device has no time now [E_BUSY]
[  56007] store   > d1 retry_wait -> dispatched     dispatch: attempt 1 of 2, full package [E_BUSY]
[  56010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[  80000] device > d1 report rejected error=E_BUSY
[  80007] store   > d1 dispatched -> retry_wait     busy: the device has no time now [E_BUSY]
[ 149007] store   > d1 retry_wait -> dispatched     dispatch: attempt 1 of 2, full package [E_BUSY]
[ 149010] broker  < update/esp32/d1              update 1.1.0, attempt 3, full
[ 160000] operator > explains d1
[ 160000] answer  < now: dispatched since 10 s: attempt 1 of 2, full package
[ 160000] answer  < next: without a reaction it is told again (left: 2)
[ 160000] answer  < by: 179005
[ 170000] device > d1 report failed error=E_BUSY
[ 170007] store   > d1 dispatched -> retry_wait     busy: the device has no time now [E_BUSY]
[ 239007] store   > d1 retry_wait -> dispatched     dispatch: attempt 2 of 2, full package [E_BUSY]
[ 239010] broker  < update/esp32/d1              update 1.1.0, attempt 4, full
[ 260000] device > d1 report failed error=E_BUSY
[ 260007] store   > d1 dispatched -> failed         give_up: the device has no time now; no attempts left of 2 [E_BUSY]
[ 300000] clock > later
