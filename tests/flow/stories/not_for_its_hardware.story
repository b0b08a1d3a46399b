# A release for certain hardware, and only from 1.0.0 on: who does not fit is not told of it, and it is said why.
rollout r1 esp32 1.1.0 hw_revs=b1,b2 min_version=1.0.0

[      0] device > fits heartbeat 1.0.0 hw_rev=b2
[      7] store   > fits none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > fits pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/fits            update 1.1.0, attempt 1, full
[    100] device > other heartbeat 1.0.0 hw_rev=b
[    200] device > silent heartbeat 1.0.0
[    300] device > old heartbeat 0.9.0 hw_rev=b1
[   1000] operator > explains other
[   1000] answer  < now: runs 1.0.0, has no upgrade
[   1000] answer  < next: nothing is planned: the release is not for its hardware
[   1100] operator > explains silent
[   1100] answer  < now: runs 1.0.0, has no upgrade
[   1100] answer  < next: nothing is planned: the release is for certain hardware; it names none
[   1200] operator > explains old
[   1200] answer  < now: runs 0.9.0, has no upgrade
[   1200] answer  < next: nothing is planned: it runs a version from which the release cannot be reached
[   1300] device > somebody asks 1.0.0
[   1300] answer  < 304 the release is for certain hardware; it names none
[   1400] device > old asks 0.9.0
[   1405] answer  < 304 it runs a version from which the release cannot be reached
