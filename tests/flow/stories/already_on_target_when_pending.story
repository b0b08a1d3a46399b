# Between being chosen and being told it was updated by hand.
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[      8] trouble ! A dies
[    100] operator > pauses r1
[    200] trouble ! A starts
[   6007] store   > d1 pending                      postpone: the rollout is paused
[  12007] store   > d1 pending                      postpone: the rollout is paused
[  18007] store   > d1 pending                      postpone: the rollout is paused
[  24007] store   > d1 pending                      postpone: the rollout is paused
[  30000] device > d1 heartbeat 1.1.0 boot=b2
[  30007] store   > d1 pending -> verifying         target_seen: it runs the target version before it was told
[  60000] device > d1 heartbeat 1.1.0 boot=b2
[  60007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
