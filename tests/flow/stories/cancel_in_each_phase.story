# A cancelled rollout: who waits is cancelled, who downloads is cancelled and told so, who installs or verifies finishes.
rollout r1 esp32 1.1.0 max_in_flight=10
policy retry_base_ms=900000

[      0] device > waiting heartbeat 1.0.0 boot=b1
[      7] store   > waiting none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > waiting pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/waiting         update 1.1.0, attempt 1, full
[    100] device > told heartbeat 1.0.0 boot=b1
[    107] store   > told none -> pending              open: runs 1.0.0, behind 1.1.0
[    112] store   > told pending -> dispatched        dispatch: attempt 1 of 3, full package
[    115] broker  < update/esp32/told            update 1.1.0, attempt 1, full
[    200] device > ready heartbeat 1.0.0 boot=b1
[    207] store   > ready none -> pending              open: runs 1.0.0, behind 1.1.0
[    212] store   > ready pending -> dispatched        dispatch: attempt 1 of 3, full package
[    215] broker  < update/esp32/ready           update 1.1.0, attempt 1, full
[    300] device > loading heartbeat 1.0.0 boot=b1
[    307] store   > loading none -> pending              open: runs 1.0.0, behind 1.1.0
[    312] store   > loading pending -> dispatched        dispatch: attempt 1 of 3, full package
[    315] broker  < update/esp32/loading         update 1.1.0, attempt 1, full
[    400] device > writing heartbeat 1.0.0 boot=b1
[    407] store   > writing none -> pending              open: runs 1.0.0, behind 1.1.0
[    412] store   > writing pending -> dispatched        dispatch: attempt 1 of 3, full package
[    415] broker  < update/esp32/writing         update 1.1.0, attempt 1, full
[    500] device > proving heartbeat 1.0.0 boot=b1
[    507] store   > proving none -> pending              open: runs 1.0.0, behind 1.1.0
[    512] store   > proving pending -> dispatched        dispatch: attempt 1 of 3, full package
[    515] broker  < update/esp32/proving         update 1.1.0, attempt 1, full
[   1000] device > waiting report failed error=E_CRC
[   1007] store   > waiting dispatched -> retry_wait     retry: the package's checksum is wrong; attempt 2 of 3 follows [E_CRC]
[   1100] device > ready report acknowledged
[   1107] store   > ready dispatched -> acknowledged   acknowledge: it has the command
[   1200] device > loading report downloading
[   1207] store   > loading dispatched -> downloading    download: it downloads
[   1300] device > writing report installing
[   1307] store   > writing dispatched -> installing     install: it installs
[   1400] device > proving report verifying
[   1407] store   > proving dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[   2000] operator > cancels r1
[   2012] store   > waiting retry_wait -> cancelled      cancel: cancelled between two attempts [E_CANCELLED]
[   2012] store   > told dispatched -> cancelled      cancel: cancelled, and told so [E_CANCELLED]
[   2012] store   > ready acknowledged -> cancelled    cancel: cancelled, and told so [E_CANCELLED]
[   2012] store   > loading downloading -> cancelled     cancel: cancelled, and told so [E_CANCELLED]
[   2015] broker  < update/esp32/told            cancel 1.1.0
[   2015] broker  < update/esp32/ready           cancel 1.1.0
[   2015] broker  < update/esp32/loading         cancel 1.1.0
[  30000] device > proving heartbeat 1.1.0 boot=b2
[  30007] store   > proving verifying                    progress: 1 of 2 healthy heartbeats
[  30100] device > writing heartbeat 1.1.0 boot=b2
[  30107] store   > writing installing -> verifying      target_seen: a heartbeat shows the target version
[  60000] device > proving heartbeat 1.1.0 boot=b2
[  60007] store   > proving verifying -> succeeded       confirmed: proved by its heartbeats
[  60100] device > writing heartbeat 1.1.0 boot=b2
[  60107] store   > writing verifying -> succeeded       confirmed: proved by its heartbeats
# What a cancelled device still says is refused.
[  61000] device > loading report installing
[  61005] drover  = refused: the upgrade is over
