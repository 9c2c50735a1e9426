"""python session.py FILE…: runs the files one after the other as one program, whose top level may await."""

import ast
import asyncio
import inspect
import pathlib
import sys


async def main(paths):
    names = {"__name__": "__main__"}
    for path in paths:
        code = compile(pathlib.Path(path).read_text(), path, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(code, names)
        if inspect.isawaitable(result):
            await result


asyncio.run(main(sys.argv[1:]))
