"""Keys, a trust store and signed packages for a private Drover, made with `drover`. The keys are made anew each time and are worth nothing."""
import json
import pathlib
import subprocess


class Signer:
    """A release key, a delta key and the trust store that names them, in one folder."""

    def __init__(self, drover, folder):
        self.program, self.folder = drover, pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.trust = self.folder / "trust.json"
        self.release_key = self._key("release", role="package")
        self.delta_key = self._key("delta", role="delta")

    def drover(self, *arguments):
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise RuntimeError(f"drover {' '.join(map(str, arguments))} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def _key(self, name, role=None):
        private, public = self.folder / f"{name}.pem", self.folder / f"{name}.pub"
        self.drover("key", "generate", private, "--public", public, "-q")
        if role:
            self.drover("key", "trust", public, "--trust", self.trust, "--role", role, "--name", name, "-q")
        return private

    def package(self, model, version, image, path, key=None, options=()):
        """A package around one image, signed with the release key or the one given; "": unsigned."""
        sign = ["--key", key or self.release_key] if key != "" else []
        self.drover("package", "create", path, "--model", model, "--version", version, "--component", f"app={image},compression=none",
                    "--force", "-q", *sign, *options)
        return path

    def delta(self, old, new, path, key=None):
        self.drover("package", "delta", old, new, path, "--min-saving", 0, "--key", key or self.delta_key, "--force", "-q")
        return path

    def permit(self, *options):
        """A permit to go back."""
        path = self.folder / "permit.jws"
        self.drover("permit", "downgrade", path, "--key", self.permit_key(), "--force", "-q", *options)
        return path.read_text().strip()

    def permit_key(self):
        """The key for them, which may sign nothing else; made when it is first needed."""
        key = self.folder / "permit.pem"
        return key if key.exists() else self._key("permit", role="permit")

    def stranger(self):
        """A key that the trust store does not name."""
        return self._key("stranger")

    def revoke(self, name):
        ids = [key["id"] for key in json.loads(self.trust.read_text())["keys"] if key["name"] == name]
        self.drover("key", "revoke", ids[0], "--trust", self.trust, "--why", "a test", "-q")
