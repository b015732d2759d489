require ["include", "variables"]; global "seen"; set "seen" "${own}"; set "own" "inside";
