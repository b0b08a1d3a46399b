"""Gadgets whose slots are not files: block devices, the integrator's commands with U-Boot's environment, the real RAUC and the real SWUpdate. Boot loaders are
played here; fw_setenv and fw_printenv, rauc, swupdate, D-Bus and loop devices are real. A test is skipped, with the reason, where a machine cannot do it."""
import contextlib
import functools
import hashlib
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from gadget import Gadget, image
from shop import WAIT_S
from stack import wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEVICE_BYTES = 128 * 1024


def run(*arguments, **options):
    return subprocess.run([str(argument) for argument in arguments], capture_output=True, check=True, timeout=60, **options)


def need(*programs):
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        pytest.skip(f"not installed: {' '.join(missing)}")


class Backend(Gadget):
    """What all of them have: a place of fixed size for each slot, and an update whose package is not the image itself."""

    def furnish(self):
        (self.slots / "b").mkdir()
        for slot in "ab":
            self.make_device(slot)

    def make_device(self, slot):
        with open(self.slots / slot / "app", "ab") as device:
            device.truncate(DEVICE_BYTES)

    def wrap(self, content, version):
        """What a release of this image holds."""
        return content

    def update(self, shop, version, word="GOOD", state="succeeded", wrapped=None):
        """-> the image"""
        content = image(word, version, 90_000)
        shop.release(version, content=wrapped or self.wrap(content, version))
        shop.rollout(version, "--max-attempts", "1")
        shop.wait_state(self, state, version=version)
        return content

    def holds(self, content, slot):
        return (self.slots / slot / "app").read_bytes().startswith(content)

    def put_program(self, name, *lines):
        """A program that the agent's commands find before all others."""
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(["#!/bin/sh", *map(str, lines), ""]))
        path.chmod(0o755)
        self.environment = {**(self.environment or {}), "PATH": f"{path.parent}:{os.environ['PATH']}"}


# --- block ---

class Block(Backend):
    """Files that stand for devices."""

    def furnish(self):
        super().furnish()
        self.settings |= {"slots.backend": "block", "slots.parts": f"app={self.slots}/a/app:{self.slots}/b/app"}


class Loops(Block):
    """Real block devices: /dev/loop<n>."""
    loops = ()

    def make_device(self, slot):
        super().make_device(slot)
        place, backing = self.slots / slot / "app", self.folder / f"disk-{slot}"
        place.rename(backing)
        attached = subprocess.run(["losetup", "--find", "--show", backing], capture_output=True, text=True, check=False)
        if attached.returncode:
            self.detach()
            pytest.skip(f"no loop device for us: {attached.stderr.strip()}")
        place.symlink_to(attached.stdout.strip())
        self.loops = (*self.loops, attached.stdout.strip())

    def detach(self):
        for loop in self.loops:
            run("losetup", "--detach", loop)
        self.loops = ()


# --- script and SWUpdate: U-Boot's environment, by libubootenv ---

class UBoot:
    """An environment in two files, as on flash, and what U-Boot makes of it at a boot."""

    def __init__(self, gadget):
        need("fw_setenv", "fw_printenv")
        self.folder = gadget.folder / "uboot"
        self.folder.mkdir()
        copies = [self.folder / "env-1", self.folder / "env-2"]
        for copy in copies:
            copy.write_bytes(bytes(8192))
        (self.folder / "empty").touch()
        (self.folder / "fw_env.config").write_text("".join(f"{copy} 0x0 0x2000\n" for copy in copies))
        for name in ("fw_setenv", "fw_printenv"):
            gadget.put_program(name, f'exec {shutil.which(name)} -c {self.folder}/fw_env.config -f {self.folder}/empty "$@"')
        self.bin = gadget.folder / "bin"
        self.set(drover_slot="a", drover_good="a", upgrade_available="0", bootcount="0")

    def set(self, **variables):
        for name, value in variables.items():
            run(self.bin / "fw_setenv", name, value)

    def get(self):
        lines = run(self.bin / "fw_printenv", text=True).stdout.splitlines()
        return dict(line.split("=", 1) for line in lines)

    def boot(self):
        """As CONFIG_BOOTCOUNT_LIMIT and CONFIG_BOOTCOUNT_ENV do it, with bootcmd and altbootcmd of docs/agent-slots.md. -> the slot"""
        env = self.get()
        if env["upgrade_available"] != "1":
            return env["drover_slot"]
        count = int(env["bootcount"]) + 1
        self.set(bootcount=str(count))
        if count <= int(env["bootlimit"]):
            return env["drover_slot"]
        self.set(drover_slot=env["drover_good"], upgrade_available="0", bootcount="0")
        return env["drover_good"]


