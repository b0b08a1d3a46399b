# It never gets done with installing.
rollout r1 esp32 1.1.0 max_attempts=1

[      0] device > d1 keeps sending 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 1, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d1 report installing
[   1007] store   > d1 dispatched -> installing     install: it installs
[   5000] operator > explains d1
[   5000] answer  < now: installing since 3 s: it installs
[   5000] answer  < next: must reboot into 1.1.0; otherwise it has failed, this is its last attempt
[   5000] answer  < by: 901005
[ 902007] store   > d1 installing -> failed         give_up: never finished installing; no attempts left of 1 [E_TIMEOUT]
[ 910000] clock > later
