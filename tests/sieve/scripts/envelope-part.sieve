require "envelope"; if envelope "size" "a" { keep; }
