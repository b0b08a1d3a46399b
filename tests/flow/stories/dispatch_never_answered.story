# Told three times, never a reaction, though it is alive: the attempt has failed, and after the last one the upgrade.
rollout r1 esp32 1.1.0 max_attempts=2
policy retry_base_ms=1

[      0] device > d1 keeps sending 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 2, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[  31007] store   > d1 dispatched                   expired: no reaction: tell it again
[  31010] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[  62007] store   > d1 dispatched                   expired: no reaction: tell it again
[  62010] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[  93007] store   > d1 dispatched -> retry_wait     retry: told, but never reacted; attempt 2 of 2 follows [E_TIMEOUT]
[  94007] store   > d1 retry_wait -> dispatched     dispatch: attempt 2 of 2, full package [E_TIMEOUT]
[  94010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[  95000] operator > explains d1
[  95000] answer  < now: dispatched since 0 s: attempt 2 of 2, full package
[  95000] answer  < next: without a reaction it is told again (left: 2)
[  95000] answer  < by: 124005
[ 125007] store   > d1 dispatched                   expired: no reaction: tell it again
[ 125010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[ 156007] store   > d1 dispatched                   expired: no reaction: tell it again
[ 156010] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[ 187007] store   > d1 dispatched -> failed         give_up: told, but never reacted; no attempts left of 2 [E_TIMEOUT]
[ 200000] clock > later
[ 201000] operator > explains d1
[ 201000] answer  < now: failed since 13 s: told, but never reacted
[ 201000] answer  < next: nothing is planned: it had its turn in this rollout
