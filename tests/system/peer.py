"""MQTT clients that show certificates to the broker of a secure stack: for tests of who may come in, say and hear what, and for devices played by hand there."""
import contextlib
import json
import socket
import ssl
import threading

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from hand import Hand
from stack import wait_until


CONNECT = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01x"


def greet(port, context, session=None):
    """The session (ssl.SSLSession) when the broker takes CONNECT, None when it does not; said in raw bytes so that nothing tries again."""
    with contextlib.suppress(ssl.SSLError, ConnectionError, TimeoutError):
        with socket.create_connection(("127.0.0.1", port), 10) as plain, \
                context.wrap_socket(plain, server_hostname="localhost", session=session) as peer:
            peer.sendall(CONNECT)
            if peer.recv(4) == b"\x20\x02\x00\x00":
                return peer.session
    return None


class Peer:
    """One connection, up until it is closed or cut."""

    def __init__(self, stack, name, client_id=None, will=None, filters=(), session_s=0):
        self.name, self.heard, self.ended = name, [], threading.Event()
        self._lock, answers = threading.Lock(), threading.Semaphore(0)
        self.client = mqtt.Client(client_id or name, protocol=mqtt.MQTTv5, reconnect_on_failure=False)
        self.client.tls_set_context(stack.security.context(name))
        self.client.on_connect = self.client.on_subscribe = lambda *_: answers.release()
        self.client.on_disconnect = lambda *_: self.ended.set()
        self.client.on_message = self._on_message
        if will:
            self.client.will_set(*will)
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = session_s
        self.client.connect("127.0.0.1", stack.broker_port, clean_start=session_s == 0, properties=properties)
        self.client.loop_start()
        assert answers.acquire(timeout=20), f"{name} was not let in"
        for text in filters:
            self.client.subscribe(text, qos=1)
            assert answers.acquire(timeout=20), f"no answer to the subscription of {text}"

    def _on_message(self, _client, _data, message):
        with self._lock:
            self.heard.append((message.topic, message.payload.decode()))

    def topics(self):
        with self._lock:
            return [topic for topic, _ in self.heard]

    def say(self, topic, message="{}", retain=False):
        """Returns when the broker has answered, whether it takes the message or not."""
        self.client.publish(topic, message if isinstance(message, (str, bytes)) else json.dumps(message), qos=1, retain=retain).wait_for_publish(20)

    def hears(self, topic, count=1):
        wait_until(lambda: self.topics().count(topic) >= count, 20, f"{topic} to reach {self.name}")

    def vanish(self):
        """As in a power cut: no DISCONNECT."""
        self.client.loop_stop()
        self.client.socket().close()
        self.ended.set()

    def close(self):
        if not self.ended.is_set():
            self.client.disconnect()
        self.client.loop_stop()


class CertifiedHand(Hand):
    """The hand of a secure stack: each device has a certificate and a connection of its own."""

    def connect(self, client_id):
        self.peers = {}

    def close(self):
        for peer in self.peers.values():
            peer.close()

    def peer(self, name):
        return self.peers.get(name) or self.plug_in(name)

    def plug_in(self, name):
        """A new connection under this name; one that was there is the broker's to end. Returns the new one."""
        self.stack.security.certify([name])
        self.peers[name] = Peer(self.stack, name, filters=[f"update/+/{name}"])
        return self.peers[name]

    def send(self, topic, payload, retain):
        self.peer(topic.split("/")[1]).say(topic, payload, retain)

    def commands(self, device, kind=None):
        heard = [json.loads(payload) for topic, payload in self.peer(device).heard if topic.startswith("update/")]
        return [command for command in heard if kind in (None, command["command"])]
