"""The delta benchmark: the same pairs of real images through every tool, in one run.

Each tool makes a patch, its time and peak memory (the kernel's account of the child) are taken, then the patch is applied with the tool it
belongs to and the result compared. Ours are applied by ours; BSDIFF40 also by Debian's bspatch, and Debian's bsdiff by ours; ours for zstd by
the zstd command. Rounds alternate between the tools, the least time of each counts: the machine is shared, noise only ever slows.

R is the time of Debian's bsdiff for all pairs, divided by the time of ours for the same format (BSDIFF40). Bars: R at least 3, and neither
BSDIFF40 nor our container larger than 1.02 times Debian's bsdiff on any pair.
"""
import argparse
import hashlib
import pathlib
import shutil
import subprocess
import sys

SIZE_BAR, SPEED_BAR = 1.02, 3.0
CLOUD = "linux-image-6.1.0-{}-cloud-amd64"


class Skip(Exception):
    """A pair that cannot be had here, and why."""


def run(*arguments, **more):
    done = subprocess.run([str(a) for a in arguments], capture_output=True, text=True, **more)
    if done.returncode:
        raise Skip(f"{arguments[0]}: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
    return done.stdout


def versions(package):
    """Versions of a package in the archive, newest first."""
    found = []
    for line in run("apt-cache", "madison", package).splitlines():
        version = line.split("|")[1].strip()
        if version not in found:
            found.append(version)
    return found


class Archive:
    """Packages of Debian's archive, unpacked once into the cache."""

    def __init__(self, cache):
        self.cache = cache

    def tree(self, package, version=None):
        folder = self.cache / "packages" / (package + ("_" + version.replace(":", "%3a").replace("/", "_") if version else ""))
        if folder.exists():
            return folder
        fresh = folder.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        run("apt-get", "download", f"{package}={version}" if version else package, cwd=fresh)
        (deb,) = fresh.glob("*.deb")
        run("dpkg-deb", "-x", deb, fresh / "tree")
        deb.unlink()
        (fresh / "tree").rename(folder)
        shutil.rmtree(fresh)
        return folder

    def two_versions(self, package):
        found = versions(package)
        if len(found) < 2:
            raise Skip(f"only one version of {package} in the archive: {', '.join(found) or 'none'}")
        return self.tree(package, found[1]), self.tree(package, found[0])

    def two_kernels(self):
        names = sorted({int(line.split("-")[3]) for line in run("apt-cache", "search", "--names-only", r"^linux-image-6\.1\.0-[0-9]+-cloud-amd64$").splitlines()})
        if len(names) < 2:
            raise Skip("fewer than two kernels in the archive")
        return [(self.tree(CLOUD.format(n)), f"6.1.0-{n}-cloud-amd64") for n in names[-2:]]


def program(package, path):
    def images(archive):
        return [tree / path for tree in archive.two_versions(package)]
    return images


def busybox(archive):
    """Two builds of one version: the archive has no second one."""
    return [archive.tree(package) / "bin/busybox" for package in ("busybox", "busybox-static")]


def kernel(archive):
    return [tree / f"boot/vmlinuz-{release}" for tree, release in archive.two_kernels()]


def kernel_modules(archive):
    """File systems of two kernels as one uncompressed image each, as a ramdisk holds them."""
    images = []
    for tree, release in archive.two_kernels():
        image = archive.cache / f"modules-{release}.tar"
        if not image.exists():
            run("tar", "--sort=name", "--mtime=@0", "--owner=0", "--group=0", "-C", tree / f"lib/modules/{release}/kernel", "-cf", image, "fs")
        images.append(image)
    return images


def squashfs(archive):
    """A root file system of a few packages, and the same with one program changed."""
    old, new = archive.two_versions("redis-tools")
    images = []
    for name, changed in (("a", old), ("b", new)):
        image = archive.cache / f"root-{name}.squashfs"
        if not image.exists():
            root = archive.cache / "root"
            shutil.rmtree(root, ignore_errors=True)
            for tree in (archive.tree("python3.11-minimal", versions("python3.11-minimal")[0]), archive.tree("busybox-static", versions("busybox-static")[0]), old):
                shutil.copytree(tree, root, symlinks=True, dirs_exist_ok=True)
            shutil.copy2(changed / "usr/bin/redis-cli", root / "usr/bin/redis-cli")
            run("mksquashfs", root, image, "-noappend", "-all-root", "-mkfs-time", "0", "-all-time", "0", "-comp", "gzip", "-processors", "1", "-no-progress")
            shutil.rmtree(root)
        images.append(image)
    return images


PAIRS = {
    "redis": program("redis-tools", "usr/bin/redis-check-aof"),
    "busybox": busybox,
    "libcrypto": program("libssl3", "usr/lib/x86_64-linux-gnu/libcrypto.so.3"),
    "python": program("python3.11-minimal", "usr/bin/python3.11"),
    "uefi": program("ovmf", "usr/share/OVMF/OVMF_CODE_4M.fd"),
    "vmlinuz": kernel,
    "modules": kernel_modules,
    "squashfs": squashfs,
}


class Tool:
    """How to make a patch and how to prove it. {tool} is ours."""

    def __init__(self, name, make, *applies):
        self.name, self.make, self.applies = name, make, applies


OURS, OURS_APPLY = "{tool} make %s {old} {new} {patch} {threads}", "{tool} apply {old} {patch} {out} {bytes}"
TOOLS = [
    Tool("bsdiff (Debian)", "bsdiff {old} {new} {patch}", "bspatch {old} {out} {patch}", OURS_APPLY),
    Tool("ours, BSDIFF40", OURS % "bsdiff40", OURS_APPLY, "bspatch {old} {out} {patch}"),
    Tool("ours, container", OURS % "bsdiff", OURS_APPLY),
    Tool("ours, zstd", OURS % "zstd", OURS_APPLY, "zstd -q -d -f --long=31 --patch-from={old} {patch} -o {out}"),
    Tool("zstd -19 --patch-from", "zstd -q -q -19 -f --patch-from={old} {new} -o {patch}", "zstd -q -d -f --long=31 --patch-from={old} {patch} -o {out}", OURS_APPLY),
    Tool("xdelta3 -9", "xdelta3 -e -9 -f -q -s {old} {new} {patch}", "xdelta3 -d -f -q -s {old} {patch} {out}"),
]
DEBIAN, OUR_40, OUR_CONTAINER = (tool.name for tool in TOOLS[:3])


def timed(command, account):
    """Seconds, seconds of the processor and peak memory in bytes of a command, as GNU time sees its child (a child of this large process would count our memory too)."""
    done = subprocess.run(["/usr/bin/time", "-f", "%e %U %S %M", "-o", str(account), *command], stdout=subprocess.DEVNULL)
    assert done.returncode == 0, f"{' '.join(command)}: status {done.returncode}"
    seconds, user, system, kib = account.read_text().split()
    return float(seconds), float(user) + float(system), int(kib) * 1024


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Measure:
    def __init__(self):
        self.bytes, self.memory, self.apply_memory = 0, 0, 0
        self.seconds = self.cpu = float("inf")


def prove(tool, words, wanted, measure, account):
    for number, apply in enumerate(tool.applies):
        pathlib.Path(words["out"]).unlink(missing_ok=True)
        _, _, memory = timed(apply.format(**words).split(), account)
        assert digest(pathlib.Path(words["out"])) == wanted, f"{tool.name}: {apply} made other bytes"
        if number == 0:
            measure.apply_memory = memory


def measure_pair(old, new, options):
    measures = {tool.name: Measure() for tool in TOOLS}
    wanted = digest(new)
    words = {"tool": options.build / "tests/bench/delta_tool", "old": old, "new": new, "patch": options.cache / "patch", "out": options.cache / "out",
             "bytes": new.stat().st_size, "threads": options.threads}
    account = options.cache / "account"
    words = {name: str(word) for name, word in words.items()}
    for number in range(options.rounds):
        for tool in TOOLS:
            pathlib.Path(words["patch"]).unlink(missing_ok=True)
            seconds, cpu, memory = timed(tool.make.format(**words).split(), account)
            measure = measures[tool.name]
            measure.seconds, measure.cpu, measure.memory = min(measure.seconds, seconds), min(measure.cpu, cpu), max(measure.memory, memory)
            measure.bytes = pathlib.Path(words["patch"]).stat().st_size
            if number == 0:
                prove(tool, words, wanted, measure, account)
    return measures


def mib(count):
    return f"{count / 2**20:.1f}"


def show(name, old, new, measures):
    print(f"\n{name}: {old.stat().st_size:,} -> {new.stat().st_size:,} bytes", flush=True)
    print("| tool | patch bytes | to bsdiff | seconds | times as fast as bsdiff | processor seconds | peak MiB to make | to apply |")
    print("|---|---|---|---|---|---|---|---|")
    base = measures[DEBIAN]
    for tool, m in measures.items():
        print(f"| {tool} | {m.bytes:,} | {m.bytes / base.bytes:.3f} | {m.seconds:.2f} | {base.seconds / m.seconds:.1f} | {m.cpu:.2f} | {mib(m.memory)} | {mib(m.apply_memory)} |")


def summary(results):
    totals = {tool.name: (sum(m[tool.name].bytes for m in results.values()), sum(m[tool.name].seconds for m in results.values()),
                          sum(m[tool.name].cpu for m in results.values())) for tool in TOOLS}
    print("\nall pairs")
    print("| tool | patch bytes | seconds | processor seconds |\n|---|---|---|---|")
    for name, (size, seconds, cpu) in totals.items():
        print(f"| {name} | {size:,} | {seconds:.2f} | {cpu:.2f} |")
    sizes = {(pair, tool): m[tool].bytes / m[DEBIAN].bytes for pair, m in results.items() for tool in (OUR_40, OUR_CONTAINER)}
    slowest = min((m[DEBIAN].seconds / m[OUR_40].seconds, pair) for pair, m in results.items())
    largest, where = max((ratio, key) for key, ratio in sizes.items())
    ratio = totals[DEBIAN][1] / totals[OUR_40][1]
    container = totals[DEBIAN][1] / totals[OUR_CONTAINER][1]
    most = max(results, key=lambda pair: results[pair][DEBIAN].seconds)
    rest = [m for pair, m in results.items() if pair != most]
    if rest:
        print(f"\nwithout {most}, where bsdiff takes longest: {sum(m[DEBIAN].seconds for m in rest) / sum(m[OUR_40].seconds for m in rest):.2f}", end="")
    print(f"\nspeed: {ratio:.2f} overall, {slowest[0]:.2f} on the worst pair ({slowest[1]}); container {container:.2f} overall; bar {SPEED_BAR:.0f}")
    print(f"processor: {totals[DEBIAN][2] / totals[OUR_40][2]:.2f} times less than bsdiff's, however many cores")
    print(f"size: at most {largest:.3f} of Debian's bsdiff ({where[0]}, {where[1]}); bar {SIZE_BAR}")
    print(f"ratio {ratio:.2f} ours {totals[OUR_40][1]:.2f}s bsdiff {totals[DEBIAN][1]:.2f}s, largest patch {largest:.3f} of bsdiff's")
    return 0 if ratio >= SPEED_BAR and largest <= SIZE_BAR else 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--cache", type=pathlib.Path, required=True)
    parser.add_argument("--pairs", default=",".join(PAIRS))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=0, help="of ours; 0: the cores of this machine")
    options = parser.parse_args()
    options.build, options.cache = options.build.resolve(), options.cache.resolve()
    options.cache.mkdir(parents=True, exist_ok=True)
    archive, results = Archive(options.cache), {}
    for name in options.pairs.split(","):
        try:
            old, new = PAIRS[name](archive)
            if digest(old) == digest(new):
                raise Skip("both images are the same")
        except (Skip, OSError) as reason:
            print(f"\n{name}: skipped: {reason}", flush=True)
            continue
        results[name] = measure_pair(old, new, options)
        show(name, old, new, results[name])
    if not results:
        print("no pair could be had")
        return 1
    return summary(results)


if __name__ == "__main__":
    sys.exit(main())
