# Told by day, installed by night: the package waits on the device until its window opens. It is neither a download that stalled nor one that takes too long; were the device
# silent, it would be lost.
begins 2026-06-10T10:00:00Z
rollout r1 esp32 1.1.0 plan={"windows":{"weekly":[{"use":"install","from":"22:00","to":"04:00"}]}}

[      0] device > d1 keeps sending 1.0.0 boot=b1 tz=Europe/Berlin managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full, installs from 2026-06-10T20:27:15Z to 2026-06-11T02:00:00Z
[   1000] device > d1 report downloading
[   1007] store   > d1 dispatched -> downloading    download: it downloads
[  60000] device > d1 report downloading progress=100
[  60007] store   > d1 downloading                  progress: 100 % done
[ 361007] store   > d1 downloading                  progress: has the package; waits for its maintenance window
[3962007] store   > d1 downloading                  progress: has the package; waits for its maintenance window
[7563007] store   > d1 downloading                  progress: has the package; waits for its maintenance window
[11164007] store   > d1 downloading                  progress: has the package; waits for its maintenance window
[14765007] store   > d1 downloading                  progress: has the package; waits for its maintenance window
[18366007] store   > d1 downloading                  progress: has the package; waits for its maintenance window
[21967007] store   > d1 downloading                  progress: has the package; waits for its maintenance window
[25568007] store   > d1 downloading                  progress: has the package; waits for its maintenance window
[29169007] store   > d1 downloading                  progress: has the package; waits for its maintenance window
[30000000] operator > explains d1
[30000000] answer  < now: downloading since 29998 s: 100 %
[30000000] answer  < next: has the package; installs it when its maintenance window opens
[30000000] answer  < by: 32769005
[32770007] store   > d1 downloading                  progress: has the package; waits for its maintenance window
[36371007] store   > d1 downloading                  progress: has the package; waits for its maintenance window
[37400000] device > d1 report installing
[37400007] store   > d1 downloading -> installing    install: it installs
[37500000] device > d1 keeps sending 1.1.0 boot=b2 tz=Europe/Berlin managed
[37500007] store   > d1 installing -> verifying      target_seen: a heartbeat shows the target version
[37530007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
[37600000] clock   >
