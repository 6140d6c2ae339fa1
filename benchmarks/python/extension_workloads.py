"""The rows of extension.py: run by it under callgrind, as `extension_workloads.py SHORT LONG`."""

from __future__ import annotations

import os
import sys

import blocklist
from request import REQUEST_8K

import scopeflow
from scopeflow import guardrails, tools

REQUEST = {"query": "x", "limit": 3}
NAMES = ["eval", "exec", "shell", "sudo"]


async def search(arguments):
    return arguments


def drive(coroutine):
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("nothing here waits")


async def call(count, request):
    execute = tools.execute
    for _ in range(count):
        await execute("search", request, search)


def plain(count):
    drive(call(count, REQUEST))


def guarded(count, request=REQUEST):
    blocklist.block(scopeflow.default_runtime, "guard", NAMES)
    try:
        drive(call(count, request))
    finally:
        guardrails.deregister_tool_conditional_execution("guard")


def guarded_8k(count):
    guarded(count, REQUEST_8K)


ROWS = {
    "tool, async": plain,
    "tool, async, a guard in C++": guarded,
    "tool, 8 KB, a guard in C++": guarded_8k,
}


def main(short, long):
    for name, row in ROWS.items():
        print(name)
        for count in (short, short, long):
            row(count)
            os.getppid()  # Where callgrind dumps what it counted.


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
