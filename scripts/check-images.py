#!/usr/bin/env python3
"""Carries out the steps of the Dockerfile's images without a container engine, and runs what comes of them.

Usage: scripts/check-images.py --program FILE [--keep DIR]       as root, on Debian, with mmdebstrap and bubblewrap

A base image becomes a root folder made by mmdebstrap. RUN is carried out in it, COPY copies into it; --program stands in for what
the build stages compile. The result runs in namespaces of its own: as user 65532 without capabilities, on a read-only root, with
the volumes of the image as the only writable folders, and with loopback as the only network. What is checked is printed, and
how long it took.

Only a container engine can show: that the build stages compile and the base images are as expected, that a port is published, that
the name of a container in a network is found, that HEALTHCHECK is called, and what its seccomp profile forbids.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent
SUITE = "bookworm"
# What stands in for a base image: arguments of mmdebstrap.
BASES = {
    "debian:bookworm-slim": ["--variant=minbase"],
    "gcr.io/distroless/cc-debian12:nonroot": [
        "--variant=extract",
        "--include=base-files,netbase,tzdata,libc6,libgcc-s1,libstdc++6,ca-certificates",
    ],
}
NEIGHBOUR = "sandbox"
BASE_URL = f"http://{NEIGHBOUR}:8080"
READY_WITHIN_S = 90
STOPPED_WITHIN_S = 30


def say(text):
    print(text, flush=True)


def refuse(text):
    sys.exit(f"check-images: {text}")


class Image:
    """A stage of the Dockerfile, as far as an engine keeps it."""

    def __init__(self, name, base):
        self.name, self.base = name, base
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        self.steps = []
        self.user, self.folder, self.volumes = "0:0", "/", []
        self.entry, self.command, self.health = [], [], []

    @property
    def uid(self):
        return int(self.user.split(":")[0])


def instructions(text):
    """Each instruction of a Dockerfile, with lines that go on put together."""
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\\\n\s*", " ", text)
    for line in text.splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield word, rest.strip()


def images(text):
    """The stages by name."""
    stages, now = {}, None
    for word, rest in instructions(text):
        if word == "FROM":
            base, _, name = rest.split()
            now = stages[name] = Image(name, base)
        elif word == "ENV":
            now.environment.update(pair.split("=", 1) for pair in shlex.split(rest))
        elif word in ("RUN", "COPY"):
            now.steps.append((word, rest))
        elif word == "USER":
            now.user = rest
        elif word == "WORKDIR":
            now.folder = rest
        elif word == "VOLUME":
            now.volumes = json.loads(rest)
        elif word == "ENTRYPOINT":
            now.entry = json.loads(rest)
        elif word == "CMD":
            now.command = json.loads(rest)
        elif word == "HEALTHCHECK":
            now.health = json.loads(rest[rest.index("CMD ") + 4 :])
        elif word not in ("ARG", "EXPOSE", "STOPSIGNAL"):
            refuse(f"the Dockerfile has an instruction that this does not know: {word}")
    return stages


def make(image, root, program):
    """The root folder of an image."""
    if image.base not in BASES:
        refuse(f"no stand-in for the base image {image.base}")
    subprocess.run(["mmdebstrap", "--quiet", *BASES[image.base], SUITE, str(root)], check=True)
    if "distroless" in image.base:
        certificates = sorted((root / "usr/share/ca-certificates/mozilla").glob("*.crt"))
        bundle = root / "etc/ssl/certs/ca-certificates.crt"
        bundle.parent.mkdir(parents=True, exist_ok=True)
        bundle.write_text("".join(file.read_text() for file in certificates))
        (root / "etc/passwd").write_text("nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n")
        (root / "etc/group").write_text("nonroot:x:65532:\n")
    for word, rest in image.steps:
        if word == "RUN":
            resolver = root / "etc/resolv.conf"
            shutil.copy("/etc/resolv.conf", resolver)
            done = subprocess.run(
                ["chroot", str(root), "/bin/sh", "-ec", rest], env=image.environment, capture_output=True, text=True, check=False
            )
            resolver.unlink()
            if done.returncode != 0:
                refuse(f"{rest}: {done.stdout}{done.stderr}")
        else:
            copy(rest, root, program)
    for folder in ("proc", "dev", "tmp"):
        (root / folder).mkdir(exist_ok=True)
    # An engine mounts its own over it.
    (root / "etc/hosts").touch()


def copy(rest, root, program):
    words = rest.split()
    options = dict(word[2:].split("=", 1) for word in words if word.startswith("--"))
    *sources, target = [word for word in words if not word.startswith("--")]
    for source in sources:
        to = root / target.lstrip("/")
        if target.endswith("/"):
            to = to / Path(source).name
        to.parent.mkdir(parents=True, exist_ok=True)
        if "from" not in options:
            shutil.copy(SOURCE / source, to)
        elif source == "/systembruker":
            shutil.copy(program, to)
            to.chmod(0o755)
        elif source == "/data":
            to.mkdir(exist_ok=True)
        else:
            refuse(f"no stand-in for {source} of a build stage")
        if "chown" in options:
            os.chown(to, *map(int, options["chown"].split(":")))


class Container:
    """An image that runs, confined as an engine would confine it."""

    def __init__(self, image, root, arguments, environment=None, names=(), beside=None, log=None):
        hosts = root.parent / "hosts"
        hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in ("localhost", *names)))
        read, write = os.pipe()
        command = ["setpriv", f"--reuid={image.uid}", f"--regid={image.uid}", "--clear-groups", "bwrap"]
        command += ["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--new-session"]
        if beside is None:
            command.append("--unshare-net")
        else:
            command = ["nsenter", f"--net=/proc/{beside.pid}/ns/net", *command]
        command += ["--uid", str(image.uid), "--gid", str(image.uid), "--ro-bind", str(root), "/"]
        command += ["--proc", "/proc", "--dev", "/dev", "--ro-bind", str(hosts), "/etc/hosts"]
        for volume in image.volumes:
            command += ["--perms", "0700", "--tmpfs", volume]
        command += ["--chdir", image.folder, "--clearenv", "--info-fd", str(write)]
        for name, value in {**image.environment, **(environment or {})}.items():
            command += ["--setenv", name, value]
        self.image, self.log = image, log
        self.process = subprocess.Popen(
            [*command, "--", *image.entry, *arguments],
            pass_fds=[write],
            stdin=subprocess.DEVNULL,
            stdout=log or subprocess.PIPE,
            stderr=log or subprocess.STDOUT,
            text=True,
        )
        os.close(write)
        with os.fdopen(read) as information:
            text = information.read()
        if not text:
            refuse(f"bubblewrap does not start: {self.process.communicate()[0]}")
        # The first process of the namespace is bubblewrap's; the program is its child.
        self.first = json.loads(text)["child-pid"]

    @property
    def pid(self):
        children = Path(f"/proc/{self.first}/task/{self.first}/children").read_text().split()
        return int(children[0]) if children else self.first

    def status(self):
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return dict(line.split(":\t", 1) for line in lines if ":\t" in line)

    def run(self, command, environment=None):
        """Another program in the same container, as `docker exec` and health checks do."""
        uid = self.image.uid
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--net", "--pid", f"--setuid={uid}", f"--setgid={uid}", "--wd=/", "--"]
        environment = {**self.image.environment, **(environment or {})}
        return subprocess.run([*enter, *command], env=environment, capture_output=True, text=True, check=False)

    def ended(self):
        output = self.process.communicate(timeout=120)[0]
        return self.process.returncode, output


def expect(is_so, what):
    say(f"  {'ok   ' if is_so else 'FAILS'}  {what}")
    if not is_so:
        sys.exit(1)


def check_service(image, root):
    shells = [path for path in ("bin/sh", "usr/bin/sh", "bin/bash", "usr/bin/bash", "bin/busybox") if (root / path).exists()]
    expect(not shells, "has no shell")
    code, text = Container(image, root, ["--version"]).ended()
    expect(code == 0 and "xpath" in text, "starts, and has XPath: " + ", ".join(text.split("\n")[:1]))
    code, text = Container(image, root, ["config", "check"]).ended()
    expect(code == 1 and "server.public_base_url" in text, f"does not serve without settings, and names {len(text.splitlines())} of them")
    code, text = Container(image, root, image.health[1:]).ended()
    expect(code == 1, "its health check fails where nothing serves: " + text.strip())


def check_sandbox(image, root, work):
    log = open(work / "sandbox.log", "w+")  # noqa: SIM115  as long as the container
    started = time.monotonic()
    named = {"SYSTEMBRUKER__SERVER__PUBLIC_BASE_URL": BASE_URL}
    sandbox = Container(image, root, image.command, environment=named, names=[NEIGHBOUR], log=log)
    healthy = False
    while not healthy:
        if sandbox.process.poll() is not None or time.monotonic() - started > READY_WITHIN_S:
            log.seek(0)
            refuse(f"the sandbox does not get ready:\n{log.read()}")
        healthy = sandbox.run(image.health, named).returncode == 0
    expect(True, f"is healthy, by its own health check, {time.monotonic() - started:.1f} s after its start")

    status = sandbox.status()
    uids = set(status["Uid"].split())
    confined = (uids, status["CapEff"], status["NoNewPrivs"]) == ({str(image.uid)}, "0" * 16, "1")
    expect(confined, f"runs as user {image.uid}, without capabilities, and gets no new ones")
    devices = Path(f"/proc/{sandbox.pid}/net/dev").read_text().splitlines()[2:]
    expect([line.split(":")[0].strip() for line in devices] == ["lo"], "has loopback alone")
    written = sandbox.run(["/bin/sh", "-c", "touch /etc/x /usr/x /tmp/x"])
    expect(written.returncode != 0 and written.stderr.count("Read-only") == 3, "cannot write outside of " + ", ".join(image.volumes))

    def get(path, host=None):
        header = ["--header", f"Host: {host}"] if host else []
        command = ["nsenter", f"--net=/proc/{sandbox.pid}/ns/net", "curl", "--silent", "--write-out", "\n%{http_code}", *header]
        answer = subprocess.run([*command, f"http://127.0.0.1:8080{path}"], capture_output=True, text=True, check=False)
        text, _, code = answer.stdout.rpartition("\n")
        return int(code), text

    metadata = json.loads(get("/sandbox/maskinporten/.well-known/oauth-authorization-server", f"{NEIGHBOUR}:8080")[1])
    expect(metadata["issuer"] == f"{BASE_URL}/sandbox/maskinporten/", "its issuers bear the name that neighbours call: " + metadata["issuer"])
    expect(get("/", "elsewhere.example")[0] == 421, "answers to no other name (421)")

    # A neighbour has a root of its own and the same network.
    neighbour = Container(image, root, ["demo", "--base", BASE_URL], names=[NEIGHBOUR], beside=sandbox)
    code, text = neighbour.ended()
    if code != 0 or "Permit" not in text:
        say(text)
    expect(code == 0 and "Permit" in text, f"a neighbour plays the whole journey, to a Permit and its end, until {time.monotonic() - started:.1f} s after the start")

    stopping = time.monotonic()
    os.kill(sandbox.pid, signal.SIGTERM)
    code = sandbox.process.wait(STOPPED_WITHIN_S)
    log.seek(0)
    expect(code == 0 and "Stopped." in log.read(), f"stops in order {time.monotonic() - stopping:.1f} s after SIGTERM")


def size(root):
    done = subprocess.run(["du", "--summarize", "--block-size=1M", str(root)], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--program", required=True, type=Path, help="the program, as the build stages would make it")
    arguments.add_argument("--keep", type=Path, help="folder in which the roots are made, and used again when they are there")
    given = arguments.parse_args()
    if os.geteuid() != 0:
        refuse("must run as root")
    for tool in ("mmdebstrap", "bwrap", "setpriv", "nsenter", "curl"):
        if not shutil.which(tool):
            refuse(f"{tool} is missing: apt-get install mmdebstrap bubblewrap util-linux curl")
    stages = images((SOURCE / "Dockerfile").read_text())
    work = given.keep or Path(tempfile.mkdtemp(prefix="systembruker-images-"))
    work.mkdir(exist_ok=True)
    work.chmod(0o755)
    try:
        for name, check in (("systembruker", check_service), ("systembruker-sandbox", lambda *a: check_sandbox(*a, work))):
            image, root = stages[name], work / name / "root"
            say(name)
            started = time.monotonic()
            if not root.exists():
                root.parent.mkdir(exist_ok=True)
                make(image, root, given.program)
                say(f"  its root is made in {time.monotonic() - started:.0f} s, {size(root)} MB")
            else:
                shutil.copy(given.program, root / "usr/local/bin/systembruker")
            check(image, root)
    finally:
        if not given.keep:
            shutil.rmtree(work)


if __name__ == "__main__":
    main()
