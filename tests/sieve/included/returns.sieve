require ["include", "variables"]; global "steps"; set "steps" "${steps}before"; if true { return; } set "steps" "${steps}after";
