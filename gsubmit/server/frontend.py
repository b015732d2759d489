"""The front ends of a listener with `haproxy = yes`, and whom they connect for (PPX-1, PPX-2)."""

from __future__ import annotations

import logging
from dataclasses import replace
from socket import socket

from gsubmit.logs.complaints import Complaint
from gsubmit.net.proxyprotocol import NotProxied, Proxied, read_header
from gsubmit.server.endpoints import Endpoints
from gsubmit.server.service import Service

_log = logging.getLogger("gsubmit")


class FrontEnds:
    """Those that connect to one listener. What may happen with each connection is logged once in a while."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting = 0  # connections whose header has not come yet
        self._strangers = Complaint(_log)
        self._faults = Complaint(_log)

    def introduced(self, sock: socket, ends: Endpoints, service: Service, most: int) -> Endpoints:
        """The ends that count, once the header has come; LOCAL and UNKNOWN leave the socket's own ones.

        Never more than `most` connections wait. Raises NotProxied and OSError, which have been logged: the connection
        is to end without a word.
        """
        if not service.believes(ends.remote_ip):
            self._strangers.say("%s: %s is not in haproxy_trusted_networks", self._name, ends.remote_ip)
            raise NotProxied("nobody whose word counts")
        try:
            said = self._read(sock, service.settings.auth.haproxy.timeout, most)
        except (NotProxied, OSError) as fault:
            self._faults.say("%s: closed a connection from %s: %s", self._name, ends.remote_ip, fault)
            raise
        ends = replace(ends, tls=said.tls, certificate_name=said.name, authority=said.authority)
        if said.client is not None:
            ends = replace(ends, remote_ip=said.client.ip, remote_port=said.client.port)
        if said.server is not None:
            ends = replace(ends, local_ip=said.server.ip, local_port=said.server.port)
        return ends

    def _read(self, sock: socket, timeout: float, most: int) -> Proxied:
        if self._waiting >= most:
            raise NotProxied("too many wait for their PROXY header")
        self._waiting += 1
        try:
            return read_header(sock, timeout)
        finally:
            self._waiting -= 1
