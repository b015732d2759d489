require ["include", "variables"]; set "global.back" "${global.given}";
