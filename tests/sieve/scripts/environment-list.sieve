require "environment"; if environment ["name", "host"] "x" { keep; }
