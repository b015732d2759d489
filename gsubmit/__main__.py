"""`python -m gsubmit` is the command gsubmit."""

from gsubmit_cli.main import main

if __name__ == "__main__":
    main(prog_name="python -m gsubmit")
