"""Runs a command at a terminal of its own, as large as ours, and signs in where it asks a person to.

    at_terminal.py ISSUER USER COMMAND...

Each address of that OpenID provider that the command shows is opened as USER, as a person would in a browser.
"""

import os
import pty
import re
import subprocess
import sys


def main():
    issuer, user, *command = sys.argv[1:]
    sign_in = os.path.join(os.path.dirname(os.path.abspath(__file__)), "sign_in.py")
    address = re.compile(re.escape(issuer.encode()) + rb"/auth\?\S+(?=\s)")
    shown, opened = b"", set()

    def read(terminal):
        nonlocal shown
        part = os.read(terminal, 4096)
        shown += part
        for found in set(address.findall(shown)) - opened:
            opened.add(found)
            subprocess.Popen([sys.executable, sign_in, found.decode(), user], stdout=subprocess.DEVNULL)
        return part

    columns, rows = os.get_terminal_size()
    sized = f'stty cols {columns} rows {rows}; exec "$@"'
    status = pty.spawn(["sh", "-c", sized, "sh", *command], read)
    sys.exit(os.waitstatus_to_exitcode(status))


main()
