# It has the command and never begins to download.
rollout r1 esp32 1.1.0 max_attempts=1

[      0] device > d1 keeps sending 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 1, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d1 report acknowledged
[   1007] store   > d1 dispatched -> acknowledged   acknowledge: it has the command
[   5000] operator > explains d1
[   5000] answer  < now: acknowledged since 3 s: it has the command
[   5000] answer  < next: must begin to download; otherwise it has failed, this is its last attempt
[   5000] answer  < by: 301005
[ 302007] store   > d1 acknowledged -> failed       give_up: never began to download; no attempts left of 1 [E_TIMEOUT]
[ 400000] clock > later
