# A leg begins within the limits: bytes and dispatches a minute are asked for again, its place is kept. Who has no room yet stays where it is, proved as it is, and is
# not sent back for that, however long it takes.
rollout r1 esp32 3.0.0 plan={"stepping_stones":["2.0.0"],"confirmations":2,"limits":{"bytes_in_flight":1500000}}

[      0] device > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 3.0.0, by way of 2.0.0
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package of 2.0.0
[     15] broker  < update/esp32/d1              update 2.0.0, attempt 1, full
[   1000] device > d1 report verifying
[   1007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[   1500] device > d2 keeps sending 1.0.0 boot=b1 managed until=1400000 each=170000
[   1507] store   > d2 none -> pending              open: runs 1.0.0, behind 3.0.0, by way of 2.0.0
[   1512] store   > d2 pending -> dispatched        dispatch: attempt 1 of 3, full package of 2.0.0
[   1515] broker  < update/esp32/d2              update 2.0.0, attempt 1, full
[   2000] device > d1 keeps sending 2.0.0 boot=b2 managed until=1400000 each=100000
[   2007] store   > d1 verifying                    progress: 1 of 2 healthy heartbeats
[   2500] device > d2 report downloading progress=10
[   2507] store   > d2 dispatched -> downloading    download: it downloads
[ 102007] store   > d1 verifying                    progress: 2 of 2 healthy heartbeats
[ 102012] store   > d1 stepped: not now
[ 202007] store   > d1 stepped: not now
[ 290000] device > d2 report downloading progress=20
[ 290007] store   > d2 downloading                  progress: 20 % done
[ 302007] store   > d1 verifying                    postpone: no room yet for the next leg
[ 302017] store   > d1 stepped: not now
[ 402007] store   > d1 stepped: not now
[ 502007] store   > d1 stepped: not now
[ 580000] device > d2 report downloading progress=30
[ 580007] store   > d2 downloading                  progress: 30 % done
[ 602007] store   > d1 stepped: not now
[ 603007] store   > d1 verifying                    postpone: no room yet for the next leg
[ 702007] store   > d1 stepped: not now
[ 802007] store   > d1 stepped: not now
[ 870000] device > d2 report downloading progress=40
[ 870007] store   > d2 downloading                  progress: 40 % done
[ 902007] store   > d1 stepped: not now
[ 904007] store   > d1 verifying                    postpone: no room yet for the next leg
[1002007] store   > d1 stepped: not now
[1102007] store   > d1 stepped: not now
[1160000] device > d2 report downloading progress=50
[1160007] store   > d2 downloading                  progress: 50 % done
[1170000] operator > explains d1
[1170000] answer  < now: verifying since 1168 s: 2 of 2 healthy heartbeats on 2.0.0
[1170000] answer  < next: goes on to the next leg with the first healthy heartbeat after 0 s of soak; otherwise it goes back
[1170000] answer  < by: 1204005
[1202007] store   > d1 stepped: not now
[1205007] store   > d1 verifying                    postpone: no room yet for the next leg
[1250000] device > d2 report failed error=E_INCOMPATIBLE
[1250007] store   > d2 downloading -> failed        fail: the package is not for this device [E_INCOMPATIBLE]
[1302007] store   > d1 verifying -> pending         stepped: on 2.0.0 (1 of 1 stones), next 3.0.0
[1302012] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package
[1302015] broker  < update/esp32/d1              update 3.0.0, attempt 2, full
[1310000] device > d1 report verifying
[1310007] store   > d1 dispatched -> verifying      reboot: its word: rebooted; now heartbeats must prove it
[1311000] device > d1 heartbeat 3.0.0 boot=b3 managed
[1311007] store   > d1 verifying                    progress: 1 of 2 healthy heartbeats
[1312000] device > d1 heartbeat 3.0.0 boot=b3 managed
[1312007] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats
