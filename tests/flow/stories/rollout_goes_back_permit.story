# While the permit to go back is being made nobody is told. A device that has none of use says so, and somebody is called.
rollout r1 esp32 1.1.0 confirmations=1
[      0] device  > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[    500] device  > d1 report verifying
[    507] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[   1000] device  > d1 heartbeat 1.1.0 boot=b2 managed
[   1007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[   2000] operator > permits pending
[  10000] operator > rolls_back r1
[  10000] rollout > r1 running -> rolling_back  roll_back: operator
[  20000] device  > d1 heartbeat 1.1.0 boot=b2 managed
[  20100] operator > explains d1
[  20100] answer  < now: succeeded since 19 s: proved by its heartbeats
[  20100] answer  < next: its rollout goes back; it does not yet: the permit to go back is being made
[  30000] operator > permits p1
[  30017] store   > d1 succeeded -> rolling_back    rollback_asked: its rollout goes back: operator [E_ROLLED_BACK]
[  30020] broker  < update/esp32/d1              rollback to 1.0.0, permit p1
[  43000] device  > d1 report failed error=E_DOWNGRADE
[  43007] store   > d1 rolling_back -> failed       fail: it says that it cannot go back [E_DOWNGRADE] ALARM
[  50000] rollout > r1 rolling_back -> rolled_back  back: nobody is left to take back
[  60000] clock   > later
