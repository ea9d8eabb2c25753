"""`python -m benchmarks.mail_server DELAY`: a mail server in a process of its own that takes every mail and keeps none.

Each answer leaves DELAY seconds after its command has arrived, as over a long way: commands that arrive together are answered together.
It prints its port, and takes mails until its standard input ends.
"""

import argparse
import asyncio
import sys

ANSWERS = {
    b"EHLO": b"250 benchmark",
    b"MAIL": b"250 OK",
    b"RCPT": b"250 OK",
    b"DATA": b"354 Go on",
    b"RSET": b"250 OK",
    b"NOOP": b"250 OK",
    b"QUIT": b"221 Bye",
}


async def _answer_later(delay: float, writer: asyncio.StreamWriter, answer: bytes) -> None:
    await asyncio.sleep(delay)
    if not writer.is_closing():
        writer.write(answer + b"\r\n")


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, delay: float) -> None:
    """Answer the commands of one connection, in their order."""
    loop, pending = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    def answer(text: bytes) -> None:
        task = loop.create_task(_answer_later(delay, writer, text))
        pending.add(task)
        task.add_done_callback(pending.discard)

    answer(b"220 benchmark")
    while line := await reader.readline():
        command = line[:4].upper().strip()
        answer(ANSWERS.get(command, b"502 What?"))
        if command == b"DATA":
            while (await reader.readline()) not in {b".\r\n", b""}:
                pass
            answer(b"250 Taken")
    writer.close()


async def main(options: argparse.Namespace) -> None:
    """Listen on a free port of the loopback until standard input ends."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer, delay=options.delay)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("delay", type=float, help="seconds before each answer")
    asyncio.run(main(parser.parse_args()))
