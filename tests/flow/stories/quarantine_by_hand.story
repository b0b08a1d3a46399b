# By hand, until somebody lifts it; another turn does not pass over it.
rollout r1 esp32 1.1.0 max_attempts=1
[      0] device  > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 1, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[    500] device  > d1 report failed error=E_NO_SPACE
[    507] store   > d1 dispatched -> failed         give_up: no space left on the device; no attempts left of 1 [E_NO_SPACE]
[   1000] operator > quarantines d1 1.1.0
[   2000] operator > retries r1
[   2000] rollout > r1 running -> running  reopen: operator
[  30000] operator > explains d1
[  30000] answer  < now: failed since 29 s: no space left on the device
[  30000] answer  < next: nothing is planned: it had its turn in this rollout
[  40000] operator > readmits d1
[  41000] operator > retries r1
[  41000] rollout > r1 running -> running  reopen: operator
[  41012] store   > d1 failed -> pending            retry_asked: another turn
[  41017] store   > d1 pending -> dispatched        dispatch: attempt 1 of 1, full package
[  41020] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[  50000] clock   > later