def documented_commands():
    """The commands for U-Boot, as docs/agent-slots.md has them."""
    text = (ROOT / "docs/agent-slots.md").read_text().split("### U-Boot with `script`", 1)[1].split("In U-Boot,", 1)[0]
    commands = dict(re.findall(r"^    (\w+_command) *= (.*)$", text, re.MULTILINE))
    if commands["back_command"] == "the same":
        commands["back_command"] = commands["confirm_command"]
    return commands


class Script(Backend):
    """The commands are the ones of the documentation; partitions are files."""

    def furnish(self):
        super().furnish()
        self.uboot = UBoot(self)
        (self.folder / "disk").mkdir()
        for slot in "ab":
            (self.folder / "disk" / f"app-{slot}").symlink_to(self.slots / slot / "app")
        commands = {f"slots.{name}": command.replace("/dev/disk/by-partlabel", str(self.folder / "disk")) for name, command in documented_commands().items()}
        self.settings |= {"slots.backend": "script", **commands}

    def next_slot(self):
        self.settings["slots.running"] = self.uboot.boot()
        return self.settings["slots.running"]


class SwUpdate(Backend):
    """Signed .swu files, installed by `swupdate -i`. The settings that a device has in /etc are named on its command line, nothing else is changed."""

    def furnish(self):
        need("swupdate", "cpio", "openssl")
        super().furnish()
        self.uboot = UBoot(self)
        self.keys = self.folder / "swupdate"
        (self.keys / "tmp").mkdir(parents=True)
        run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "certificate.pem", "-days", "2", "-subj", "/CN=vendor",
            "-addext", "extendedKeyUsage=emailProtection", cwd=self.keys)
        (self.keys / "swupdate.cfg").write_text(f'globals: {{ public-key-file = "{self.keys}/certificate.pem"; loglevel = 3; }};\n')
        self.put_program("swupdate", f'TMPDIR={self.keys}/tmp exec {shutil.which("swupdate")} -f {self.keys}/swupdate.cfg -H gear:1.0 "$@"')
        self.settings["slots.backend"] = "swupdate"

    next_slot = Script.next_slot

    def wrap(self, content, version, hardware="1.0"):
        folder = self.keys / f"swu-{version}-{hardware}"
        folder.mkdir()
        (folder / "app.img").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        sets = "".join(f'copy-{number}: {{ images: ({{ filename = "app.img"; type = "raw"; device = "{self.slots}/{slot}/app"; sha256 = "{digest}"; }}); }};\n'
                       for number, slot in ((1, "a"), (2, "b")))
        (folder / "sw-description").write_text(f'software = {{ version = "{version}"; hardware-compatibility: [ "{hardware}" ]; stable: {{ {sets} }}; }}\n')
        run("openssl", "cms", "-sign", "-binary", "-nosmimecap", "-in", "sw-description", "-out", "sw-description.sig", "-outform", "DER",
            "-signer", self.keys / "certificate.pem", "-inkey", self.keys / "key.pem", cwd=folder)
        return run("cpio", "--create", "--format=crc", "--quiet", cwd=folder, input=b"sw-description\nsw-description.sig\napp.img\n").stdout


# --- RAUC ---

BUS = """<busconfig><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
"""
SYSTEM = """[system]
compatible={compatible}
bootloader=custom
statusfile={folder}/status
bundle-formats=plain
activate-installed=false
[keyring]
path={folder}/certificate.pem
[handlers]
bootloader-custom-backend={folder}/loader
"""
SLOT = """[slot.app.{number}]
device={device}
type=raw
bootname={name}
"""
# As barebox does it: a slot has boots left; the primary one goes first.
LOADER = """cd {folder}/loader-state
case $1 in
get-primary) cat primary;;
set-primary) echo $2 > primary; echo 3 > left-$2;;
get-state) if [ $(cat left-$2) -gt 0 ]; then echo good; else echo bad; fi;;
set-state) if [ $3 = good ]; then echo 3 > left-$2; else echo 0 > left-$2; fi;;
*) exit 1;;
esac
"""


@functools.cache
def why_no_mount():
    """RAUC mounts its bundle: a squashfs on a loop device. "": this machine does it."""
    with contextlib.ExitStack() as clean:
        folder = pathlib.Path(run("mktemp", "-d", text=True).stdout.strip())
        clean.callback(shutil.rmtree, folder, ignore_errors=True)
        (folder / "to").mkdir()
        run("mksquashfs", folder / "to", folder / "empty.squashfs", "-quiet")
        mounted = subprocess.run(["mount", "-o", "loop,ro", folder / "empty.squashfs", folder / "to"], capture_output=True, text=True, check=False)
        if mounted.returncode == 0:
            run("umount", folder / "to")
        return mounted.stderr.strip() if mounted.returncode else ""


