# The leader dies between the legs: after the save that ends the first one, before anything was said. The other one goes on.
orchestrators 2
rollout r1 esp32 3.0.0 plan={"stepping_stones":["2.0.0"],"confirmations":1}

[      0] device > d1 heartbeat 1.0.0 boot=b1 managed
[      7] store   > d1 none -> pending              open: runs 1.0.0, behind 3.0.0, by way of 2.0.0 (A)
[     12] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package of 2.0.0 (A)
[     15] broker  < update/esp32/d1              update 2.0.0, attempt 1, full
[   1000] device > d1 heartbeat 2.0.0 boot=b2 managed
[   1007] store   > d1 dispatched -> verifying      target_seen: a heartbeat shows 2.0.0, its stepping stone (A)
[   1012] store   > d1 verifying -> pending         stepped: on 2.0.0 (1 of 1 stones), next 3.0.0 (A)
[   1013] trouble ! A dies
[   7007] store   > d1 pending -> dispatched        dispatch: attempt 1 of 3, full package (B)
[   7010] broker  < update/esp32/d1              update 3.0.0, attempt 2, full
[   9000] device > d1 heartbeat 3.0.0 boot=b3 managed via=B
[   9007] store   > d1 dispatched -> verifying      target_seen: a heartbeat shows the target version (B)
[   9012] store   > d1 verifying -> succeeded       confirmed: proved by its heartbeats (B)
[  10000] clock > later
