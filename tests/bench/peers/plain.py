"""Peer (c) of the ingest benchmark: what one would write first in Python, paho-mqtt and redis-py.

The same work per heartbeat as the other peers: HSET of the facts, ZADD of the time, HGET of the upgrade's state.
    plain.py HOST PORT REDIS_SOCKET EXPECTED
"""
import json
import sys
import time

import paho.mqtt.client as mqtt
import redis

host, port, redis_socket, expected = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
store = redis.Redis(unix_socket_path=redis_socket)
count, first = 0, 0.0


def connected(client, *_):
    client.subscribe("device/+/heartbeat", qos=1)


def subscribed(*_):
    print("subscribed", flush=True)


def arrived(client, _, message):
    global count, first
    first = first or time.monotonic()
    device = message.topic.split("/")[1]
    beat = json.loads(message.payload)
    store.hset(f"plain:device:{device}", mapping={name: str(value) for name, value in beat.items()})
    store.zadd("plain:seen", {device: int(time.time() * 1000)})
    store.hget(f"plain:device:{device}", "state")
    count += 1
    if count == expected:
        print(json.dumps({"count": count, "first_s": first, "last_s": time.monotonic()}), flush=True)
        client.disconnect()


client = mqtt.Client("plain-python", protocol=mqtt.MQTTv5)
client.on_connect, client.on_subscribe, client.on_message = connected, subscribed, arrived
client.connect(host, port)
client.loop_forever()
