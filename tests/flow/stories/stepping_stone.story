# Whoever runs less than 2.0.0 goes through it first: one upgrade, two legs, each proved by heartbeats. Attempts are counted anew, their numbers go on rising; a late
# report of the leg before is of an attempt that is over.
rollout r1 esp32 3.0.0 min_version=2.0.0 delta=2.0.0 plan={"stepping_stones":["2.0.0"],"confirmations":1}

[      0] device > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 3.0.0, by way of 2.0.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package of 2.0.0
[     15] broker  < update/esp32/d1              update 2.0.0, attempt 1, full
[   1000] operator > explains d1
[   1000] answer  < now: dispatched since 0 s: attempt 1 of 3, full package of 2.0.0
[   1000] answer  < next: without a reaction it is told again (left: 2)
[   1000] answer  < by: 30010
[   5000] device > d1 report verifying
[   5007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[   5500] operator > explains d1
[   5500] answer  < now: verifying since 0 s: no heartbeat from a new boot on 2.0.0 yet
[   5500] answer  < next: such a heartbeat must come; otherwise the next attempt follows
[   5500] answer  < by: 305005
[   6000] device > d1 heartbeat 2.0.0 boot=b2 managed
[   6007] store   > d1 verifying                    progress: 1 of 1 healthy heartbeats
[   6012] store   > d1 verifying -> pending         stepped: on 2.0.0 (1 of 1 stones), next 3.0.0
[   6017] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, by delta
[   6020] broker  < update/esp32/d1              update 3.0.0, attempt 2, delta from 2.0.0
[   6500] device > d1 report succeeded attempt=1
[   6505] drover  = stale: about another attempt than the current one
[   8000] device > d1 report verifying
[   8007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[   9000] device > d1 heartbeat 3.0.0 boot=b3 managed
[   9007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[  20000] device > d2 heartbeat 2.0.0 boot=b1 managed
[  20007] store   > d2 none -> pending              open: runs 2.0.0, behind 3.0.0
[  20012] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, by delta
[  20015] broker  < update/esp32/d2              update 3.0.0, attempt 1, delta from 2.0.0
[  21000] device > d2 report rejected
[  21007] store   > d2 dispatched -> rejected       reject: the device refuses [E_REJECTED]
