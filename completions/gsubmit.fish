# fish: found in share/fish/vendor_completions.d.
_GSUBMIT_COMPLETE=fish_source gsubmit | source
