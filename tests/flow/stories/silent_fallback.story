# The new image does not boot; the device comes back on the old one by itself and says nothing.
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   5000] device > d1 report verifying
[   5007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
# Not rebooted yet:
[   6000] device > d1 heartbeat 1.0.0 boot=b1
[  40000] device > d1 heartbeat 1.0.0 boot=b2
[  40007] store   > d1 verifying -> rolled_back     old_seen: it came back on the old version [E_ROLLED_BACK]
# It had its turn: this rollout does not offer it the version again.
[  70000] device > d1 heartbeat 1.0.0 boot=b2
[  71000] operator > explains d1
[  71000] answer  < now: rolled_back since 30 s: it came back on the old version
[  71000] answer  < next: nothing is planned: it had its turn in this rollout
