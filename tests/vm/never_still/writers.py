#!/usr/bin/python3
"""Services that write without pause, and tell the port `acknowledged` of each write that is safe.

A line there is "KIND N": write number N of that kind was made durable before. Each kind goes on
where the acknowledged ones of before ended, by what it finds on the disk: what was lost would be
written a second time, so the reader compares with what was acknowledged, not with what is there.
"""

import os
import pathlib
import pwd
import sqlite3
import subprocess
import sys
import time

PORT = "/dev/virtio-ports/acknowledged"
HOME = pathlib.Path("/var/lib/never-still")
EDITED = pathlib.Path("/etc/never-still")
MAIL = pathlib.Path("/var/mail/never-still")
LOG = pathlib.Path("/var/log/never-still.log")
FILES = 5
PAUSE = 0.2


def durable(path):
    """What lies there, a file or a directory, is on the medium from here on."""
    descriptor = os.open(path, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)


def replace(path, text):
    """As a good editor saves: a new file beside it, then a rename."""
    beside = path.with_name(f".{path.name}.swp")
    beside.write_text(text, encoding="ascii")
    durable(beside)
    beside.rename(path)
    durable(path.parent)


def database():
    """SQLite, one transaction a row."""
    link = sqlite3.connect(HOME / "rows.sqlite", isolation_level=None)
    link.execute("PRAGMA synchronous=FULL")
    link.execute("CREATE TABLE IF NOT EXISTS rows (n INTEGER PRIMARY KEY)")
    number = link.execute("SELECT COALESCE(MAX(n), 0) FROM rows").fetchone()[0]
    while True:
        number += 1
        link.execute("INSERT INTO rows VALUES (?)", (number,))
        yield number


def server():
    """PostgreSQL, one transaction a row; waits until the server is up."""
    import psycopg2
    os.setuid(pwd.getpwnam("postgres").pw_uid)  # it asks who we are
    while True:
        try:
            link = psycopg2.connect("dbname=postgres user=postgres host=/var/run/postgresql")
            break
        except psycopg2.OperationalError:
            time.sleep(1)
    link.autocommit = True
    cursor = link.cursor()
    cursor.execute("CREATE TABLE IF NOT EXISTS rows (n INTEGER PRIMARY KEY)")
    cursor.execute("SELECT COALESCE(MAX(n), 0) FROM rows")
    number = cursor.fetchone()[0]
    while True:
        number += 1
        cursor.execute("INSERT INTO rows VALUES (%s)", (number,))
        yield number


def log():
    """Lines at the end of a log."""
    LOG.touch()
    lines = LOG.read_text(encoding="ascii").split()
    number = int(lines[-1]) if lines else 0
    with open(LOG, "a", encoding="ascii") as file:
        while True:
            number += 1
            file.write(f"{number}\n")
            file.flush()
            os.fsync(file.fileno())
            yield number


def editor():
    """Files in /etc, saved one after the other."""
    EDITED.mkdir(exist_ok=True)
    saved = [int(file.read_text(encoding="ascii")) for file in EDITED.glob("[0-9].conf")]
    number = max(saved, default=0)
    while True:
        number += 1
        replace(EDITED / f"{number % FILES}.conf", f"{number}\n")
        yield number


def mail():
    """A spool: one file a letter."""
    for folder in ("tmp", "new"):
        (MAIL / folder).mkdir(parents=True, exist_ok=True)
    number = max((int(letter.name) for letter in (MAIL / "new").iterdir()), default=0)
    while True:
        number += 1
        letter = MAIL / "tmp" / str(number)
        letter.write_text(f"letter {number}\n", encoding="ascii")
        durable(letter)
        letter.rename(MAIL / "new" / str(number))
        durable(MAIL / "new")
        yield number


KINDS = {"database": database, "server": server, "log": log, "editor": editor, "mail": mail}


def main():
    """One process a kind; the port can be opened once, so all write to it through our output."""
    HOME.mkdir(parents=True, exist_ok=True)
    if len(sys.argv) < 2:
        with open(PORT, "wb", buffering=0) as port:
            writers = [subprocess.Popen([sys.executable, __file__, kind], stdout=port)
                       for kind in KINDS]
        sys.exit(max(writer.wait() for writer in writers))
    for number in KINDS[sys.argv[1]]():
        os.write(1, f"{sys.argv[1]} {number}\n".encode())
        time.sleep(PAUSE)


if __name__ == "__main__":
    main()
