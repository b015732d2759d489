"""Configurations as the server reads them: with the drivers and mechanisms that there are."""

from functools import partial

from gsubmit.auth.drivers import KNOWN
from gsubmit.settings import load as loading

load = partial(loading.load, known=KNOWN)
load_text = partial(loading.load_text, known=KNOWN)
