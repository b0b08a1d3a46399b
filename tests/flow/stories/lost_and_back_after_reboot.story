# Lost while it installed, back on the old version from a new boot: it fell back.
rollout r1 esp32 1.1.0

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   5000] device > d1 report installing
[   5007] store   > d1 dispatched -> installing     install: it installs
[ 906007] store   > d1 installing -> lost           silent: no sign of life for 901 s in installing [E_LOST]
[1200000] device > d1 heartbeat 1.0.0 boot=b2
[1200007] store   > d1 lost -> rolled_back          old_seen: it returned after a reboot into the old version [E_ROLLED_BACK]
