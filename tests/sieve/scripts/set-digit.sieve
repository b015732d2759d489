require "variables"; set "1" "a";
