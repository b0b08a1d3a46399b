# One key stops all rollouts: nobody is taken or told from that moment, even by an orchestrator that has not heard of it yet.
rollout r1 esp32 1.1.0 confirmations=1
[      0] device  > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[    500] device  > d1 report failed error=E_DOWNLOAD_HTTP
[    507] store   > d1 dispatched -> retry_wait     retry: the depot answered with an error; attempt 2 of 3 follows [E_DOWNLOAD_HTTP]
[   1000] device  > d2 heartbeat 1.0.0 boot=b1 managed
[   1006] operator > stops_all
[   1007] store   > d2 all rollouts are stopped
[   2007] store   > d1 retry_wait                   postpone: all rollouts are stopped
[  20007] store   > d1 retry_wait                   postpone: all rollouts are stopped
[  30007] store   > d1 retry_wait                   postpone: all rollouts are stopped
[  40000] operator > explains d1
[  40000] answer  < now: waits before attempt 2 of 3: the depot answered with an error
[  40000] answer  < next: waits on: all rollouts are stopped
[  40000] answer  < by: 49376
[  50000] device  > d2 heartbeat 1.0.0 boot=b1 managed
[  50007] store   > d1 retry_wait                   postpone: all rollouts are stopped
[  60000] operator > starts_all
[  61000] device  > d2 heartbeat 1.0.0 boot=b1 managed
[  61007] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[  61012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package
[  61015] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[  70007] store   > d1 retry_wait -> dispatched     dispatch: attempt 2 of 3, full package [E_DOWNLOAD_HTTP]
[  70010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[  92007] store   > d2 dispatched                   expired: no reaction: tell it again
[  92010] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[ 100000] clock   > later
