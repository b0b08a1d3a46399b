# Both answers lost: the work ends in doubt, the report comes again and is found taken; what was not told, the deadline tells.
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d1 report verifying
[   1007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[  20000] device > d1 heartbeat 1.1.0 boot=b2
[  20007] store   > d1 verifying                    progress: 1 of 2 healthy heartbeats
[  21000] trouble ! store loses 2 replies
[  21100] device > d1 report failed error=E_HEALTHCHECK seq=9
[  21107] store   > d1 verifying -> rolling_back    health_failed: it failed its own check on the new version [E_HEALTHCHECK]
[  21112] store   > d1 the first try had worked
[  21115] drover  = unavailable: not reachable now
[  22000] device > d1 report failed error=E_HEALTHCHECK seq=9
[  22005] drover  = stale: not newer than a report already taken
[  82000] clock > later
[  82007] store   > d1 rolling_back                 expired: not back yet: tell it again
[  82010] broker  < update/esp32/d1              rollback to 1.0.0
[  90000] device > d1 heartbeat 1.0.0 boot=b3
[  90007] store   > d1 rolling_back -> rolled_back  old_seen: back on 1.0.0: it failed its own check on the new version [E_HEALTHCHECK]
