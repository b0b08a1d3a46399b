# Both look for due work; the lease gives it to one. The other goes on when that one dies.
orchestrators 2
rollout r1 esp32 1.1.0

[      0] device > d1 keeps sending 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0 (A)
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package (A)
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[  31007] store   > d1 dispatched                   expired: no reaction: tell it again (A)
[  31010] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[  31500] trouble ! A dies
[  62007] store   > d1 dispatched                   expired: no reaction: tell it again (B)
[  62010] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[  70000] clock > later