class Rauc(Backend):
    """A RAUC service on a bus of its own, started anew with each boot, and signed bundles."""
    service = None

    def furnish(self):
        need("rauc", "dbus-daemon", "mksquashfs", "openssl")
        if why_no_mount():
            pytest.skip(f"RAUC cannot mount its bundle here: {why_no_mount()}")
        super().furnish()
        self.rauc = self.folder / "rauc"
        for folder in ("loader-state", "mnt"):
            (self.rauc / folder).mkdir(parents=True)
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem", "-out", "certificate.pem",
            "-days", "2", "-subj", "/CN=vendor", cwd=self.rauc)
        slots = "".join(SLOT.format(number=number, device=self.slots / name / "app", name=name) for number, name in enumerate("ab"))
        (self.rauc / "system.conf").write_text(SYSTEM.format(compatible=self.model, folder=self.rauc) + slots)
        (self.rauc / "loader").write_text("#!/bin/sh\n" + LOADER.format(folder=self.rauc))
        (self.rauc / "loader").chmod(0o755)
        self.loader_set(primary="a", **{"left-a": 3, "left-b": 0})
        self.environment = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.rauc}/bus"}
        (self.rauc / "bus.conf").write_text(BUS.format(path=self.rauc / "bus"))
        self.stack.start("dbus-daemon", ["dbus-daemon", f"--config-file={self.rauc}/bus.conf", "--nofork"])
        wait_until((self.rauc / "bus").exists, 20, "the bus")
        self.settings["slots.backend"] = "rauc"

    def loader_get(self, name):
        return (self.rauc / "loader-state" / name).read_text().strip()

    def loader_set(self, **values):
        for name, value in values.items():
            (self.rauc / "loader-state" / name).write_text(f"{value}\n")

    def next_slot(self):
        primary = self.loader_get("primary")
        slot = next(name for name in (primary, "ba"["ab".index(primary)]) if int(self.loader_get(f"left-{name}")) > 0)
        self.loader_set(**{f"left-{slot}": int(self.loader_get(f"left-{slot}")) - 1})
        if self.service:
            self.service.stop()
            self.stack.forget(self.service)
        self.service = self.stack.start("rauc", ["rauc", f"--conf={self.rauc}/system.conf", f"--mount={self.rauc}/mnt", f"--override-boot-slot={slot}", "service"], self.environment)
        wait_until(self._rauc_answers, 20, "the RAUC service", alive=[self.service])
        self.settings["slots.running"] = slot
        return slot

    def _rauc_answers(self):
        return subprocess.run(["rauc", "status"], env={**os.environ, **self.environment}, capture_output=True, check=False, timeout=20).returncode == 0

    def wrap(self, content, version, compatible=None):
        folder = self.rauc / f"bundle-{version}"
        (folder / "content").mkdir(parents=True)
        (folder / "content" / "app.img").write_bytes(content)
        (folder / "content" / "manifest.raucm").write_text(f"[update]\ncompatible={compatible or self.model}\nversion={version}\n[bundle]\nformat=plain\n[image.app]\nfilename=app.img\n")
        run("rauc", f"--cert={self.rauc}/certificate.pem", f"--key={self.rauc}/key.pem", "bundle", folder / "content", folder / "app.raucb")
        return (folder / "app.raucb").read_bytes()


# --- what all of them must do ---

@pytest.fixture
def gadget(shop, request):
    """One of the kinds above, as a parameter."""
    gadget = shop.gadget("g0", kind=request.param)
    yield gadget
    gadget.stop()
    if isinstance(gadget, Loops):
        gadget.detach()


def good_and_bad_images(shop, gadget):
    """A good image comes and stays, one that is no good is left again, one that never comes up is left by the boot loader; and then a good one once more."""
    first = gadget.update(shop, "1.1.0")
    assert gadget.running() == "b" and gadget.version() == "1.1.0" and gadget.holds(first, "b")

    gadget.settings["health.total_s"] = 2         # read at the next start, which is the reboot into the sick image
    gadget.update(shop, "1.2.0", "SICK", "rolled_back")
    assert gadget.upgrade()["error"] == "E_HEALTHCHECK" and gadget.version() == "1.1.0" and gadget.running() == "b" and gadget.holds(first, "b")

    boots = gadget.boots
    gadget.update(shop, "1.3.0", "DEAD", "rolled_back")
    assert gadget.boots - boots == 3 + 1 and gadget.upgrade()["error"] == "E_BOOT"
    assert gadget.version() == "1.1.0" and gadget.holds(first, "b")

    gadget.settings["health.total_s"] = 30
    last = gadget.update(shop, "1.4.0")
    assert gadget.running() == "a" and gadget.version() == "1.4.0" and gadget.holds(last, "a") and gadget.holds(first, "b")
    wait_until(lambda: "not been reported" not in gadget.ask("status").stdout, WAIT_S, "the outcome to be said")
