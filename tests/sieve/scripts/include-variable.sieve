require ["include", "variables"]; set "a" "stops"; include "${a}";
