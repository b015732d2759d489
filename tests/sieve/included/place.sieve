require ["include", "variables"]; global "where"; set "where" "personal";
