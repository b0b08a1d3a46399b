# A managed device goes from 1.0.0 to 1.1.0, step by step. Its "succeeded" counts for nothing; two healthy heartbeats
# from a new boot, 20 s apart at least, do.
rollout r1 esp32 1.1.0 confirmations=2 soak_ms=20000

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d1 report acknowledged
[   1007] store   > d1 dispatched -> acknowledged   acknowledge: it has the command
[   2000] device > d1 report downloading progress=0
[   2007] store   > d1 acknowledged -> downloading  download: it downloads
[   5000] device > d1 report downloading progress=50
[   5007] store   > d1 downloading                  progress: 50 % done
[   8000] device > d1 report installing
[   8007] store   > d1 downloading -> installing    install: it installs
[   9000] device > d1 report verifying
[   9007] store   > d1 installing -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[   9500] operator > explains d1
[   9500] answer  < now: verifying since 0 s: no heartbeat from a new boot on 1.1.0 yet
[   9500] answer  < next: such a heartbeat must come; otherwise the next attempt follows
[   9500] answer  < by: 309005
[  20000] device > d1 heartbeat 1.1.0 boot=b2
[  20007] store   > d1 verifying                    progress: 1 of 2 healthy heartbeats
[  21000] device > d1 report succeeded
[  21007] store   > d1 verifying                    progress: it says succeeded; its heartbeats must prove it
[  22000] operator > explains d1
[  22000] answer  < now: verifying since 12 s: 1 of 2 healthy heartbeats on 1.1.0
[  22000] answer  < next: succeeds after 1 more healthy heartbeat and 18 s of soak; otherwise it goes back
[  22000] answer  < by: 340000
[  50000] device > d1 heartbeat 1.1.0 boot=b2
[  50007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[  51000] operator > explains d1
[  51000] answer  < now: succeeded since 0 s: proved by its heartbeats
[  51000] answer  < next: nothing is planned: it had its turn in this rollout
