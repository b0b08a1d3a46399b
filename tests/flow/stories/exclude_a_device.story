# A device that is excluded is called back when it has not begun to install, and left alone afterwards.
rollout r1 esp32 1.1.0 confirmations=1
[      0] device  > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[    500] device  > d1 report downloading
[    507] store   > d1 dispatched -> downloading    download: it downloads
[   1000] operator > excludes r1 d1 by=ann
[   1007] store   > d1 downloading -> cancelled     cancel: ann excluded it [E_CANCELLED]
[   1010] broker  < update/esp32/d1              cancel 1.1.0
[   1010] answer  < 200 ann excluded it
[   2000] operator > retries r1
[   2000] rollout > r1 running -> running  reopen: operator
[   3000] device  > d1 heartbeat 1.0.0 boot=b1 managed
[  40000] operator > explains d1
[  40000] answer  < now: cancelled since 38 s: ann excluded it
[  40000] answer  < next: nothing is planned: it had its turn in this rollout
[  50000] operator > includes r1 d1
[  51000] operator > retries r1
[  51000] rollout > r1 running -> running  reopen: operator
[  51012] store   > d1 cancelled -> pending         retry_asked: another turn
[  51017] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[  51020] broker  < update/esp32/d1              update 1.1.0, attempt 2, full
[  60000] device  > d2 heartbeat 1.0.0 boot=b1 managed
[  60007] store   > d2 none -> pending              open: runs 1.0.0, behind 1.1.0
[  60012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package
[  60015] broker  < update/esp32/d2              update 1.1.0, attempt 1, full
[  60500] device  > d2 report installing
[  60507] store   > d2 dispatched -> installing     install: it installs
[  61000] operator > excludes r1 d2 by=ann
[  61005] answer  < 200 excluded; its upgrade is installing and goes on to its end
[  70000] clock   > later
