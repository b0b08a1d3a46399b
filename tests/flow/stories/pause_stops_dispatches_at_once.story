# The rollout is paused at the very moment at which an orchestrator that does not know yet tells a device: the save is refused, and nothing is spoken.
rollout r1 esp32 1.1.0 confirmations=1
[      0] device  > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[    500] device  > d1 report failed error=E_DOWNLOAD_HTTP
[    507] store   > d1 dispatched -> retry_wait     retry: the depot answered with an error; attempt 2 of 3 follows [E_DOWNLOAD_HTTP]
[   2006] operator > silently paused r1
[   2007] store   > d1 dispatch: not now
[  17007] store   > d1 retry_wait                   postpone: the rollout is paused
[  35007] store   > d1 retry_wait                   postpone: the rollout is paused
[  45007] store   > d1 retry_wait                   postpone: the rollout is paused
[  65007] store   > d1 retry_wait                   postpone: the rollout is paused
[  85007] store   > d1 retry_wait                   postpone: the rollout is paused
[ 100000] operator > goes_on r1
[ 100000] rollout > r1 paused -> running  resume: operator
[ 108007] store   > d1 retry_wait -> dispatched     dispatch: attempt 2 of 3, full package [E_DOWNLOAD_HTTP]
[ 108010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[ 139007] store   > d1 dispatched                   expired: no reaction: tell it again
[ 139010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[ 150000] clock   > later
