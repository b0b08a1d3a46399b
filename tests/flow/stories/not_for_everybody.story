# Another model, the same version, a newer version: not for them.
rollout r1 esp32 1.1.0

[      0] device > other heartbeat 1.0.0 model=rp2040
[    100] device > same heartbeat 1.1.0
[    200] device > newer heartbeat 2.0.0
[    300] device > almost heartbeat 1.1.0-rc.1
[    307] store   > almost none -> pending              open: runs 1.1.0-rc.1, behind 1.1.0
[    312] store   > almost pending -> dispatched        dispatch: attempt 1 of 3, full package
[    315] broker  < update/esp32/almost          update 1.1.0, attempt 1, full
[   1000] operator > explains other
[   1000] answer  < now: runs 1.0.0, has no upgrade
[   1000] answer  < next: nothing is planned: its model has no rollout
[   1100] operator > explains same
[   1100] answer  < now: runs 1.1.0, has no upgrade
[   1100] answer  < next: nothing is planned: it runs the target version
[   1200] operator > explains newer
[   1200] answer  < now: runs 2.0.0, has no upgrade
[   1200] answer  < next: nothing is planned: it runs a version that is not older
