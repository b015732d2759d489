"""The client behind `gsubmit send-test`: one message, step by step, with everything that was said."""
