"""The broker as deploy/mosquitto ships it, with certificates of deploy/pki: who comes in, who may say and hear what, and new certificates and lists
while it runs."""
import contextlib
import re
import signal
import socket
import ssl

import pytest

from peer import CONNECT, Peer, greet
from pki import Authority
from stack import wait_until

NOTICE = '{"schema":1}'


class Broker:
    """Mosquitto alone, and the devices d1 and d2."""

    def __init__(self, stack):
        self.stack, self.security = stack, stack.security
        self.security.certify(["d1", "d2", "d3"])
        for name in ("drover-1", "drover-2", "dashboard"):
            self.security.certify_client(name)
        self.process = stack.start_broker()
        self.port = stack.broker_port
        self.peers = contextlib.ExitStack()

    def peer(self, name, **options):
        peer = Peer(self.stack, name, **options)
        self.peers.callback(peer.close)
        return peer

    def lets_in(self, context):
        return greet(self.port, context) is not None

    def new_files(self, condition):
        """As an operator: copy, SIGHUP; then waits for the effect."""
        self.security.give_broker()
        self.process.signal(signal.SIGHUP)
        wait_until(condition, 10, "Mosquitto to go by its new files", alive=[self.process])

    def is_good_for(self, host):
        """Is the certificate that it shows good for this host?"""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 10) as plain, self.security.context("d2").wrap_socket(plain, server_hostname=host):
                return True
        except ssl.SSLCertVerificationError:
            return False

    def serial(self, context):
        """Of the certificate that it shows."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as plain, context.wrap_socket(plain, server_hostname="localhost") as peer:
            return peer.getpeercert()["serialNumber"]


@pytest.fixture
def broker(stack):
    broker = Broker(stack)
    with broker.peers:
        yield broker
    broker.process.check_alive()


secure = pytest.mark.parametrize("stack", [{"secure": True}], indirect=True, ids=[""])


# --- who comes in ---

@secure
def test_who_has_no_good_certificate_comes_not_in(broker):
    security, folder = broker.security, broker.stack.folder
    ours = Authority(folder / "ours", signer=(security.ca, security.pki_folder / "authority" / "ca.key"))
    stranger, double = Authority(folder / "stranger"), Authority(folder / "double", "Private stack")
    security.pki("server", "mirror")
    device = Authority(folder / "device", signer=(security.certificate("d1"), security.key("d1")))
    by_device = device.issue("d2")[0]
    by_device.write_text(by_device.read_text() + security.certificate("d1").read_text())

    def showing(file):
        context = security.context()
        context.load_cert_chain(file)
        return context
    refused = {
        "none": security.context(),
        "of another authority": showing(stranger.issue("d1")[0]),
        "of another authority with our authority's name": showing(double.issue("d1")[0]),
        "expired": showing(ours.issue("d1", "expired", days=-1)[0]),
        "not yet good": showing(ours.issue("d1", "early", begins_days=1)[0]),
        "a server's": security.context("mirror"),
        "signed by a device": showing(by_device),
    }
    assert broker.lets_in(showing(ours.issue("d1", "good")[0])), "it is not for how this test makes them"
    for what, context in refused.items():
        assert not broker.lets_in(context), what
        assert broker.lets_in(security.context("d1")), "and the next honest device comes in"
    with pytest.raises(ssl.SSLCertVerificationError):
        broker.serial(ssl.create_default_context(cafile=stranger.file))


@secure
def test_only_tls_1_2_and_1_3(broker):
    for version, good in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)):
        context = broker.security.context("d1")
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
        assert broker.lets_in(context) == good, version


@secure
def test_without_tls_nobody_comes_in(broker):
    """The plain listener is for this machine, and for who has a password."""
    text = broker.security.broker_folder.joinpath("mosquitto.conf").read_text()
    (plain,) = re.findall(r"(?m)^listener (\d+) 127\.0\.0\.1$", text)
    for port in (int(plain), broker.port):
        with socket.create_connection(("127.0.0.1", port), 10) as peer, contextlib.suppress(ConnectionError):
            peer.sendall(CONNECT)
            assert peer.recv(4) in (b"", b"\x20\x02\x00\x05"), "not authorised"


# --- who may say and hear what ---

FOREIGN = ["device/d2/heartbeat", "device/d2/online", "device/d2/report", "device/d1/other", "device/d1", "update/esp32", "update/esp32/d1", "update/esp32/d2",
           "fleet/event/r1", "service/drover-1/status", "$SYS/broker/uptime", "anything"]


@secure
def test_a_device_speaks_for_itself_alone(broker):
    droverd = broker.peer("drover-2", filters=["device/+/heartbeat", "device/+/online", "device/+/report"])
    panel = broker.peer("dashboard", filters=["fleet/event/+", "service/+/status"])
    victim = broker.peer("d2", filters=["update/+", "update/+/d2"])
    mallory = broker.peer("d1", filters=["update/+/d1"])
    for topic in FOREIGN:
        for retain in (False, True):
            mallory.say(topic, retain=retain)
    for topic in ("device/d2/online", "service/drover-1/status", "update/esp32", "device/d3/online"):     # the last will is no way round
        broker.peer("d3", will=(topic, "{}", 1, True)).vanish()
        broker.peer("d3").close()                                        # now at the latest the broker has spoken it
    droverd.hears("device/d3/online")
    own = ["device/d1/heartbeat", "device/d1/online", "device/d1/report"]
    for topic in own:
        mallory.say(topic)
    droverd.hears(own[-1])
    assert droverd.topics() == ["device/d3/online", *own]
    for other in (victim, mallory, panel, broker.peer("d3", filters=["update/#"])):
        assert other.topics() == [], other.name
    assert broker.peer("drover-1", filters=["device/+/online", "device/+/heartbeat", "device/+/report"]).topics() == ["device/d3/online"], "retained"


@secure
def test_a_device_hears_its_own_commands_and_notices_alone(broker):
    droverd, victim = broker.peer("drover-1"), broker.peer("d2", filters=["update/esp32/d2"])
    victim.say("device/d2/online", '{"online":true}', retain=True)
    droverd.say("update/gateway", NOTICE, retain=True)
    everything = ["#", "+/+", "+/+/+", "+/+/+/+", "device/#", "device/d2/report", "update/+/+", "update/esp32/d2", "$share/x/update/+/d2", "$SYS/#", "fleet/#",
                  "service/#", "update/+"]
    mallory = broker.peer("d1", filters=everything)
    victim.say("device/d2/report")
    droverd.say("update/esp32/d2")
    droverd.say("update/esp32", NOTICE)
    droverd.say("fleet/event/r1")
    droverd.say("service/drover-1/status")
    droverd.say("update/esp32/d1")
    mallory.hears("update/esp32/d1")
    assert set(mallory.topics()) == {"update/gateway", "update/esp32", "update/esp32/d1"}
    assert victim.topics() == ["update/esp32/d2"]


@secure
def test_a_client_id_is_the_certificates_name(broker):
    """Who says to be another in CONNECT neither pushes it out nor gets what waits for it."""
    droverd, victim = broker.peer("drover-1"), broker.peer("d2", filters=["update/+/d2"], session_s=600)
    mallory = broker.peer("d1", client_id="d2", filters=["update/+/d2"])
    droverd.say("update/esp32/d2", "1")
    victim.hears("update/esp32/d2")
    assert not victim.ended.is_set()
    victim.close()
    mallory.close()
    droverd.say("update/esp32/d2", "2")
    again = broker.peer("d1", client_id="d2", session_s=600, filters=["update/+/d1"])
    droverd.say("update/esp32/d1", "3")
    again.hears("update/esp32/d1")
    assert again.heard == [("update/esp32/d1", "3")] and mallory.heard == []
    back = broker.peer("d2", session_s=600)
    back.hears("update/esp32/d2")
    assert back.heard == [("update/esp32/d2", "2")], "it waited for its own device"


# --- new files while it runs ---

@secure
def test_a_renewed_certificate_counts_at_once_and_no_connection_is_lost(broker):
    droverd, device = broker.peer("drover-1", filters=["device/+/heartbeat"]), broker.peer("d1")
    context = broker.security.context("d2")
    before = broker.serial(context)
    broker.security.pki("renew", "server", "--new-key")
    broker.new_files(lambda: broker.serial(context) != before)
    device.say("device/d1/heartbeat")
    droverd.hears("device/d1/heartbeat")
    assert not device.ended.is_set() and not droverd.ended.is_set()


@secure
def test_a_revoked_certificate_comes_not_in_again(broker):
    security, contexts = broker.security, {}
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = security.context("d2")
        context.minimum_version = context.maximum_version = version
        contexts[context] = greet(broker.port, context)
        assert contexts[context], version
    security.pki("revoke", "d2")
    broker.new_files(lambda: not broker.lets_in(security.context("d2")))
    for context, session in contexts.items():
        assert greet(broker.port, context, session) is None, "nor by a session of before"
    assert broker.lets_in(security.context("d1"))
    security.pki("forget", "d2")
    security.pki("device", "d2")
    assert broker.lets_in(security.context("d2")), "a new certificate under the old name"


@secure
def test_a_list_that_is_out_of_date_lets_nobody_in(stack):
    security = stack.security
    security.certify(["d1"])
    ours = Authority(stack.folder / "ours", signer=(security.ca, security.pki_folder / "authority" / "ca.key"))
    ours.revoke(until_days=-1).rename(security.pki_folder / "crl.pem")
    broker = Broker(stack)
    assert not broker.lets_in(security.context("d1"))
    security.pki("crl")
    broker.new_files(lambda: broker.lets_in(security.context("d1")))


# --- whom droverd, agents and the simulator take for the broker ---

@secure
@pytest.mark.asan
def test_nobody_talks_to_a_broker_that_is_not_ours(stack):
    """A stranger's certificate for our host; then one of our authority for another host. All stay away, and go on when the right one is back."""
    security = stack.security
    stack.start_redis()
    security.pki("server", "elsewhere", "--san", "mqtt.example.org")
    certificate, key = Authority(stack.folder / "stranger").issue("localhost", server=True)[0].read_text().split("-----BEGIN PRIVATE KEY", 1)
    broker = Broker(stack)
    wait_until(lambda: broker.lets_in(security.context("d2")), 10, "Mosquitto to have read its files", alive=[broker.process])   # it listens before

    def shows(certificate, key, condition):
        (security.broker_folder / "pki/broker.pem").write_text(certificate)
        (security.broker_folder / "pki/broker.key").write_text(key)
        broker.process.signal(signal.SIGHUP)
        wait_until(condition, 10, "the other certificate", alive=[broker.process])
    shows(certificate, "-----BEGIN PRIVATE KEY" + key, lambda: not broker.is_good_for("localhost"))
    droverd = stack.start_droverd(wait_ready=False)
    agent = stack.start("agent", [stack.program("drover-agent"), *[f"--set={name}={value}" for name, value in {
        "device.model": "gear", "agent.state_dir": stack.folder / "agent", "slots.dir": stack.folder / "agent-slots", "slots.parts": "app",
        "mqtt.retry_max_s": 1, "mqtt.heartbeat_s": 1, **stack.agent_settings("d1")}.items()]])
    sim = stack.start_sim("--devices", 3, "--heartbeat-ms", 500)
    for process in (droverd, agent):
        wait_until(lambda: "certificate verify failed" in process.log_path.read_text(), 20, "it to be said", alive=[process])
    shows(security.certificate("elsewhere").read_text(), security.key("elsewhere").read_text(), lambda: broker.is_good_for("mqtt.example.org"))
    for process in (droverd, agent):
        wait_until(lambda: "TLS connect failure" in process.log_path.read_text(), 20, "the other host to be refused, too", alive=[process])
    assert stack.metrics()["drover_mqtt_connects_total"] == 0 and not stack.redis().exists("drover:v1:seen")
    broker.new_files(lambda: broker.is_good_for("localhost"))
    wait_until(lambda: stack.redis().zcard("drover:v1:seen") == 4, 40, "all of them to be heard", alive=[droverd, agent, sim])


