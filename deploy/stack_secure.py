"""What makes a private stack (stack.py) a secure one: an authority made by deploy/pki, the broker's shipped configuration with TLS and ACL, a user of
Redis' shipped ACL, TLS on both of droverd's listeners. Everything is made anew for each stack and is worth nothing.
"""
import contextlib
import hashlib
import os
import pathlib
import re
import ssl
import subprocess

DEPLOY = pathlib.Path(__file__).resolve().parent


class SecureError(Exception):
    """Something could not be made; the text says what."""


def broker_config(folder, plain_port, tls_port=None):
    """deploy/mosquitto as it is shipped, into `folder`: only folders, ports and the log's place are others. Returns the configuration's path."""
    folder = pathlib.Path(folder)
    (folder / "conf.d").mkdir(parents=True, exist_ok=True)
    places = {"/etc/mosquitto/": f"{folder}/", "/var/lib/mosquitto/": f"{folder}/", "log_dest syslog": "log_dest stderr",
              "listener 1883 127.0.0.1": f"listener {plain_port} 127.0.0.1", "listener 8883\n": f"listener {tls_port} 127.0.0.1\n"}

    def shipped(name, *wanted):
        text = (DEPLOY / "mosquitto" / name).read_text()
        for place in wanted:
            if place not in text:
                raise SecureError(f"deploy/mosquitto/{name} has no '{place.strip()}'")
        for place, mine in places.items():
            text = text.replace(place, mine)
        return text
    user = f"user {os.environ.get('USER', 'root')}\n" if os.getuid() == 0 else ""
    (folder / "mosquitto.conf").write_text(shipped("mosquitto.conf", "/var/lib/mosquitto/", "log_dest syslog", "listener 1883 127.0.0.1") + user)
    (folder / "acl").write_text(shipped("acl"))
    (folder / "passwd").touch(0o600)
    if tls_port:
        (folder / "conf.d" / "tls.conf").write_text(shipped("tls.conf", "listener 8883\n", "/etc/mosquitto/pki/"))
    return folder / "mosquitto.conf"


def with_password(users, name, password):
    """The users.acl of deploy/redis with the password's digest put in, as the steps in redis.conf do it."""
    text, count = re.subn(rf"(?m)^user {name} on ", f"user {name} on #{hashlib.sha256(password.encode()).hexdigest()} ", users)
    if count != 1:
        raise SecureError(f"deploy/redis/users.acl has no user {name}")
    return text


class Security:
    """The secrets of one secure stack, in its folder: pki/ (the authority), broker/ (Mosquitto's), redis.*."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.pki_folder, self.broker_folder = self.folder / "pki", self.folder / "broker"
        self.ca = self.pki_folder / "ca.pem"
        self.pki("init", "--title", "Private stack")
        self.pki("server", "server", "--san", "localhost", "--san", "127.0.0.1")
        self.redis_users, self.redis_password_file, self.redis_own_password = self._redis()

    # --- certificates ---

    def pki(self, command, *arguments):
        """deploy/pki COMMAND with our folder."""
        done = subprocess.run([DEPLOY / "pki", command, self.pki_folder, *map(str, arguments)], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise SecureError(done.stderr.strip())
        return done.stdout

    def certificate(self, name):
        return self.pki_folder / f"{name}.pem"

    def key(self, name):
        return self.pki_folder / f"{name}.key"

    def certify(self, ids):
        """Certificates for those of these devices that have none yet."""
        missing = [name for name in ids if not self.certificate(name).exists()]
        if missing:
            self.pki("device", *missing)

    def certify_client(self, name):
        if not self.certificate(name).exists():
            self.pki("client", name)

    def context(self, name=None):
        """An SSLContext that trusts the authority and shows the certificate of `name`."""
        context = ssl.create_default_context(cafile=self.ca)
        if name:
            context.load_cert_chain(self.certificate(name), self.key(name))
        return context

    # --- the parts ---

    def broker(self, plain_port, tls_port):
        """Everything the broker reads; returns the path of its configuration."""
        config = broker_config(self.broker_folder, plain_port, tls_port)
        self.give_broker()
        return config

    def give_broker(self):
        """What the broker has of the authority, as an operator would copy it: after renew, revoke and crl once more, and then SIGHUP."""
        with contextlib.suppress(FileExistsError):
            (self.broker_folder / "pki").mkdir()
        for source, target in (("ca.pem", "ca.pem"), ("crl.pem", "crl.pem"), ("server.pem", "broker.pem"), ("server.key", "broker.key")):
            fresh = self.broker_folder / "pki" / (target + ".new")
            fresh.touch(0o600)
            fresh.write_bytes((self.pki_folder / source).read_bytes())
            fresh.rename(self.broker_folder / "pki" / target)

    def _redis(self):
        """(users.acl with a password for droverd and one for ourselves, droverd's password file, our password)."""
        password, own = os.urandom(16).hex(), os.urandom(16).hex()
        file, users = self.folder / "redis.password", self.folder / "redis.users.acl"
        for path in (file, users):
            path.touch(0o600)
        file.write_text(password + "\n")
        text = with_password((DEPLOY / "redis" / "users.acl").read_text(), "drover", password)
        users.write_text(text + f"user stack on #{hashlib.sha256(own.encode()).hexdigest()} ~* &* +@all\n")
        return users, file, own

    def droverd_settings(self, instance):
        self.certify_client(instance)
        server = {"tls_certificate": self.certificate("server"), "tls_key": self.key("server")}
        return {"mqtt.tls_ca": self.ca, "mqtt.tls_certificate": self.certificate(instance), "mqtt.tls_key": self.key(instance),
                "redis.username": "drover", "redis.password_file": self.redis_password_file,
                **{f"{listener}.{name}": value for listener in ("http", "api") for name, value in server.items()},
                "http.tls_client": "required", "http.tls_client_ca": self.ca, "http.tls_client_crl": self.pki_folder / "crl.pem"}

    def agent_settings(self, name):
        self.certify([name])
        return {"tls.ca_file": self.ca, "tls.certificate_file": self.certificate(name), "tls.key_file": self.key(name)}

    def sim_arguments(self, ids):
        self.certify(ids)
        return ["--ca", self.ca, "--certificates", self.pki_folder]
