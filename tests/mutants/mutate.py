"""Finds what the switch rests on, and makes each piece of it something that can be left out.

A mutant is one call, in boot/, core/ or engine/, that makes something durable, reads it back,
replaces it at once or puts it before something else. instrument() rewrites the sources of a copy of
the tree so that the program asks, at each of those calls, whether MOULT_MUTANT names it: then it is
left out. So all mutants are built once.
"""

import dataclasses
import pathlib
import re

FOLDERS = ("src/boot", "src/core", "src/engine")
HEADER = "mutant.h"
HEADER_TEXT = """#pragma once
#include <stdio.h>
#include <stdlib.h>
#define MUTANTS_MAX 1000
static inline void mutant_reached(int number, const char *file)
{
\tstatic char seen[MUTANTS_MAX];
\tFILE *list = seen[number]++ ? NULL : fopen(file, "a");

\tif (list) {
\t\tfprintf(list, "%d\\n", number);
\t\tfclose(list);
\t}
}
/* Whether the mutant of this number is alive in this process. */
static inline int mutant_alive(int number)
{
\tconst char *chosen = getenv("MOULT_MUTANT"), *file = getenv("MOULT_MUTANTS_REACHED");

\tif (file)
\t\tmutant_reached(number, file);
\treturn chosen && atoi(chosen) == number;
}
/* Room for what is written to a step that is not there. */
#define MUTANT_NO_STEP ((struct step *)calloc(1, sizeof(struct step)))
"""
STEPS = {"STEP_SYNC": "sync", "STEP_SET_DEFAULT": "set-default", "STEP_CHECK_VOLUME": "check"}
HEAD = re.compile(r"^[a-z][^;{}=]*?\b([a-z_0-9]+)\([^;{}]*\)\n\{", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Kind:
    """A kind of call: how it begins, what it is called, what is there instead of it."""
    call: str
    name: str
    instead: str  # {call}, {arguments}, {but_last}, {last} and {before} (the name) may be used
    wanted: str = ""  # in the arguments

    def pattern(self):
        """Where such a call begins."""
        return re.compile(r"(?P<before>(?:[a-z_]+(?:->|\.))*)\b" + re.escape(self.call) + r"\(")


NO_STEP, NOTHING, DONE = "MUTANT_NO_STEP", "(void)0", "0"
KINDS = (
    *(Kind("plan_at", name, NO_STEP, step) for step, name in STEPS.items()),
    Kind("plan_read_back", "read back", NO_STEP),
    Kind("plan_rename", "rename", NO_STEP),
    Kind("plan_exchange", "exchange", NO_STEP),
    Kind("plan_set_byte", "set byte", NO_STEP),
    Kind("plan_replace", "rename of a replacement", "plan_write({arguments})"),
    Kind("add_sync", "sync", NOTHING),
    Kind("add_check", "check", NOTHING),
    Kind("ops->sync", "sync", DONE),
    Kind("ops->rename", "rename", DONE),
    Kind("ops->exchange", "exchange", DONE),
    Kind("ops->set_default", "set-default", DONE),
    Kind("ops->check", "check", DONE),
    Kind("ops->read_medium", "cache dropped before reading back",
         "{before}ops->read({arguments})"),
    Kind("ops->digest_medium", "cache dropped before reading back",
         "{before}ops->digest({but_last}, DIGEST_SHA256, {last})"),
    Kind("blob_is_whole", "read back", "true"),
)


@dataclasses.dataclass(frozen=True)
class Swap:
    """Two pieces of a function in the other order."""
    file: str
    function: str
    first: str
    second: str


# Each is the order of two things that design/switch.md asks for.
SWAPS = (
    Swap("src/boot/sdboot.c", "offer", "withdraw_counted(&work, publish.path)",
         "add_entry(&work, &publish)"),
    Swap("src/boot/sdboot.c", "adopt", "add_blobs(&work, entry)", "add_entry(&work, &publish)"),
    Swap("src/boot/sdboot.c", "keep_old", "add_blobs(&work, entry)", "add_entry(&work, &publish)"),
    Swap("src/engine/publish/publish_current.c", "plan_switch",
         "!machine->loader->adopt(&machine->menu, &entry, plan, err)",
         "!plan_remove_entries(machine, gen, kept, plan, err)"),
)


@dataclasses.dataclass(frozen=True)
class Mutant:
    """One of them; start and end: where it is in the file."""
    file: str
    function: str
    name: str
    text: str
    start: int
    end: int
    instead: str

    @property
    def key(self):
        """For people, and for the table of excuses."""
        return f"{self.file} {self.function}: {self.name}"


def _end_of_call(text, at):
    """Where the parenthesis closes that was opened before this place."""
    depth = 1
    while depth:
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return at


def _function_at(text, at):
    """The function that a place is in: the last definition that begins before it."""
    return ([head[1] for head in HEAD.finditer(text[:at])] or [""])[-1]


def _calls(text, kind):
    for found in kind.pattern().finditer(text):
        line = text[text.rfind("\n", 0, found.start()) + 1:found.start()]
        if not line.startswith((" ", "\t")):
            continue  # its own definition, or a comment
        end = _end_of_call(text, found.end())
        arguments = text[found.end():end - 1]
        if kind.wanted and not re.search(rf"\b{kind.wanted}\b", arguments):
            continue
        yield found, end, arguments


def _of_kind(file, text, kind):
    for found, end, arguments in _calls(text, kind):
        call = text[found.start():end]
        yield Mutant(file, _function_at(text, found.start()), kind.name, " ".join(call.split()),
                     found.start(), end, kind.instead.format(
                         call=call, arguments=arguments, before=found["before"],
                         but_last=arguments.rpartition(",")[0], last=arguments.rpartition(",")[2]))


def _swapped(file, text, swap):
    start = next(head.end() for head in HEAD.finditer(text) if head[1] == swap.function)
    first = text.index(swap.first, start)
    second = text.index(swap.second, first)
    between = text[first + len(swap.first):second]
    end = second + len(swap.second)
    if end > text.index("\n}", start):
        raise ValueError(f"{swap.function}: {swap.second} is not in it")
    return Mutant(file, swap.function, f"{_short(swap.first)} after {_short(swap.second)}",
                  " ".join(text[first:end].split()), first, end,
                  swap.second + between + swap.first)


def _short(text):
    return text.partition("(")[0].rpartition(">")[2]


def find(top):
    """All mutants of a tree, in the order of files and lines; one number for each for this run."""
    found = []
    for folder in FOLDERS:
        for path in sorted((top / folder).rglob("*.c")):
            file, text = str(path.relative_to(top)), path.read_text(encoding="utf-8")
            for kind in KINDS:
                found += _of_kind(file, text, kind)
            found += [_swapped(file, text, swap) for swap in SWAPS if swap.file == file]
    return sorted(found, key=lambda mutant: (mutant.file, mutant.start, -mutant.end))


def keys(mutants):
    """A name for each, none twice: the second of a function's is its #2."""
    seen, named = {}, []
    for mutant in mutants:
        seen[mutant.key] = seen.get(mutant.key, 0) + 1
        named.append(mutant.key + (f" #{seen[mutant.key]}" if seen[mutant.key] > 1 else ""))
    return named


def instrument(top, mutants):
    """Rewrite the sources of a tree, so that mutant n (from 1) can be chosen when it runs."""
    (pathlib.Path(top) / HEADER).write_text(HEADER_TEXT, encoding="utf-8")
    for file in sorted({mutant.file for mutant in mutants}):
        path = pathlib.Path(top) / file
        here = [(number, mutant) for number, mutant in enumerate(mutants, 1)
                if mutant.file == file]
        path.write_text(_rewritten(path.read_text(encoding="utf-8"), here), encoding="utf-8")


def _rewritten(text, numbered):
    """From the end to the beginning; those that overlap are alternatives of one expression."""
    groups = []
    for number, mutant in sorted(numbered, key=lambda pair: pair[1].start):
        if groups and mutant.start < groups[-1][1]:
            groups[-1][1] = max(groups[-1][1], mutant.end)
            groups[-1][2].append((number, mutant))
        else:
            groups.append([mutant.start, mutant.end, [(number, mutant)]])
    for start, end, members in reversed(groups):
        chosen = "".join(
            f"mutant_alive({number}) ? "
            f"({text[start:mutant.start]}{mutant.instead}{text[mutant.end:end]}) : "
            for number, mutant in members)
        text = f"{text[:start]}({chosen}{text[start:end]}){text[end:]}"
    return text
