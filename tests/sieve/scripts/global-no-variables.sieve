require ["include"]; global "a";
