"""The packages that fill_test.py upgrades, each with what its scripts do, and their archives."""

import hashlib
import shutil
import subprocess


def run(*argv, **options):
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False,
                          **options)
    if done.returncode != 0:
        said = done.stdout[-3000:] + done.stderr[-3000:]
        raise AssertionError(f"{argv}: {done.returncode}\n{said}")
    return done.stdout


PACKAGES = {
    "shed-daemon": {
        "1": {"postinst": "true"},
        "2": {"postinst": """
            adduser --system --group --home /home/shed --shell /bin/false shed
            install -d -o shed -g shed -m 0750 /var/lib/shed /var/log/shed /var/cache/shed
            echo seed >/var/lib/shed/seed; chown shed /var/lib/shed/seed
            ln -s seed /var/lib/shed/link
            echo hello >/var/log/shed/install.log; echo x >/var/cache/shed/blob
            echo x >/var/tmp/left
            status=0; /usr/sbin/policy-rc.d shed start || status=$?
            [ $status = 101 ] || exit 9
            invoke-rc.d shed start || true
            systemctl start dbus.service
            [ "$(bootctl --print-esp-path)" = /run/decoy ] && bootctl is-installed
            """},
    },
    "shed-conf": {
        "1": {"postinst": "true", "conffile": "setting=1\n"},
        "2": {"postinst": "true", "conffile": "setting=2\n"},
    },
    "shed-broken": {
        "1": {"postinst": "true"},
        "2": {"postinst": "echo about to fail; echo the reason >&2; exit 3"},
    },
    "shed-migrate": {
        "1": {"postinst": """
            mkdir -p /var/lib/shed-migrate/dir /var/lib/shed-migrate/same
            cd /var/lib/shed-migrate; [ -e db ] || echo 1 >db
            echo old >old; echo x >dir/inner; echo same >same/file; echo perm >perm
            """},
        "2": {"postinst": """
            cd /var/lib/shed-migrate; echo 2 >db; rm old; rm -r dir; mkdir dir; echo y >dir/fresh
            echo same >same/file.new; mv same/file.new same/file; touch same; chmod 0600 perm
            """},
    },
}


def build_package(directory, name, version, what):
    tree = directory / f"{name}_{version}"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\nDepends: adduser\n"
        "Maintainer: Test <test@example.org>\nDescription: for the test\n")
    (tree / "DEBIAN/postinst").write_text(f"#!/bin/sh\nset -e\n{what['postinst']}\n")
    (tree / "DEBIAN/postinst").chmod(0o755)
    if "conffile" in what:
        (tree / "etc").mkdir()
        (tree / f"etc/{name}.conf").write_text(what["conffile"])
        (tree / "DEBIAN/conffiles").write_text(f"/etc/{name}.conf\n")
    deb = directory / f"{name}_{version}_all.deb"
    run("dpkg-deb", "--build", "--root-owner-group", tree, deb)
    shutil.rmtree(tree)
    return deb


def make_repository(directory, name):
    """A flat archive with version 2 of one package."""
    directory.mkdir(parents=True)
    deb = build_package(directory, name, "2", PACKAGES[name]["2"])
    data = deb.read_bytes()
    (directory / "Packages").write_text(
        run("dpkg-deb", "-f", deb) + f"Filename: ./{deb.name}\nSize: {len(data)}\n"
        f"SHA256: {hashlib.sha256(data).hexdigest()}\n")
