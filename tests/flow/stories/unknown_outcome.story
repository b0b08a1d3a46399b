# The save was done, its answer got lost. The same save again, with its token, is found done: told once, not twice.
rollout r1 esp32 1.1.0

[      0] trouble ! store loses 1 reply
[    100] device > d1 heartbeat 1.0.0 boot=b1
[    107] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[    112] store   > d1 the first try had worked
[    117] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[    120] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] trouble ! store loses 1 reply
[   1100] device > d1 report failed error=E_SIGNATURE
[   1107] store   > d1 dispatched -> failed         fail: the signature is missing or wrong [E_SIGNATURE]
[   1112] store   > d1 the first try had worked
[   2000] clock > later
