"""The command `gsubmit`. The monkey patch comes before every other import and makes blocking code cooperative."""

from gevent import monkey

monkey.patch_all()
