# Its attempt failed, then it fell silent: at the end of the backoff nobody is there to be told.
rollout r1 esp32 1.1.0
policy retry_base_ms=900000 silent_after_ms=60000

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d1 report failed error=E_NO_SPACE
[   1007] store   > d1 dispatched -> retry_wait     retry: no space left on the device; attempt 2 of 3 follows [E_NO_SPACE]
[ 122007] store   > d1 retry_wait -> lost           silent: no sign of life for 121 s in retry_wait [E_LOST]
[ 150000] operator > explains d1
[ 150000] answer  < now: lost since 27 s, from retry_wait: no sign of life for 121 s in retry_wait
[ 150000] answer  < next: its next heartbeat says where it stands; without one it has failed
[ 150000] answer  < by: 604922005
