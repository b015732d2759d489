require ["include", "variables"]; if header :matches "to" "*@*" { return; }
