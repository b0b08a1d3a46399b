# Told, and gone: the last repeat finds it silent.
rollout r1 esp32 1.1.0
policy silent_after_ms=60000

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[  31007] store   > d1 dispatched                   expired: no reaction: tell it again
[  31010] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[  62007] store   > d1 dispatched -> lost           silent: no sign of life for 62 s in dispatched [E_LOST]
[ 100000] device > d1 heartbeat 1.0.0 boot=b1
[ 100007] store   > d1 lost -> retry_wait           back_old: it returned with the old version: try again [E_LOST]
[ 109007] store   > d1 retry_wait -> dispatched     dispatch: attempt 2 of 3, full package [E_LOST]
[ 109010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[ 120000] clock > later
