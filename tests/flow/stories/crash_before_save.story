# Killed between open and dispatch: the pending upgrade is found by its deadline.
rollout r1 esp32 1.1.0

[      0] device > d1 keeps sending 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[      8] trouble ! A dies
[   2000] trouble ! A starts
[   6007] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[   6010] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[  10000] clock > later
