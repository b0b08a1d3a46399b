"""Cross builds (called by deploy/cross): a sysroot of Debian's packages, Debian's cross compiler, meson, qemu.

A machine is a file in deploy/cross-files. The libraries of the other machine are never installed: apt downloads them with state folders of its
own, its signatures checked as ever, and they are unpacked into a folder. Only the compilers and qemu are installed (they are packages of this machine).
"""
import argparse
import configparser
import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
FILES = ROOT / "deploy" / "cross-files"
MIRROR = os.environ.get("DROVER_DEBIAN_MIRROR", "http://deb.debian.org/debian")
FOLDER = pathlib.Path(os.environ.get("DROVER_CROSS_FOLDER", ROOT / "build" / "cross")).absolute()
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
LIBRARIES = ["libc6-dev", "libatomic1", "libc-bin", "libcjson-dev", "libssl-dev", "libinih-dev", "libcurl4-openssl-dev", "libyaml-dev", "libpaho-mqtt-dev", "zlib1g-dev", "libzstd-dev",
             "libbz2-dev", "libdivsufsort-dev", "libzip-dev", "libcmocka-dev"]
PROGRAMS = {"drover-agent": "agent/drover-agent", "drover": "cli/drover"}
SMALL = ["-Dtests=false", "-Dbuildtype=minsize", "-Db_lto=true"]
TESTS = ["-Dtests=true", "-Dbuildtype=plain", "-Doptimization=1"]
# What qemu's user mode is no judge of: a child that starts itself again (it would be this machine's kernel that does), vfork (qemu's is a fork).
NOT_UNDER_QEMU = {"agent-slots-power-cut", "agent-upgrade-log-power-cut", "agent-health"}
# Minutes under qemu: long searches, and RSA keys by the hundred. --slow runs them too.
SLOW_UNDER_QEMU = {"firmware-jws", "firmware-key", "firmware-package_flips", "firmware-package_memory", "firmware-patch", "firmware-patch_power_cut",
                   "firmware-signature", "firmware-trust"}
SLOWER = 10            # a program under qemu may take this many times its time limit
NOT_TO_BE_HAD = 3      # exit status: not our fault; what is needed cannot be had on this machine now


class Unavailable(Exception):
    """What a cross build needs cannot be had here: no network, no such package."""


class Failed(Exception):
    """A command of the build failed; the text is the end of its output."""


def machines():
    return sorted(path.stem for path in FILES.glob("*.ini") if path.stem != "debian")


