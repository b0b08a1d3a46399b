# A device that is offline while its rollout goes back is not told in vain: its next heartbeat asks. The rollout waits for it.
rollout r1 esp32 1.1.0 confirmations=1
[      0] device  > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[    500] device  > d1 report verifying
[    507] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[   1000] device  > d1 heartbeat 1.1.0 boot=b2 managed
[   1007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[   2000] operator > sweeps_offline d1
[  10000] operator > rolls_back r1
[  10000] rollout > r1 running -> rolling_back  roll_back: operator
[  60000] operator > explains d1
[  60000] answer  < now: succeeded since 58 s: proved by its heartbeats
[  60000] answer  < next: is told to go back to 1.0.0 when a place is free and it is online
[ 300000] device  > d1 heartbeat 1.1.0 boot=b2 managed
[ 300007] store   > d1 succeeded -> rolling_back    rollback_asked: its rollout goes back: operator [E_ROLLED_BACK]
[ 300010] broker  < update/esp32/d1              rollback to 1.0.0
[ 310000] device  > d1 heartbeat 1.0.0 boot=b3 managed
[ 310007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: its rollout goes back: operator [E_ROLLED_BACK]
[ 314000] rollout > r1 rolling_back -> rolled_back  back: nobody is left to take back
[ 350000] clock   > later
