# No heartbeat for long, but its reports arrive: that is a sign of life.
rollout r1 esp32 1.1.0 max_attempts=1
policy silent_after_ms=60000

[      0] device > d1 heartbeat 1.0.0 boot=b1
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 1.1.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 1, full package
[     15] broker  < update/esp32/d1              update 1.1.0, attempt 1, full
[   1000] device > d1 report acknowledged
[   1007] store   > d1 dispatched -> acknowledged   acknowledge: it has the command
[ 290000] device > d1 report downloading
[ 290007] store   > d1 acknowledged -> downloading  download: it downloads
[ 560000] device > d1 report downloading progress=1
[ 560007] store   > d1 downloading                  progress: 1 % done
[ 590000] device > d1 report installing
[ 590007] store   > d1 downloading -> installing    install: it installs
[1491000] clock > later
[1491007] store   > d1 installing -> lost           silent: no sign of life for 901 s in installing [E_LOST]
