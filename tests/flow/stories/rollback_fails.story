# It does not go back: told three times, then it has failed, with an alarm. When it does after all, that counts.
rollout r1 esp32 1.1.0
policy unhealthy_max=1

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   5000] device > d1 report verifying
[   5007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[  20000] device > d1 keeps sending 1.1.0 boot=b2 status=error
[  20007] store   > d1 verifying -> rolling_back    unhealthy: unhealthy on the new version [E_HEALTHCHECK]
[  20010] broker  < update/esp32/d1              rollback to 1.0.0
[  81007] store   > d1 rolling_back                 expired: not back yet: tell it again
[  81010] broker  < update/esp32/d1              rollback to 1.0.0
[ 142007] store   > d1 rolling_back                 expired: not back yet: tell it again
[ 142010] broker  < update/esp32/d1              rollback to 1.0.0
[ 203007] store   > d1 rolling_back -> failed       give_up: it does not go back [E_HEALTHCHECK] ALARM
[ 210000] operator > explains d1
[ 210000] answer  < now: failed since 6 s: it does not go back
[ 210000] answer  < next: somebody should look: it did not go back to 1.0.0
# Known to run the target version: that is no news, and does not begin the circle again.
[ 250000] operator > rollback d1 by=ann
[ 250007] store   > d1 failed -> rolling_back       rollback_asked: ann wants the old version [E_ROLLED_BACK]
[ 250010] broker  < update/esp32/d1              rollback to 1.0.0
[ 250010] answer  < 200 ann wants the old version
[ 300000] device > d1 keeps sending 1.0.0 boot=b3
[ 300007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: ann wants the old version [E_ROLLED_BACK]
[ 310000] clock > later