def call(arguments, error=Failed, **options):
    done = subprocess.run([str(argument) for argument in arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False, **options)
    if done.returncode != 0:
        raise error(f"{' '.join(map(str, arguments[:3]))} ... ended with {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


class Machine:
    """One foreign machine: its constants, its sysroot, its builds."""

    def __init__(self, name, folder=FOLDER, mirror=MIRROR):
        constants = configparser.ConfigParser()
        constants.read(FILES / f"{name}.ini")
        self.name, self.mirror = name, mirror
        self.triple, self.qemu, self.release = (constants["constants"][key].strip("'") for key in ("triple", "qemu", "release"))
        self.folder = folder / name
        self.sysroot = self.folder / "sysroot"

    @property
    def emulator(self):
        """The words before a program of this machine that run it here."""
        return [f"qemu-{self.qemu}-static", "-L", str(self.sysroot)]

    # --- what it needs ---

    def prepare(self):
        self.install_tools()
        self.make_sysroot()

    def install_tools(self):
        compiler = f"gcc-{self.triple.replace('_', '-')}"
        with open(FILES / "debian.ini") as lock:   # one apt at a time
            fcntl.flock(lock, fcntl.LOCK_EX)
            call([ROOT / "deploy" / "install-packages", compiler, "qemu-user-static"], Unavailable)

    def apt(self, *words, error=Unavailable):
        """apt-get with the host's settings, and a state, a cache and a source of its own."""
        apt = self.folder / "apt"
        for part in ("lists/partial", "cache/archives/partial", "sources"):
            (apt / part).mkdir(parents=True, exist_ok=True)
        (apt / "status").touch()
        (apt / "sources" / "debian.list").write_text(f"deb [signed-by={KEYRING}] {self.mirror} {self.release} main\n")
        options = {"APT::Architecture": self.name, "APT::Architectures": self.name, "APT::Install-Recommends": "false", "APT::Sandbox::User": "",
                   "APT::Update::Error-Mode": "any", "Acquire::Languages": "none", "Acquire::Retries": "3", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
                   "Dir::State": apt, "Dir::State::lists": apt / "lists", "Dir::State::status": apt / "status", "Dir::Cache": apt / "cache",
                   "Dir::Etc::sourcelist": "/dev/null", "Dir::Etc::sourceparts": apt / "sources", "Debug::NoLocking": "true"}
        return call(["apt-get", *words, "-q", "-y", *[f"-o{name}={value}" for name, value in options.items()]], error)

    def make_sysroot(self):
        """Downloads and unpacks the libraries, unless the same ones are there."""
        stamp, wanted = self.folder / "sysroot.stamp", f"{self.mirror} {self.release} {' '.join(LIBRARIES)}\n"
        if stamp.exists() and stamp.read_text() == wanted:
            return
        stamp.unlink(missing_ok=True)
        shutil.rmtree(self.folder / "apt", ignore_errors=True)
        shutil.rmtree(self.sysroot, ignore_errors=True)
        self.apt("update")
        self.apt("install", "--simulate", *LIBRARIES, error=Failed)   # a name that the archive does not have is our fault
        self.apt("install", "--download-only", *LIBRARIES)
        for folder in ("bin", "sbin", "lib"):   # one /usr, as every Debian since 12: the packages name files by both ways
            (self.sysroot / "usr" / folder).mkdir(parents=True, exist_ok=True)
            (self.sysroot / folder).symlink_to(f"usr/{folder}")
        for package in sorted((self.folder / "apt" / "cache" / "archives").glob("*.deb")):
            unpack(package, self.sysroot)
        make_links_relative(self.sysroot)
        shutil.rmtree(self.folder / "apt")
        stamp.write_text(wanted)

    # --- builds ---

    def configure(self, kind, options):
        place = self.folder / "place.ini"
        place.write_text(f"[constants]\nsysroot = '{self.sysroot}'\n")
        build = self.folder / kind
        if not (build / "build.ninja").exists():
            shutil.rmtree(build, ignore_errors=True)
            files = [place, FILES / "debian.ini", FILES / f"{self.name}.ini"]
            call(["meson", "setup", build, ROOT, "-Dparts=agent", *[f"--cross-file={file}" for file in files], *options])
        return build

    def build_programs(self):
        build = self.configure("programs", SMALL)
        call(["ninja", "-C", build, *PROGRAMS.values()])
        for program in PROGRAMS.values():
            call([f"{self.triple}-strip", "-o", build / pathlib.Path(program).name, build / program])
        return build

    def build_tests(self, slow=False):
        """The programs, and the unit tests that are programs; those written in Python start programs by path and belong to this machine's own build."""
        build = self.configure("tests", TESTS)
        left_out = NOT_UNDER_QEMU | (set() if slow else SLOW_UNDER_QEMU)
        tests = [test for test in json.loads(call(["meson", "introspect", "--tests", build])) if any("unit" in suite for suite in test["suite"])]
        programs = {test["name"]: test["cmd"][0] for test in tests if test["cmd"][0].startswith(str(build)) and test["name"] not in left_out}
        call(["ninja", "-C", build, *sorted({os.path.relpath(program, build) for program in programs.values()}), *PROGRAMS.values()])
        return build, sorted(programs)

    def run_tests(self, build, tests):
        """What meson says of them; Failed when one failed."""
        return call(["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs", "--num-processes", "2", "--timeout-multiplier", SLOWER, *tests])


def unpack(package, folder):
    """Into the one /usr: links to folders stay links. Documents stay away."""
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as archive:
        call(["tar", "-x", "-C", folder, "--keep-directory-symlink", "--no-same-owner", "--exclude=./usr/share/doc", "--exclude=./usr/share/man",
              "--exclude=./usr/share/locale", "-f", f"/proc/self/fd/{archive.stdout.fileno()}"], pass_fds=[archive.stdout.fileno()])
    if archive.returncode != 0:
        raise Failed(f"{package} cannot be unpacked")


def make_links_relative(folder):
    """An absolute link would lead out of the sysroot."""
    for path in folder.rglob("*"):
        if path.is_symlink() and os.path.isabs(os.readlink(path)):
            target = os.path.relpath(folder / os.readlink(path).lstrip("/"), path.parent)
            path.unlink()
            path.symlink_to(target)


def main(words):
    parser = argparse.ArgumentParser(prog="deploy/cross", description="Builds drover-agent and drover for another machine (docs/cross-builds.md).")
    parser.add_argument("machine", nargs="+", choices=machines(), help=f"one or more of: {' '.join(machines())}")
    parser.add_argument("--tests", action="store_true", help="build the unit tests instead, and run them under qemu")
    parser.add_argument("--slow", action="store_true", help="with --tests: those that take minutes too")
    parser.add_argument("--folder", type=pathlib.Path, default=FOLDER, help="sysroots and builds go here (default $DROVER_CROSS_FOLDER or build/cross)")
    parser.add_argument("--mirror", default=MIRROR, help="Debian's archive (default $DROVER_DEBIAN_MIRROR, now %(default)s)")
    arguments = parser.parse_args(words)
    for name in arguments.machine:
        machine = Machine(name, arguments.folder.absolute(), arguments.mirror)
        machine.prepare()
        if arguments.tests:
            print(machine.run_tests(*machine.build_tests(arguments.slow)))
        else:
            build = machine.build_programs()
            for program in PROGRAMS:
                print(f"{build / program}: {(build / program).stat().st_size} bytes")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Unavailable as error:
        print(f"deploy/cross: {error}", file=sys.stderr)
        sys.exit(NOT_TO_BE_HAD)
    except Failed as error:
        print(f"deploy/cross: {error}", file=sys.stderr)
        sys.exit(1)
