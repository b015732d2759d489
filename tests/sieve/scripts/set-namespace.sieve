require "variables"; set "a.b" "a";
