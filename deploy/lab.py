"""deploy/quickstart --lab FOLDER: a server and a fleet to try things on. docs/rollouts.md begins with it."""
import shlex
import time

MODEL, OLD, FAULTY = "esp32", "1.0.0", "1.2.0"
UNHEALTHY_PCT = 75

# As in bad_release.py: everything is as in the field but faster.
SETTINGS = {"flow.heartbeat_ms": 500, "flow.offline_after_ms": 2000, "flow.unhealthy_max": 3, "flow.verify_ms": 15000, "flow.rollback_ms": 10000}


def settings(stack):
    return {**SETTINGS, "release.permit_key": stack.signer.permit_key()}


def sim_arguments(devices):
    """Devices in two time zones, which are well but on the one faulty release."""
    return ["--devices", devices, "--models", f"{MODEL}={OLD}", "--heartbeat-ms", 500, "--step-ms", 300, "--reboot-ms", 400, "--prefix", "lamp-",
            "--faulty-version", FAULTY, "--share", f"unhealthy={UNHEALTHY_PCT}", "--time-zones", "Europe/Berlin,America/New_York"]


def write_environment(stack):
    """What a shell needs to work with it; written last, and all at once, so that its being there says that all is."""
    values = {**stack.drover_environment(), "RELEASE_KEY": stack.signer.release_key, "PERMIT_KEY": stack.signer.permit_key()}
    lines = [f"export {name}={shlex.quote(str(value))}" for name, value in values.items()]
    lines.append(f"export PATH={shlex.quote(str(stack.program('drover').parent.resolve()))}:$PATH")
    path = stack.folder / "environment"
    (stack.folder / "environment.new").write_text("\n".join(lines) + "\n")
    (stack.folder / "environment.new").rename(path)
    return path


def stay(stack):
    while all(process.running for process in stack.processes):
        time.sleep(0.5)
    for process in stack.processes:
        process.check_alive()
