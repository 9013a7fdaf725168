"""Stops moult inside a machine right behind a chosen step, for taking the power away there.

The journal gets a line after each step.  strace(1) freezes the process at every such write, and it
is thawed until the wanted step is the last one: nothing in moult itself knows of it.
"""

import json
import time

from world import MachineError

JOURNAL = "/var/lib/moult/journal"
TRACER, SAID, ENDED = "/run/freeze.pid", "/run/freeze.said", "/run/freeze.ended"
# The path by which moult has it open, in its own mount namespace.
TRACE = ("strace -qq -o /dev/null -P /run/moult/pool/@moult/journal -e trace=write "
         "-e inject=write:signal=STOP:when=1+")
# For a unit that is to be frozen in the same way.
DROP_IN = ("[Service]\nExecStart=\nTimeoutStartSec=infinity\n"
           f"ExecStart=/bin/sh -c 'echo $$$$ >{TRACER}; exec {TRACE} %s'\n")
STEP = f"""
lines=$(wc -l <{JOURNAL})
moult=$(pgrep -P "$(cat {TRACER} 2>/dev/null)" 2>/dev/null)
[ "$lines" != %d ] || [ -z "$moult" ] || ! grep -q '^State:.t' /proc/$moult/status ||
	kill -CONT $moult
tail -n +%d {JOURNAL}
"""


class Journal:
    """The steps that were done since a line of the journal, each as the plan has it."""

    def __init__(self, text):
        self.steps, plan = [], []
        for line in text.splitlines():
            record = json.loads(line.partition(" ")[2])
            if record["event"] == "plan":
                plan = record["steps"]
            elif record["event"] == "step":
                self.steps.append({"verb": record["verb"], **plan[record["step"]]})


def start(machine, command):
    """Begin a command that stops at once; returns the number of the journal's last line."""
    machine.ok(f"rm -f {ENDED}")
    before = lines(machine)
    machine.put(f"echo $$ >{TRACER}\nexec {TRACE} {command}\n".encode(), "/run/freeze.sh")
    machine.ok(f"(sh /run/freeze.sh; echo $? >{ENDED}) >{SAID} 2>&1 </dev/null &")
    return before


def until(machine, before, wanted, timeout=900):
    """Let the frozen command go on until `wanted` is true of its last step; returns that step."""
    seen, limit = before, time.monotonic() + timeout
    while time.monotonic() < limit:
        text = machine.ok(STEP % (seen, before + 1))
        steps = Journal(text).steps
        if steps and wanted(steps[-1]):
            return steps[-1]
        if machine.run(f"test -e {ENDED}").rc == 0:
            raise MachineError(f"it ended before that step: {machine.ok(f'cat {SAID}')}\n"
                               f"steps: {[step['name'] for step in steps]}")
        seen = before + len(text.splitlines())
        time.sleep(0.1)
    raise MachineError(f"waited {timeout} s for a step; the last was {steps[-1:]}")


def lines(machine):
    """How many lines the journal has; early in a boot it is not mounted yet."""
    machine.until(lambda: machine.run(f"test -e {JOURNAL}").rc == 0, "the journal")
    return int(machine.ok(f"wc -l <{JOURNAL}"))


def wait_frozen(machine):
    """Wait for a unit with DROP_IN to be frozen for the first time in this boot."""
    machine.until(lambda: machine.run(f"test -s {TRACER}").rc == 0, "the unit to start")


def release(machine):
    """Let what is frozen run to its end."""
    machine.ok(f'while moult=$(pgrep -P "$(cat {TRACER})"); do kill -CONT $moult; sleep 0.1; done',
               900)
