require "variables"; set "a" "one at example.org"; redirect "${a}";
