# The clash shows while it waits for its next attempt: that attempt is put off.
rollout r1 esp32 1.1.0
policy clash_ms=60000 retry_base_ms=10000

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d1 report failed error=E_BUSY
[   1007] store   > d1 dispatched -> retry_wait     busy: the device has no time now [E_BUSY]
[  10000] device > d1 heartbeat 1.0.0 boot=x1
[  20000] device > d1 heartbeat 1.0.0 boot=b1
[  20002] store   > d1 heartbeat of an older boot is dropped
[  25000] device > d1 heartbeat 1.0.0 boot=x1
[  30000] device > d1 heartbeat 1.0.0 boot=b1
[  30002] store   > d1 heartbeat of an older boot is dropped
[  35000] device > d1 heartbeat 1.0.0 boot=x1
[  40000] device > d1 heartbeat 1.0.0 boot=b1
[  40002] store   > d1 CLASH: two devices with one identity
[  56007] store   > d1 retry_wait                   postpone: two devices with this identity were seen
[  58000] operator > explains d1
[  58000] answer  < now: waits before attempt 1 of 3: the device has no time now
[  58000] answer  < next: waits on: two devices with this identity were seen
[  58000] answer  < by: 100000
[ 100007] store   > d1 retry_wait -> dispatched     dispatch: attempt 1 of 3, full package [E_BUSY]
[ 100010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[ 120000] clock > later
