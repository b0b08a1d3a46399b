# Redis takes no writes: what is not saved is not spoken.
rollout r1 esp32 1.1.0

[      0] trouble ! store read-only
[    100] device > d1 heartbeat 1.0.0 boot=b1
[    105] drover  = the heartbeat is not in the store: the store refused the command
[   1000] trouble ! store back
[   1100] device > d1 heartbeat 1.0.0 boot=b1
[   1107] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[   1112] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[   1115] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1200] trouble ! store read-only
[   1300] device > d1 report failed error=E_SIGNATURE seq=9
[   1310] drover  = store: the store refused the command
[   1400] trouble ! store back
[   1500] device > d1 report failed error=E_SIGNATURE seq=9
[   1507] store   > d1 dispatched -> failed         fail: the signature is missing or wrong [E_SIGNATURE]
[   1600] clock > later