@secure
def test_a_simulator_without_a_certificate_for_each_device_does_not_begin(stack):
    security = stack.security
    broker = Broker(stack)
    security.certify(["sim-0000000"])
    for certificates, words in ((security.pki_folder, ("sim-0000001", "no certificate")), (stack.folder / "nowhere", ("sim-0000000", "no certificate"))):
        sim = stack.start("sim", [stack.program("drover-sim"), "--mqtt", stack.mqtt_url, "--ca", security.ca, "--certificates", certificates, "--devices", "2"])
        assert sim.popen.wait(20) == 1 and all(word in sim.log_tail(1) for word in words), sim.log_tail()
        stack.forget(sim)
    sim = stack.start("sim", [stack.program("drover-sim"), "--mqtt", stack.mqtt_url, "--ca", stack.folder / "no.pem"])
    assert sim.popen.wait(20) == 1 and "no.pem" in sim.log_tail(1), sim.log_tail()
    stack.forget(sim)
    broker.process.check_alive()


@secure
def test_settings_of_the_link_that_cannot_be_meant(stack):
    security = stack.security
    for settings, word in (({"mqtt.url": "tcp://127.0.0.1:1883"}, "mqtt.url"), ({"mqtt.tls_certificate": ""}, "mqtt.tls_certificate")):
        arguments = [stack.program("droverd"), "--check-config"]
        for name, value in {**security.droverd_settings("drover-1"), "mqtt.url": "ssl://127.0.0.1:8883", **settings}.items():
            arguments += ["--set", f"{name}={value}"]
        droverd = stack.start("check", arguments)
        assert droverd.popen.wait(20) == 2 and word in droverd.log_tail(1), droverd.log_tail()
        stack.forget(droverd)
