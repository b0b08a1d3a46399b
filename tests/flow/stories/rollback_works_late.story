# Called failed, then back on the old version: the truth wins.
rollout r1 esp32 1.1.0
policy unhealthy_max=1

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   5000] device > d1 report verifying
[   5007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[  20000] device > d1 keeps sending 1.1.0 boot=b2 status=error until=260000
[  20007] store   > d1 verifying -> rolling_back    unhealthy: unhealthy on the new version [E_HEALTHCHECK]
[  20010] broker  < update/esp32/d1              rollback to 1.0.0
[  81007] store   > d1 rolling_back                 expired: not back yet: tell it again
[  81010] broker  < update/esp32/d1              rollback to 1.0.0
[ 142007] store   > d1 rolling_back                 expired: not back yet: tell it again
[ 142010] broker  < update/esp32/d1              rollback to 1.0.0
[ 203007] store   > d1 rolling_back -> failed       give_up: it does not go back [E_HEALTHCHECK] ALARM
[ 400000] device > d1 heartbeat 1.0.0 boot=b3
[ 400007] store   > d1 failed -> rolled_back        old_seen: the rollback worked after all [E_HEALTHCHECK]
