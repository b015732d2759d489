"""Tests run in one patched process: server, clients and fake relays are greenlets that speak over real sockets."""

from gevent import monkey

monkey.patch_all()
