# The broker loses the command: the deadline repeats it.
rollout r1 esp32 1.1.0

[      0] trouble ! broker loses 1 command
[     10] device > d1 keeps sending 1.0.0 boot=b1
[     17] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     22] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     25] broker  x update/esp32/d1              update 1.1.0, attempt 1, full
[  31007] store   > d1 dispatched                   expired: no reaction: tell it again
[  31010] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[  40000] device > d1 report acknowledged
[  40007] store   > d1 dispatched -> acknowledged   acknowledge: it has the command
[  41000] clock > later
