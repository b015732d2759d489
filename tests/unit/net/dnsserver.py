"""A DNS server on loopback that knows what a test tells it, and how to lie."""

from __future__ import annotations

import socket
from collections.abc import Callable

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import gevent

from tests.harness.ports import free_port

SOA = "ns.example. admin.example. 1 60 60 60 60"
SILENT = "silent"

Record = tuple[int, list[str]] | str | Callable[[dns.message.Message], bytes | None]


class Dns:
    """`records` has the answers: (name, type) -> (TTL, texts), a word such as NXDOMAIN, SERVFAIL, SILENT, or octets."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        self.records: dict[tuple[str, str], Record] = {}
        self.over_tcp: dict[tuple[str, str], Record] = {}
        self.asked: list[tuple[str, str]] = []
        self.has_soa = True
        self.delay = 0.0  # seconds before each answer
        self.port = port or free_port()  # one for UDP and TCP
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind((address, self.port))
        self._listener = socket.create_server((address, self.port))
        self._serving: list[gevent.Greenlet[..., None]] = [gevent.spawn(self._serve), gevent.spawn(self._serve_tcp)]

    def _serve(self) -> None:
        while True:
            octets, peer = self._sock.recvfrom(4096)
            self._serving.append(gevent.spawn(self._reply, octets, peer))

    def _reply(self, octets: bytes, peer: tuple[str, int]) -> None:
        answer = self._answer(octets, self.records)
        gevent.sleep(self.delay)
        if answer is not None:
            self._sock.sendto(answer, peer)

    def _serve_tcp(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            with sock, sock.makefile("rwb") as file:
                answer = self._answer(file.read(int.from_bytes(file.read(2))), self.over_tcp)
                if answer is not None:
                    file.write(len(answer).to_bytes(2) + answer)

    def _answer(self, octets: bytes, records: dict[tuple[str, str], Record]) -> bytes | None:
        query = dns.message.from_wire(octets)
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        key = (question.name.to_text(omit_final_dot=True), kind)
        self.asked.append(key)
        record = records.get(key, "NOANSWER")
        if callable(record):
            return record(query)
        if record == SILENT:
            return None
        response = dns.message.make_response(query)
        response.flags |= dns.flags.RA
        if isinstance(record, tuple):
            ttl, texts = record
            response.answer.append(dns.rrset.from_text(question.name, ttl, "IN", kind, *texts))
            return response.to_wire()
        if record != "NOANSWER":
            response.set_rcode(dns.rcode.from_text(record))
        if self.has_soa and record != "SERVFAIL":
            response.authority.append(dns.rrset.from_text("example.", 60, "IN", "SOA", SOA))
        return response.to_wire()

    def close(self) -> None:
        gevent.killall(self._serving)
        self._sock.close()
        self._listener.close()
