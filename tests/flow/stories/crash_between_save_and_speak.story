# Saved, and killed before it could speak: the deadline in the store repeats the command.
rollout r1 esp32 1.1.0

[      0] device > d1 keeps sending 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     13] trouble ! A dies
[   2000] trouble ! A starts
[  31007] store   > d1 dispatched                   expired: no reaction: tell it again
[  31010] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[  35000] device > d1 report acknowledged
[  35007] store   > d1 dispatched -> acknowledged   acknowledge: it has the command
[  36000] clock > later
