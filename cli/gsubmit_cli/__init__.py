"""The command `gsubmit`. The monkey patch comes before every other import: from here on blocking code is cooperative."""

from gevent import monkey

monkey.patch_all()
