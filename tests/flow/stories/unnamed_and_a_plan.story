# A plan that asks for more than a version is not for somebody who does not say who he is: nobody knows his tags, or what his clock shows.
rollout r2 pump 1.1.0 plan={"target":{"tags_none":["lab"]}}
rollout r3 fan 1.1.0 plan={"target":{"min_version":"1.0.0"},"stages":[{"name":"a","filter":{"hw_revs":["c"]}},{"name":"b"}]}
rollout r4 door 1.1.0 plan={"windows":{"weekly":[{"days":["mon"],"from":"02:00","to":"05:00"}]}}
rollout r6 tap 1.1.0 plan={"target":{"min_version":"1.0.0"}}
[   1000] device  > somebody asks 1.0.0 model=pump
[   1000] answer  < 304 this rollout asks for a device_id
[   2000] device  > somebody asks 1.0.0 model=fan
[   2000] answer  < 304 this rollout asks for a device_id
[   3000] device  > somebody asks 1.0.0 model=door
[   3000] answer  < 304 this rollout asks for a device_id
[   5000] device  > somebody asks 1.0.0 model=tap
[   5000] answer  < 200 update 1.1.0, attempt 0, full
[   6000] device  > somebody asks 0.9.0 model=tap
[   6000] answer  < 304 this rollout asks for a device_id
