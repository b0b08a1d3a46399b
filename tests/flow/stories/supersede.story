# A newer rollout takes over: who waits is superseded and taken by the new one, who was told finishes first.
rollout r1 esp32 1.1.0
policy retry_base_ms=900000

[      0] device > waiting heartbeat 1.0.0 boot=b1
[      7] store   > waiting none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > waiting pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/waiting         update 1.1.0, attempt 1, full
[    100] device > told heartbeat 1.0.0 boot=b1
[    107] store   > told none -> pending              open: runs 1.0.0, behind 1.1.0
[    112] store   > told pending -> dispatched        dispatch: attempt 1 of 3, full package
[    115] broker  < update/esp32/told            update 1.1.0, attempt 1, full
[   1000] device > waiting report failed error=E_CRC
[   1007] store   > waiting dispatched -> retry_wait     retry: the package's checksum is wrong; attempt 2 of 3 follows [E_CRC]
[   1100] device > told report verifying
[   1107] store   > told dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[   2000] operator > supersedes r1 r2 esp32 1.2.0
[   2012] store   > waiting retry_wait -> superseded     supersede: overtaken between two attempts [E_CRC]
[  30000] device > waiting heartbeat 1.0.0 boot=b1
[  30007] store   > waiting none -> pending              open: runs 1.0.0, behind 1.2.0
[  30012] store   > waiting pending -> dispatched        dispatch: attempt 1 of 3, full package
[  30015] broker  < update/esp32/waiting         update 1.2.0, attempt 1, full
[  30100] device > told heartbeat 1.1.0 boot=b2
[  30107] store   > told verifying                    progress: 1 of 2 healthy heartbeats
[  60100] device > told heartbeat 1.1.0 boot=b2
[  60107] store   > told verifying -> succeeded       confirmed: proved by its heartbeats
[  60112] store   > told none -> pending              open: runs 1.1.0, behind 1.2.0
[  60117] store   > told pending -> dispatched        dispatch: attempt 1 of 3, full package
[  60120] broker  < update/esp32/told            update 1.2.0, attempt 1, full
[  61007] store   > waiting dispatched                   expired: no reaction: tell it again
[  61010] broker  < update/esp32/waiting         update 1.2.0, attempt 1, full
[  90100] device > told heartbeat 1.1.0 boot=b2
