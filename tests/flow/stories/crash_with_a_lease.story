# Killed with due work in its hands: the lease ends, and the next life takes it.
rollout r1 esp32 1.1.0

[      0] device > d1 keeps sending 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[  31003] trouble ! A dies
[  32000] trouble ! A starts
[  46007] store   > d1 dispatched                   expired: no reaction: tell it again
[  46010] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[  50000] clock > later
