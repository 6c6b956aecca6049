"""The agent's socket: who may speak, how much, and which request is whose."""

import os
import socket
import stat
import struct
import threading
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

from hosting.agent import protocol
from hosting.agent.apply import Applier
from hosting.agent.protocol import AgentError, invalid

_CONNECTIONS = 32
_IDLE = 300.0


class Server:
    """Answers requests on a unix socket, one thread for each connection."""

    def __init__(self, applier: Applier, path: Path, allowed: Collection[int]):
        self._applier = applier
        self._allowed = frozenset(allowed)
        self._places = threading.BoundedSemaphore(_CONNECTIONS)
        self._listener = _listen(path, is_shared=self._allowed != {os.geteuid()})
        self._verbs = {
            "hello": self._hello,
            "switch": self._switch,
            "desired": self._desired,
            "plan": self._plan,
            "measure": self._measure,
            "ask": self._ask,
            "news": self._news,
            "transfer": self._transfer,
        }

    def start(self) -> None:
        """Begin to answer, from threads of its own."""
        threading.Thread(target=self._accept, name="server", daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if not self._places.acquire(blocking=False):
                connection.close()
                continue
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.settimeout(_IDLE)
                with connection.makefile("rb") as stream:
                    self._converse(connection, stream)
        except OSError:
            pass  # The other side has gone; what it asked for has been done or will be asked again.
        finally:
            self._places.release()

    def _converse(self, connection: socket.socket, stream: BinaryIO) -> None:
        peer = _peer(connection)
        if peer not in self._allowed:
            refusal = AgentError("refused", f"user {peer} may not speak to the agent")
            connection.sendall(protocol.encode(_refusal(refusal)))
            return
        while True:
            try:
                line = protocol.read_line(stream)
            except AgentError as error:
                # What follows on this connection is the rest of the line: there is no going on.
                connection.sendall(protocol.encode(_refusal(error)))
                return
            if line is None:
                return
            reply = _Reply(connection)
            try:
                self._answer(protocol.decode(line), reply)
            except AgentError as error:
                reply.send(_refusal(error))
            except Exception as error:
                # Nobody's request may end the agent: whoever asked is told what it was.
                reply.send(_refusal(AgentError("io", f"{type(error).__name__}: {error}")))
            if reply.is_lost:
                return

    def _answer(self, request: dict, reply: "_Reply") -> None:
        verb = request.pop("verb", None)
        if type(verb) is not str or verb not in self._verbs:
            raise invalid(f"unknown verb {str(verb)[:60]!r}")
        self._verbs[verb](request, reply)

    def _hello(self, request: dict, reply: "_Reply") -> None:
        protocol.record(request, "hello", (), ("with_applied",))
        with_applied = protocol.truth(request.get("with_applied", False), "with_applied")
        reply.send(self._applier.hello(with_applied))

    def _switch(self, request: dict, reply: "_Reply") -> None:
        protocol.record(request, "switch", ("items",))
        reply.send(self._applier.switch(protocol.switches(request["items"])))

    def _desired(self, request: dict, reply: "_Reply") -> None:
        subscriptions = _subscriptions(request, "desired")
        self._applier.desired(subscriptions, reply.send)
        if any(type(each) is dict and each.get("present") is False for each in subscriptions):
            self._applier.sweep()

    def _plan(self, request: dict, reply: "_Reply") -> None:
        reply.send(self._applier.plan(_subscriptions(request, "plan")))

    def _measure(self, request: dict, reply: "_Reply") -> None:
        protocol.record(request, "measure", ("subscriptions",), ("since",))
        since = protocol.day(request["since"], "since") if "since" in request else None
        numbers = protocol.listed(request["subscriptions"], "subscriptions", protocol.MAX_MEASURED)
        reply.send(
            self._applier.measure(
                [protocol.whole(each, "subscription", 1, protocol.MAX_ID) for each in numbers],
                since,
            )
        )

    def _ask(self, request: dict, reply: "_Reply") -> None:
        names = ("service", "what", "subscription", "parameters")
        fields = protocol.record(request, "ask", names)
        service, what = (protocol.text(fields[name], name, 40) for name in names[:2])
        number = protocol.whole(fields["subscription"], "subscription", 1, protocol.MAX_ID)
        reply.send(self._applier.ask(service, what, number, fields["parameters"]))

    def _news(self, request: dict, reply: "_Reply") -> None:
        fields = protocol.record(request, "news", ("service", "after"))
        service = protocol.text(fields["service"], "service", 40)
        after = protocol.whole(fields["after"], "after", 0, protocol.MAX_ID)
        reply.send(self._applier.news(service, after))

    def _transfer(self, request: dict, reply: "_Reply") -> None:
        names = ("service", "what", "subscription", "parameters")
        fields = protocol.record(request, "transfer", names)
        service, what = (protocol.text(fields[name], name, 40) for name in names[:2])
        number = protocol.whole(fields["subscription"], "subscription", 1, protocol.MAX_ID)
        file = reply.take_file()
        try:
            about = (service, what, number, fields["parameters"])
            reply.send(self._applier.transfer(*about, file, reply.tell))
        finally:
            os.close(file)


class _Reply:
    """What goes back on one connection. The other side's going ends no work that was begun, but
    for a transfer: what is transferred is its file."""

    def __init__(self, connection: socket.socket):
        self._connection = connection
        self.is_lost = False

    def send(self, value: dict) -> None:
        """Send a line, or nothing when nobody listens any more."""
        if self.is_lost:
            return
        try:
            self._connection.sendall(protocol.encode(value))
        except OSError:
            self.is_lost = True

    def tell(self, progress: int) -> bool:
        """Say how many bytes there are so far, and whether anybody still waits for the rest."""
        self.send({"progress": progress})
        return not self.is_lost

    def take_file(self) -> int:
        """Ask for the open file that goes with the request; its descriptor.

        SECURITY: the other side has opened it. The agent, which might open anything, never opens
        what somebody else names.
        """
        self.send({"ok": True, "ready": True})
        _mark, found, _flags, _address = socket.recv_fds(self._connection, 1, 1)
        for file in found:
            os.set_inheritable(file, False)
        if len(found) == 1 and stat.S_ISREG(os.fstat(found[0]).st_mode):
            return found[0]
        for file in found:
            os.close(file)
        raise invalid("an open file goes with this request")


def _refusal(error: AgentError) -> dict:
    return {"ok": False, "kind": error.kind, "message": error.message}


def _subscriptions(request: dict, verb: str) -> list:
    protocol.record(request, verb, ("subscriptions",))
    return protocol.listed(request["subscriptions"], "subscriptions", protocol.MAX_SUBSCRIPTIONS)


def _peer(connection: socket.socket) -> int:
    """Return the uid on the other side, as the kernel knows it."""
    size = struct.calcsize("3i")
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    return struct.unpack("3i", packed)[1]


def _listen(path: Path, is_shared: bool) -> socket.socket:
    """Return a listening socket, which others can reach only where others are allowed at all."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path.unlink(missing_ok=True)
    # Through the directory's descriptor: a path may be longer than a socket address can be.
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    mask = os.umask(0o177)
    try:
        listener.bind(f"/proc/self/fd/{directory}/{path.name}")
    finally:
        os.umask(mask)
        os.close(directory)
    if is_shared:
        # Whoever connects is asked for by uid; the mode would only say it less exactly.
        os.chmod(path, 0o666)  # noqa: S103
    listener.listen(_CONNECTIONS)
    return listener
